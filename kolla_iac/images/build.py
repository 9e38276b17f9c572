"""Builds one image on one host, with BuildKit."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from kolla_iac.errors import KollaError
from kolla_iac.images.client import Daemon, builder
from kolla_iac.images.progress import Progress
from kolla_iac.images.recipe import Recipe
from kolla_iac.images.rootfs import ensure_rootfs
from kolla_iac.waiting import waiting

LABEL_IMAGE = "kolla_iac.image"
"""On every image of ours: the recipe's name."""
LABEL_DIGEST = "kolla_iac.digest"
"""On every image of ours: hash of all that went in."""
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
"""Known to every build without being declared, and never part of an image."""
BUNDLES = ("KOLLA_IAC_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that name a CA bundle, the first that is set counts."""
INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
"""Variables that name a mirror of PyPI, the first that is set counts. Hashes hold whatever its content."""


def ca_bundle() -> Path | None:
    """The bundle that downloads of this machine are checked with, where the user names one."""
    named = (os.environ.get(name) for name in BUNDLES)
    return next((Path(path) for path in named if path and Path(path).is_file()), None)


def build(recipe: Recipe, daemon: Daemon, say: Callable[[str], None]) -> None:
    """Makes an image exist on a host, with what it stands on; does nothing for what is there.

    The tag is given when all is done: what is cut off leaves none.

    Raises:
        KollaError: the build fails: its step, and what that said last.
    """
    if daemon.has(recipe.reference):
        return
    if recipe.base:
        build(recipe.base, daemon, say)
    else:
        ensure_rootfs(daemon, say)
    say(f"{recipe.image}  building {recipe.reference}")
    start = time.monotonic()
    unfinished = f"{recipe.reference}-unfinished-{os.getpid()}"
    with tempfile.TemporaryDirectory(prefix="kolla-iac-build-") as folder:
        context = Path(folder)
        write_context(recipe, context)
        with tempfile.TemporaryDirectory(prefix="kolla-iac-secret-") as secrets:
            _run_build(recipe, context, [*_secrets(Path(secrets)), "--tag", unfinished], daemon, say)
    daemon.tag(unfinished, recipe.reference)
    daemon.untag(unfinished)
    say(f"{recipe.image}  built, {size(daemon, recipe.reference)} MB  {time.monotonic() - start:.1f} s")


def size(daemon: Daemon, reference: str) -> int:
    """Size of an image as `docker images` shows it, in MB (10**6 bytes)."""
    return round(int(daemon.run("image", "inspect", "--format", "{{.Size}}", reference)) / 1e6)


def write_context(recipe: Recipe, folder: Path) -> None:
    """Writes the build context, with the same modes everywhere."""
    for path, content in recipe.files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(0o644)
    for directory in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        directory.chmod(0o755)


def _secrets(folder: Path) -> list[str]:
    """Options that lend the build what may not stay in an image."""
    options = []
    if bundle := ca_bundle():
        options += ["--secret", f"id=ca,src={bundle}"]
    if index := next(filter(None, map(os.environ.get, INDEXES)), None):
        file = folder / "index"
        file.touch(mode=0o600)
        file.write_text(index)
        options += ["--secret", f"id=index,src={file}"]
    return options


def _run_build(
    recipe: Recipe, context: Path, options: list[str], daemon: Daemon, say: Callable[[str], None]
) -> None:
    client = builder()
    options = ["--progress=plain", "--network=host", *options]
    options += ["--label", f"{LABEL_IMAGE}={recipe.image}", "--label", f"{LABEL_DIGEST}={recipe.digest}"]
    for name in PROXIES:
        if name in os.environ:
            options += ["--build-arg", name]
    progress = Progress()
    built = daemon.lines(*client.command, *options, str(context), env=client.env)
    with waiting(f"{recipe.image} to be built", say) as told, built as process:
        for line in process.stdout or ():
            if step := progress.read(line):
                say(f"{recipe.image}  {step}")
            told.saw(progress.now)
    if process.returncode != 0:
        raise KollaError(
            f"building the image {recipe.image} failed",
            {
                "host": daemon.endpoint,
                "step": progress.failed or "before its first step",
                "saw": progress.reason or f"exit code {process.returncode}",
                "last lines": progress.last_lines or "nothing",
                "meanwhile": "nothing was tagged; the steps before it are cached",
            },
        )
