"""``kolla-iac init``: a new environment, or one that another checkout made."""

from __future__ import annotations

from pathlib import Path

import typer

from kolla_iac.cli import engine, ports, project
from kolla_iac.cli.secrets import add_missing
from kolla_iac.errors import KollaError
from kolla_iac.model.releases import RELEASES
from kolla_iac.model.schema import FILE as SCHEMA
from kolla_iac.model.stackfile import SETTINGS_KEY


def init(
    env: str = typer.Argument(metavar="ENV", help="Name of the environment, such as: dev"),
    release: str = typer.Option(
        next(iter(RELEASES)), metavar="SERIES", help=f"OpenStack series: {', '.join(RELEASES)}."
    ),
) -> None:
    """Write an environment's settings, make its stack and its secrets. What is there already stays."""
    if release not in RELEASES:
        raise KollaError(f"release {release!r} is not known", {"known": ", ".join(RELEASES)})
    checkout = project.root()
    file = project.file_of(checkout, env)
    shown = file.relative_to(checkout)
    known = engine.stack_exists(checkout, env)
    if file.exists():
        typer.echo(f"kept       {shown}")
    elif known and engine.recover_settings(checkout, env):
        typer.echo(f"recovered  {shown}: as last deployed from elsewhere, with its secrets")
    else:
        chosen = ports.reserve(env, ports.taken_by_files(file.parent))
        write(file, settings_text(release, chosen))
        where = "".join(f", {name} on port {port}" for name, port in chosen.items())
        typer.echo(f"written    {shown}: release {release}{where}")
    if not known:
        engine.pulumi(checkout, ["stack", "init", env, "--no-select", "--secrets-provider", "passphrase"])
        typer.echo(f"made       stack {env}")
    added = add_missing(checkout, env)
    typer.echo(f"added      {len(added)} secrets" if added else "kept       all secrets")
    typer.echo(f"next       pulumi up --stack {env}")


def settings_text(release: str, chosen: dict[str, int]) -> str:
    """A new file's text: the release, and ports where they are not the usual ones."""
    lines = [
        f"# yaml-language-server: $schema={SCHEMA}",
        "config:",
        f"  {SETTINGS_KEY}:",
        f'    release: "{release}"',
    ]
    if chosen:
        lines.append("    endpoints:")
        lines += [f"      - {{name: {name}, port: {port}}}" for name, port in chosen.items()]
    return "\n".join(lines) + "\n"


def write(file: Path, text: str) -> None:
    """A new file; never over one that is there.

    Raises:
        FileExistsError: it appeared meanwhile.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("x", encoding="utf-8") as stream:
        stream.write(text)
