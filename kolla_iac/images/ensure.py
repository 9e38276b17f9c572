"""The stage ``images``: every host gets what a preview announced."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Mapping

from kolla_iac.errors import KollaError
from kolla_iac.images.build import build
from kolla_iac.images.client import Daemon, docker
from kolla_iac.images.mutex import one_at_a_time
from kolla_iac.images.recipe import REPOSITORY, recipe
from kolla_iac.model.present import Present
from kolla_iac.model.stage import ImagesStage
from kolla_iac.waiting import waiting

PULL_SECONDS = 1800


def ensure(stage: ImagesStage, say: Callable[[str], None]) -> None:
    """Builds or pulls what is missing on each host of a stage, and never what is there.

    Args:
        stage: hosts, images and source as previewed.
        say: gets one line per step.

    Raises:
        KollaError: a recipe changed since the preview, a build or a pull fails, a host does not answer.
    """
    daemons = {name: Daemon(endpoint) for name, endpoint in stage.hosts.items()}
    ours = {
        image: reference
        for image, reference in stage.images.items()
        if stage.source == "build" and reference.startswith(f"{REPOSITORY}/")
    }
    check_unchanged(ours, stage.release)
    for image, reference in stage.images.items():
        missing = {name: daemon for name, daemon in daemons.items() if not daemon.has(reference)}
        if missing:
            with one_at_a_time("images", say):
                if image in ours:
                    _build_or_copy(image, stage.release, daemons, say)
                else:
                    for name, daemon in missing.items():
                        pull(reference, name, daemon, say)
        say(f"{image}  {present(next(iter(daemons.values())), reference)}")


def present(daemon: Daemon, reference: str) -> Present:
    """Size of an image that the host has, and its digest where it came from a registry.

    Raises:
        KollaError: it is not there, or the daemon does not answer.
    """
    form = "{{.Size}}{{range .RepoDigests}} {{.}}{{end}}"
    size, *digests = daemon.run("image", "inspect", "--format", form, reference).split()
    # a tag stands behind the last slash: registry.example:5000/keystone has none
    name = re.sub(r":[^:/]+$", "", reference.partition("@")[0])
    pulled = dict(one.split("@", 1) for one in digests if "@" in one)
    return Present(reference, round(int(size) / 1e6), pulled.get(name, ""))


def check_unchanged(previewed: Mapping[str, str], release: str) -> None:
    """Refuses to build something else than was previewed.

    Raises:
        KollaError: a recipe of this version gives another reference.
    """
    for image, reference in previewed.items():
        now = recipe(image, release).reference
        if now != reference:
            raise KollaError(
                f"the recipe of {image} is not the previewed one",
                {
                    "wanted": reference,
                    "saw": f"{now} from the recipes installed here",
                    "next": "preview and bring up from the same version of kolla_iac: pulumi up",
                },
            )


def pull(reference: str, host: str, daemon: Daemon, say: Callable[[str], None]) -> None:
    """Pulls an image to a host.

    Raises:
        KollaError: the registry does not give it.
    """
    start = time.monotonic()
    say(f"{reference}  pulling on {host}")
    try:
        with waiting(f"{reference} to be pulled", say, PULL_SECONDS):
            daemon.run("pull", "--quiet", reference, timeout=PULL_SECONDS)
    except KollaError as error:
        saw = error.facts.get("saw", error.headline)
        text = saw if isinstance(saw, str) else "\n".join(saw)
        facts = {"host": host, "endpoint": daemon.endpoint, "saw": text, "hint": _hint(reference, text)}
        raise KollaError(f"{reference} cannot be pulled", facts) from error
    say(f"{reference}  pulled on {host}  {time.monotonic() - start:.1f} s")


def _hint(reference: str, saw: str) -> str:
    first, slash, _ = reference.partition("/")
    # Docker's rule: the first part is a registry if it could be an address
    registry = first if slash and re.search(r"[.:]|^localhost$", first) else "docker.io"
    if re.search(r"not found|manifest unknown|denied", saw, re.IGNORECASE):
        return f"{registry} has no such image, tag or digest, or shows it to those alone who log in: docker login"
    return f"does the host reach {registry}? `docker pull {reference}` there shows the same"


def _build_or_copy(
    image: str, release: str, daemons: Mapping[str, Daemon], say: Callable[[str], None]
) -> None:
    wanted = recipe(image, release)
    having = [name for name, daemon in daemons.items() if daemon.has(wanted.reference)]
    first = having[0] if having else next(iter(daemons))
    build(wanted, daemons[first], say)
    for name, daemon in daemons.items():
        if name != first and not daemon.has(wanted.reference):
            start = time.monotonic()
            with waiting(f"{image} to be copied from {first} to {name}", say):
                copy(wanted.reference, daemons[first], daemon)
            say(f"{image}  copied from {first} to {name}  {time.monotonic() - start:.1f} s")


def copy(reference: str, source: Daemon, target: Daemon) -> None:
    """Copies an image from one host to another, through this machine.

    Raises:
        KollaError: either side fails.
    """
    with subprocess.Popen([docker(), "save", reference], stdout=subprocess.PIPE, env=source.env) as saved:
        loaded = subprocess.run(
            [docker(), "load", "--quiet"],
            stdin=saved.stdout,
            capture_output=True,
            text=True,
            check=False,
            env=target.env,
        )
    if saved.returncode != 0 or loaded.returncode != 0:
        raise KollaError(
            f"copying {reference} failed",
            {
                "from": f"{source.endpoint}, exit code {saved.returncode}",
                "to": f"{target.endpoint}, exit code {loaded.returncode}",
                "saw": loaded.stderr.strip() or "no message",
            },
        )
