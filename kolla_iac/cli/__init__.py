"""The command ``kolla-iac``. Each command's module is imported only when it runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import ClassVar

import typer

from kolla_iac.cli.lazy import Lazy, LazyGroup
from kolla_iac.errors import KollaError

_CLI = "kolla_iac.cli"


class _Commands(LazyGroup):
    commands_by_name: ClassVar[dict[str, Lazy]] = {
        "new": Lazy(f"{_CLI}.new", "new", "Make a project of your own for your clouds."),
        "init": Lazy(f"{_CLI}.init", "init", "Make a new environment: its settings and its secrets."),
        "check": Lazy(f"{_CLI}.check", "check", "Name every problem of an environment's settings."),
        "plan": Lazy(f"{_CLI}.plan", "plan", "Say what an update would do: stages, impact, no return."),
        "preview": Lazy(f"{_CLI}.preview", "preview", "Ask the engine what would happen, and say it."),
        "report": Lazy(f"{_CLI}.report", "report", "Say what a preview's data hold, for reviewers."),
        "comment": Lazy(f"{_CLI}.comment", "comment", "Write a report as a comment of a pull request."),
        "up": Lazy(f"{_CLI}.cloud", "up", "Bring an environment up, and prove it with a token."),
        "down": Lazy(f"{_CLI}.cloud", "down", "Take an environment down; its data stay."),
        "purge": Lazy(f"{_CLI}.cloud", "purge", "Take an environment down and delete its data. Asks first."),
        "status": Lazy(f"{_CLI}.status", "status", "Say what of an environment stands and serves."),
        "doctor": Lazy(f"{_CLI}.doctor", "doctor", "Find what is wrong, and say what mends it."),
        "logs": Lazy(f"{_CLI}.logs", "logs", "Print the logs of all replicas, merged by time."),
        "clouds": Lazy(f"{_CLI}.clouds", "clouds", "Write an entry for the openstack client."),
        "secrets": Lazy(
            f"{_CLI}.secrets", "app", "Make, rotate and list the secrets that an environment needs."
        ),
        "backup": Lazy(f"{_CLI}.backup", "app", "Back the database up, verify, list, give back."),
        "restore-cloud": Lazy(
            f"{_CLI}.restore_cloud", "restore_cloud", "Bring a lost environment back from its backups."
        ),
        "database": Lazy(
            f"{_CLI}.database", "app", "Look at an external database server; print the SQL that it needs."
        ),
        "images": Lazy(f"{_CLI}.images", "app", "List, build, pull, lock and prune images."),
        "graph": Lazy(f"{_CLI}.graph", "graph", "Draw an environment: hosts, replicas, who talks to whom."),
        "schema": Lazy(f"{_CLI}.schema", "schema", "Print the JSON schema of an environment's file."),
        "probe": Lazy(f"{_CLI}.probe", "probe", "Watch a change: what its clients felt, stage by stage."),
        "stage": Lazy(f"{_CLI}.stage", "stage", "Carry out one stage, given as JSON on stdin.", hidden=True),
    }


app = typer.Typer(
    cls=_Commands,
    name="kolla-iac",
    help="An OpenStack cloud as a typed Pulumi program.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from kolla_iac import __version__

        typer.echo(f"kolla-iac {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    """Bring up, change and upgrade an OpenStack cloud in stages that a preview shows."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 it failed or there are problems, 2 it was called wrongly.

    Args:
        arguments: without the program's name; None: those of this process.
    """
    try:
        app(args=list(arguments) if arguments is not None else None, prog_name="kolla-iac")
    except KollaError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
