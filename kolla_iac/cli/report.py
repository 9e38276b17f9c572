"""``kolla-iac report``: a preview's data, said for those who review it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kolla_iac.errors import KollaError

if TYPE_CHECKING:
    from kolla_iac.preview import Measured, Preview, Report

FORMATS = ("text", "markdown", "html", "json")
GATE = 3
"""Exit code where a preview holds what was not to be there."""
LARGEST = 512 * 2**20
"""Bytes of a preview that are read."""
Format = Annotated[str, typer.Option("--format", metavar="|".join(FORMATS), help="What is written.")]
FailOn = Annotated[
    str,
    typer.Option(
        "--fail-on",
        metavar="KIND,...",
        help="data-loss, interruption, irreversible, unknown, drift: end with exit code 3 if one of them is there.",
    ),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Instead of standard output.")
]


def report(
    preview: Annotated[str, typer.Argument(metavar="PREVIEW", help="The file; - reads standard input.")],
    form: Format = "text",
    fail_on: FailOn = "",
    output: Output = None,
    measured: Annotated[
        Path | None,
        typer.Option(
            "--measured", metavar="FILE", help="A probe's report (JSON) of the change, once it was made."
        ),
    ] = None,
) -> None:
    """Say what a preview holds: what happens, what clients feel, where it cannot be undone.

    PREVIEW is what `pulumi preview --json` printed (also its streaming form, or the engine's events), of any program.
    Reads that file alone. Markdown fits into a comment of a pull request; HTML is one file.

    Exit code: 0; 2 if it is no preview; 3 if --fail-on names what it holds.
    """
    from kolla_iac.preview import read, read_measured

    source, text = _text(preview)
    found = read(text, source)
    seen = None
    if measured is not None:
        name, said = _text(str(measured))
        seen = read_measured(said, name)
    show(found, form, fail_on, output, seen)


def show(
    preview: Preview, form: str, fail_on: str, output: Path | None, measured: Measured | None = None
) -> None:
    """Writes the report of a preview, and ends with exit code 3 where it holds what was not to be there.

    Raises:
        KollaError: no such format or kind.
    """
    from kolla_iac.preview import report as made
    from kolla_iac.preview.report import GATES

    kinds = [kind.strip() for kind in fail_on.split(",") if kind.strip()]
    for kind in kinds:
        if kind not in GATES:
            raise _called_wrongly(f"--fail-on {kind} is not known", GATES)
    if form not in FORMATS:
        raise _called_wrongly(f"--format {form} is not known", FORMATS)
    found = made(preview, measured)
    text = rendered(found, form, piped=output is not None)
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")
    held = [one for one in found.findings if one.kind in kinds]
    if held:
        for one in held:
            print(f"{one.kind}: {one.what}" + (f": {one.why}" if one.why else ""), file=sys.stderr)
        raise typer.Exit(GATE)


def _called_wrongly(headline: str, known: tuple[str, ...]) -> KollaError:
    error = KollaError(headline, {"known": ", ".join(known)})
    error.exit_code = 2
    return error


def rendered(report: Report, form: str, *, piped: bool = False) -> str:
    """The report in one of ``FORMATS``."""
    from kolla_iac.cli.terminal import coloured
    from kolla_iac.preview.document import document

    if form == "json":
        return json.dumps(report.data(), indent=1) + "\n"
    parts = document(report)
    if form == "markdown":
        from kolla_iac.preview.markdown import markdown

        return markdown(parts)
    if form == "html":
        from kolla_iac.preview.page import page

        return page(parts, f"{report.stack}: preview")
    from kolla_iac.preview.terminal import terminal

    width = min(max(shutil.get_terminal_size((100, 24)).columns, 60), 140)
    return terminal(parts, width, coloured=not piped and coloured())


def _text(preview: str) -> tuple[str, str]:
    """The file's name for errors, and what it holds.

    Raises:
        NotAPreview: it cannot be read, or is no text.
    """
    from kolla_iac.preview import NotAPreview
    from kolla_iac.preview.read import HOW

    try:
        if preview == "-":
            raw = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with Path(preview).open("rb") as file:
                raw = file.read(LARGEST + 1)
        if len(raw) > LARGEST:
            raise NotAPreview(f"{preview} is too large", {"why": f"more than {LARGEST // 2**20} MiB"})
        encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
        return ("standard input" if preview == "-" else preview), raw.decode(encoding)
    except OSError as error:
        raise NotAPreview(f"{preview} cannot be read", {"why": str(error.strerror), "next": HOW}) from None
    except UnicodeDecodeError:
        raise NotAPreview(
            f"{preview} is no preview of Pulumi's", {"why": "it is not text", "next": HOW}
        ) from None
