"""``kolla-iac init``: a new environment, or one that was made elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from kolla_iac.cli import engine, ports, project
from kolla_iac.cli.secrets import add_missing
from kolla_iac.errors import KollaError
from kolla_iac.home import home, is_in_use, make_home
from kolla_iac.model.releases import RELEASES
from kolla_iac.model.schema import FILE as SCHEMA
from kolla_iac.model.stackfile import SETTINGS_KEY, read_file


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
    shown = os.path.relpath(file, checkout)
    if is_in_use() and not (home() / "state").exists():
        typer.echo(f"made       {make_home()}: state, and the passphrase of all secrets; back it up")
    known = engine.resources(checkout, env)
    if file.exists():
        if known and not read_file(file).secrets:
            raise deployed_elsewhere(shown, env)
        typer.echo(f"kept       {shown}")
    elif known is not None and engine.recover_settings(checkout, env):
        typer.echo(f"recovered  {shown}: as last deployed from elsewhere, with its secrets")
    else:
        chosen = ports.reserve(env, ports.taken_by_files(file.parent))
        write(file, settings_text(release, chosen))
        where = "".join(f", {name} on port {port}" for name, port in chosen.items())
        typer.echo(f"written    {shown}: release {release}{where}")
    if known is None:
        engine.pulumi(checkout, ["stack", "init", env, "--no-select", "--secrets-provider", "passphrase"])
        typer.echo(f"made       stack {env}")
    added = add_missing(checkout, env)
    typer.echo(f"added      {len(added)} secrets" if added else "kept       all secrets")
    typer.echo(f"next       pulumi up --stack {env}")


def deployed_elsewhere(file: str, env: str) -> KollaError:
    """New secrets here would be other passwords for a cloud that stands."""
    return KollaError(
        f"{env} stands already, and {file} has none of its secrets",
        {
            "meanwhile": "nothing was touched",
            "hint": "it was brought up from another folder, with the same state",
            "next": f"rm {file}; kolla-iac init {env}: writes the settings as last deployed, secrets too",
            "or": f"mv {file} {file.replace(f'.{env}.', '.NAME.')}; kolla-iac init NAME: another environment",
        },
    )


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
