"""``kolla-iac graph``: a picture of an environment, from its settings."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kolla_iac.errors import KollaError


class Format(StrEnum):
    """What a picture may be written in."""

    MERMAID = "mermaid"
    SVG = "svg"


def graph(
    env: Annotated[str, typer.Argument(metavar="ENV", help="Name of the environment.")],
    form: Annotated[
        Format, typer.Option("--format", help="Text for pages that draw Mermaid, or an image.")
    ] = Format.MERMAID,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write it there; printed without."),
    ] = None,
) -> None:
    """Draw an environment as its settings describe it: hosts, replicas, network, and who talks to whom."""
    from kolla_iac.cli.project import settings_of
    from kolla_iac.render import graph as picture
    from kolla_iac.render.svg import svg

    drawn = picture.graph(settings_of(env), env)
    text = svg(drawn) if form is Format.SVG else picture.mermaid(drawn)
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise KollaError(f"{output} cannot be written", {"saw": error.strerror or str(error)}) from None
