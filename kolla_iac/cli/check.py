"""``kolla-iac check``: every problem of an environment at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from kolla_iac.cli import preflight, project
from kolla_iac.errors import KollaError, Problem, SettingsError
from kolla_iac.model.stackfile import read_file


def check(
    target: str = typer.Argument(
        metavar="FILE|ENV", help="A file of the form of a Pulumi.<env>.yaml, or the name of an environment."
    ),
) -> None:
    """Name every problem of an environment's settings; exit 0 when there is none, else 1.

    Warnings (an option that its service advises against) are named too, and are no problem.
    """
    file = _file(target)
    read = read_file(file)
    if problems := (*read.problems, *read.missing_secrets):
        if read.warnings:
            typer.echo(_text(f"{target}:", read.warnings), err=True)
        raise SettingsError(target, problems)
    for warning in preflight.passphrase():
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(_text(f"{target}: no problems,", read.warnings) if read.warnings else f"{target}: no problems")


def _text(headline: str, warnings: Sequence[Problem]) -> str:
    count = f"{len(warnings)} warning{'s' if len(warnings) > 1 else ''}"
    return "\n".join([f"{headline} {count}", *(f"  {warning}" for warning in warnings)])


def _file(target: str) -> Path:
    path = Path(target)
    looks_like_a_file = "/" in target or path.suffix in (".yaml", ".yml")
    if path.is_file() or (looks_like_a_file and path.exists()):
        return path
    if looks_like_a_file:
        raise KollaError(f"no file {target}", {"looked in": str(path.absolute().parent)})
    return project.existing(project.root(), target)
