"""``kolla-iac images``: what an environment's or a release's images are, and how they get to its hosts."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from kolla_iac.errors import KollaError
from kolla_iac.model.releases import RELEASES

if TYPE_CHECKING:
    from kolla_iac.model.environment import Environment

NEWEST = list(RELEASES)[-1]
TARGET = typer.Argument(
    None, metavar="[ENV|RELEASE]", help=f"Environment, or series such as {NEWEST}: the default."
)
SETTINGS = typer.Option(None, "--settings", help="A file of the form Pulumi.<env>.yaml, instead of ENV.")

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@dataclass(frozen=True)
class Target:
    """What a command works on."""

    release: str
    hosts: dict[str, str]
    """Name -> Docker endpoint."""
    images: dict[str, str]
    """Image name -> reference."""
    source: Literal["build", "registry"]
    own: frozenset[str] = frozenset()
    """Images that a service names itself: pulled, whatever the source."""


@app.callback()
def _images() -> None:
    """List, build, pull, lock and prune images."""


@app.command("list")
def list_command(target: str | None = TARGET, settings: Path | None = SETTINGS) -> None:
    """Show each image's reference, known without building, and where it is."""
    from kolla_iac.images.build import size
    from kolla_iac.images.client import Daemon

    chosen = _target(target, settings)
    rows = []
    for image, reference in sorted(chosen.images.items()):
        where = []
        for name, endpoint in chosen.hosts.items():
            daemon = Daemon(endpoint)
            where.append(f"{name}: {f'{size(daemon, reference)} MB' if daemon.has(reference) else 'missing'}")
        rows.append((image, reference, ", ".join(where)))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for image, reference, where_text in rows:
        typer.echo(f"{image:<{widths[0]}}  {reference:<{widths[1]}}  {where_text}")


@app.command("build")
def build_command(target: str | None = TARGET, settings: Path | None = SETTINGS) -> None:
    """Build from our recipes what is missing; what is there stays as it is."""
    chosen = _target(target, settings)
    if chosen.source != "build":
        raise KollaError(
            "these images come from a registry", {"next": f"kolla-iac images pull {target or ''}".rstrip()}
        )
    bring(chosen)


@app.command("pull")
def pull_command(
    target: str | None = TARGET,
    settings: Path | None = SETTINGS,
    registry: str | None = typer.Option(
        None, "--registry", help="For a RELEASE: where its images are published."
    ),
) -> None:
    """Pull from the registry what is missing."""
    chosen = _target(target, settings, registry)
    if chosen.source != "registry":
        raise KollaError(
            "these images are built from our recipes",
            {
                "next": [
                    f"kolla-iac images build {target or ''}".rstrip(),
                    "or name a registry: --registry quay.io",
                ]
            },
        )
    bring(chosen)


@app.command("lock")
def lock_command(
    release: str = typer.Argument(NEWEST, metavar="[RELEASE]", help="Series whose versions are locked."),
    constraints: Path | None = typer.Option(
        None, "--constraints", help="OpenStack's published upper-constraints.txt of the series."
    ),
    tools: bool = typer.Option(False, "--tools", help="Renew the lock of the tools that recipes build with."),
) -> None:
    """Write the locks of a release's Python distributions, with hashes, into the recipes."""
    from kolla_iac.images.locks import lock, lock_build_tools, lockable

    if tools:
        typer.echo(f"wrote {lock_build_tools()}")
    if constraints is None:
        if not tools:
            raise KollaError(
                "--constraints is missing",
                {
                    "wanted": f"upper-constraints.txt of {release}, which OpenStack's requirements project publishes"
                },
            )
        return
    for image in lockable():
        typer.echo(f"{image}  wrote {lock(image, release, constraints)}")


@app.command("prune")
def prune_command(
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would go."),
    everything: bool = typer.Option(
        False, "--all", help="Also what the recipes of today give, where no environment needs it."
    ),
) -> None:
    """Remove images of ours that no environment means, no container uses and no recipe gives any more."""
    from kolla_iac.cli import project
    from kolla_iac.images import references
    from kolla_iac.images.client import Daemon
    from kolla_iac.images.mutex import one_at_a_time
    from kolla_iac.images.prune import prunable
    from kolla_iac.images.recipe import images, recipe

    checkout = project.root()
    environments = [project.settings_of(name) for name in project.environments(checkout)]
    endpoints = {host.docker for environment in environments for host in environment.hosts} | {_local()}
    wanted = {reference for environment in environments for reference in references(environment).values()}
    if not everything:
        wanted |= {recipe(image, release).reference for image in images() for release in RELEASES}
    with one_at_a_time("images", typer.echo):
        for endpoint in sorted(endpoints):
            daemon = Daemon(endpoint)
            before = _taken(endpoint)
            found = prunable(daemon, wanted)
            for image in reversed(found):
                if not dry_run:
                    daemon.untag(image.reference, prune=True)
                typer.echo(f"{'would remove' if dry_run else 'removed'}  {image.reference}  {image.size} MB")
            if not found:
                typer.echo(f"{endpoint}: nothing to remove")
            elif not dry_run:
                typer.echo(
                    f"{endpoint}: {len(found)} removed; all images took {before}, now {_taken(endpoint)}"
                )


def _taken(endpoint: str) -> str:
    """Space of all images of a host, shared layers counted once, as Docker words it."""
    from kolla_iac.images.client import Daemon

    rows = Daemon(endpoint).run("system", "df", "--format", "{{.Type}} {{.Size}}", timeout=600).splitlines()
    return next((row.split()[-1] for row in rows if row.startswith("Images")), "an unknown amount")


def _local() -> str:
    return os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


def _target(name: str | None, settings: Path | None, registry: str | None = None) -> Target:
    """What an argument means: a series, or an environment of this project, or a file."""
    from kolla_iac.images import reference, references
    from kolla_iac.images.recipe import images
    from kolla_iac.model.images import ImagesSettings

    if settings is None and (name is None or name in RELEASES or name.replace(".", "").isdigit()):
        release = name or NEWEST
        if release not in RELEASES:
            raise KollaError(f"unknown release {release}", {"known": ", ".join(RELEASES)})
        source = ImagesSettings(source="registry", registry=registry) if registry else ImagesSettings()
        wanted = {image: reference(image, release, source) for image in images()}
        return Target(release, {"local": _local()}, wanted, source.source)
    environment = _environment(name, settings)
    own = {image for image, text in references(environment).items() if _is_own(environment, text)}
    return Target(
        environment.release,
        {host.name: host.docker for host in environment.hosts},
        references(environment),
        environment.images.source,
        frozenset(own),
    )


def _is_own(environment: Environment, reference: str) -> bool:
    return any(environment.service(name).image == reference for name in environment.enabled())


def _environment(name: str | None, settings: Path | None) -> Environment:
    from kolla_iac.cli import project
    from kolla_iac.model.stackfile import load_file

    if settings is None:
        assert name is not None
        return project.settings_of(name)
    read = load_file(settings).environment
    assert read is not None
    return read


def bring(chosen: Target) -> None:
    """Builds or pulls what is missing, a line a step."""
    from kolla_iac.images import ensure
    from kolla_iac.model.stage import ImagesStage

    start = time.monotonic()
    for source, wanted in (
        (chosen.source, {k: v for k, v in chosen.images.items() if k not in chosen.own}),
        ("registry", {k: v for k, v in chosen.images.items() if k in chosen.own}),
    ):
        if wanted:
            stage = ImagesStage(
                name="images",
                environment="",
                service="images",
                release=chosen.release,
                hosts=chosen.hosts,
                images=wanted,
                source=source,
            )
            ensure(stage, lambda line: typer.echo(f"{time.monotonic() - start:6.1f} s  {line}"))
