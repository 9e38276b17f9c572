"""``kolla-iac schema``: the JSON schema of an environment's file."""

from __future__ import annotations

import typer


def schema() -> None:
    """Print the JSON schema of an environment's file, from which editors complete and check."""
    from kolla_iac.model.schema import text

    typer.echo(text(), nl=False)
