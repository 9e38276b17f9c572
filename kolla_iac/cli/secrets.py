"""``kolla-iac secrets``: values that live nowhere but in the engine's encrypted settings."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from kolla_iac.cli import engine, project
from kolla_iac.model.secrets import generate, required
from kolla_iac.model.stackfile import SECRETS_KEY, StackFile, load_file

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def _secrets() -> None:
    """Make and list the secrets that an environment needs."""


@app.command("generate")
def generate_command(
    env: str = typer.Argument(metavar="ENV", help="Name of the environment."),
) -> None:
    """Add the secrets that are missing; those that are there stay as they are. Prints names only."""
    checkout = project.root()
    added = add_missing(checkout, env)
    for name in added:
        typer.echo(f"added  {name}")
    typer.echo(f"{env}: {len(added) or 'no'} secret{'' if len(added) == 1 else 's'} added")


@app.command("list")
def list_command(
    env: str = typer.Argument(metavar="ENV", help="Name of the environment."),
    as_json: bool = typer.Option(False, "--json", help="For programs."),
) -> None:
    """List the secrets that the environment needs or holds: name, kind, purpose, present or missing. Never a value."""
    from kolla_iac.cli.terminal import columns

    rows = listed(load_file(project.existing(project.root(), env)))
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    cells = [tuple(row.values()) for row in rows]
    typer.echo("\n".join(columns([("name", "kind", "purpose", "state"), *cells], indent="")))
    if any(row["state"] == "missing" for row in rows):
        typer.echo(f"\nnext  kolla-iac secrets generate {env}")


def listed(file: StackFile) -> list[dict[str, str]]:
    """Name, kind, purpose and state of each secret: needed ones by service, then those that nothing needs.

    ``state`` is ``present``, ``missing``, or ``not needed``: a value is there, for a service that is off or gone.
    When a value was made is written nowhere, so it is not told.
    """
    assert file.environment is not None
    needed = required(file.environment)
    rows = [
        {
            "name": name,
            "kind": secret.kind.replace("_", " "),
            "purpose": secret.purpose,
            "state": "present" if name in file.secrets else "missing",
        }
        for name, secret in needed.items()
    ]
    rest = sorted(file.secrets - set(needed))
    return rows + [{"name": name, "kind": "-", "purpose": "-", "state": "not needed"} for name in rest]


def add_missing(checkout: Path, env: str) -> list[str]:
    """Give each missing secret of an environment a new value; returns their names.

    Raises:
        SettingsError: the settings are wrong, so that what is needed cannot be known.
        KollaError: no such environment, or the engine failed. What was added until then stays.
    """
    file = project.existing(checkout, env)
    added = []
    with _alone(file.parent):
        read = load_file(file)
        assert read.environment is not None
        for name, secret in required(read.environment).items():
            if name not in read.secrets:
                key = f"{SECRETS_KEY}.{name}"
                arguments = ["config", "set", "--path", "--secret", key, "--stack", env]
                engine.pulumi(checkout, arguments, stdin=generate(secret))
                added.append(name)
    return added


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two at once wait for each other, so that neither replaces what the other one added."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
