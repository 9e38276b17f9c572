"""A report as the parts of a page: headings, lists, tables, code. Every format renders the same parts.

What comes from the preview is text and stays text: it is cleaned here, and each format escapes what it must.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from kolla_iac.model.present import Present
from kolla_iac.plan.text import order
from kolla_iac.preview.configuration import FileChange
from kolla_iac.preview.measured import Measured
from kolla_iac.preview.picture import picture
from kolla_iac.preview.report import Finding, Report
from kolla_iac.preview.services import ServiceChange

LONGEST = 300
"""Characters of one value; what is longer is cut, and says so."""
_ANSI = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\-_])")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True)
class Span:
    """A piece of a line. What comes from the preview is ``code``, but for names in sentences of ours."""

    text: str
    kind: Literal["plain", "code", "strong"] = "plain"


Line = tuple[Span, ...]


@dataclass(frozen=True)
class Part:
    """A part of the page. ``rows`` may be shortened, those of the lowest ``weight`` first."""

    kind: Literal["verdict", "heading", "text", "list", "table", "diff", "mermaid"]
    rows: tuple[tuple[Line, ...], ...]
    """A verdict, heading or text: one row of one line; a list: rows of one; a table: its head first.
    Mermaid: its lines, for formats whose host draws it; the others leave it out, it says nothing of its own."""
    weight: int = 100
    left_out: int = 0
    """How many rows were."""
    fold: str = ""
    """Title of a fold that it stands in; empty for none."""


def code(text: object) -> Span:
    """What comes from the preview."""
    return Span(clean(str(text)), "code")


def line(*parts: str | Span) -> Line:
    """A line of text and spans."""
    return tuple(part if isinstance(part, Span) else Span(clean(part)) for part in parts)


def clean(text: str) -> str:
    """Without what a terminal, a browser or a reader could be misled by; one line, and not too long.

    >>> clean("a\\x1b[31mred\\x1b[0m\\n\\u202eevil")
    'ared��evil'
    """
    size = len(text)
    text = _UNSEEN.sub("\ufffd", _ANSI.sub("", text[: 4 * LONGEST]))
    return text if size <= LONGEST else f"{text[:LONGEST]}... ({size:,} characters)"


def document(report: Report) -> tuple[Part, ...]:
    """The parts, in the order in which a reviewer needs them; each only when it has something to say."""
    return tuple(_parts(report))


def _text(*parts: str | Span, kind: Literal["verdict", "heading", "text"] = "text") -> Part:
    return Part(kind, ((line(*parts),),))


def _list(items: Sequence[Line], weight: int, fold: str = "") -> Part:
    return Part("list", tuple((item,) for item in items), weight, fold=fold)


def _table(head: Sequence[str], rows: Sequence[Sequence[Line]], weight: int, fold: str = "") -> Part:
    first = tuple(line(cell) for cell in head)
    return Part("table", (first, *(tuple(row) for row in rows)), weight, fold=fold)


def _parts(report: Report) -> Iterator[Part]:
    counted = ", ".join(f"{count:,} {word}" for word, count in report.tally.items())
    yield _text(report.verdict, kind="verdict")
    if counted and counted not in report.verdict:
        yield _text(f"Resources: {counted}.")
    if report.errors:
        yield _text("Errors", kind="heading")
        yield _list([line(code(said)) for error in report.errors for said in error.splitlines()], 95)
    findings = [one for one in report.findings if one.kind != "failed"]  # the errors have been said
    if findings:
        yield _text("What needs a look", kind="heading")
        yield _list(
            [
                line(
                    Span(one.kind, "strong"),
                    " ",
                    code(one.what),
                    *((": ", one.why) if one.why else ()),
                    *_approval(one),
                )
                for one in findings
            ],
            90,
        )
    if report.measured:
        yield from _measured(report.measured)
    yield from _felt(report)
    yield from _contents(report)
    yield _text(*_foot(report))


def _approval(one: Finding) -> tuple[str | Span, ...]:
    if not one.needs:
        return ()
    needs = ("; needs the label ", code(one.needs))
    if one.approved is None:
        return needs
    return (*needs, ", which is there" if one.approved else Span(", which is missing", "strong"))


def _measured(seen: Measured) -> Iterator[Part]:
    yield _text("Measured while it was carried out", kind="heading")
    yield _text(
        f"{seen.failed:,} of {seen.total:,} requests failed in the probe around it; it took {seen.seconds:.0f} s: ",
        Span(clean(seen.verdict), "plain" if all(one.kept for one in seen.services) else "strong"),
        ".",
    )
    rows = [
        (
            line(code(one.service)),
            line(code(one.announced)),
            line(f"{one.failed:,} failed, longest {one.longest:.2f} s, {one.gap:.2f} s without an answer"),
            line("yes" if one.kept else Span("no", "strong")),
        )
        for one in seen.services
    ]
    if rows:
        yield _table(("service", "announced", "measured", "as announced"), rows, 92)


def _felt(report: Report) -> Iterator[Part]:
    if not report.services:
        return
    yield _text("What clients feel", kind="heading")
    yield _table(
        ("service", "before", "after", "clients", "why", "can be undone"),
        [_service(one) for one in report.services],
        85,
    )
    if any(one.stages for one in report.services):
        yield _text("Stages", kind="heading")
    if any(one.wave for one in report.services) and len(report.services) > 1:
        yield _text(f"Order: {order(report.services)}.")
    for one in report.services:
        if one.stages:
            yield _stages(one)
    drawn = picture(report.services)
    if drawn:
        rows = tuple(((Span(one, "code"),),) for one in drawn)
        yield Part("mermaid", rows, 5, fold="Picture of the stages")


def _contents(report: Report) -> Iterator[Part]:
    if report.settings:
        yield _text("Settings", kind="heading")
        yield _text(code(report.settings.file))
        yield _diff(report.settings)
    if report.configuration:
        yield _text("Configuration", kind="heading")
        for file in report.configuration:
            yield _text(code(f"{file.service}: {file.file}"), *((f" ({file.where})",) if file.where else ()))
            yield _diff(file)
    if report.images:
        yield _text("Images", kind="heading")
        known = {one.reference: one for one in report.present}
        rows = [
            (line(code(name)), *(_image(reference, known.get(reference)) for reference in both))
            for name, *both in report.images
        ]
        yield _table(("service", "before", "after"), rows, 60)
    if report.secrets:
        yield _text("Secrets that change", kind="heading")
        yield _list([line(code(name)) for name in report.secrets], 55)
    replaced = [one for one in report.resources if one.op == "replaced" and one.why]
    if replaced:
        yield _text("Why resources are replaced", kind="heading")
        yield _list(
            [line(code(one.name), f": {one.why}") for one in sorted(replaced, key=lambda one: one.name)], 40
        )
    if report.warnings:
        yield _text("Warnings", kind="heading")
        yield _list([line(code(one)) for one in report.warnings], 50)
    if report.resources:
        yield _table(
            ("operation", "type", "name", "properties that differ"),
            [
                (
                    line(one.op),
                    line(code(one.type)),
                    line(code(one.name)),
                    line(code(", ".join(one.changed))) if one.changed else (),
                )
                for one in report.resources
            ],
            10,
            fold=f"All {len(report.resources):,} resources that change",
        )


def _image(reference: str, known: Present | None) -> Line:
    if not reference:
        return line("none")
    if not known:
        return line(code(reference))
    digest = "" if known.digest in reference else known.digest
    return line(code(reference), f", {known.megabytes:,} MB", *((", ", code(digest)) if digest else ()))


def _service(one: ServiceChange) -> list[Line]:
    def version(which: int) -> Line:
        there = not (one.new, one.gone)[which]
        return line(one.release[which] or ("runs" if there else "none"))

    felt = [one.impact_text if one.impact != "none" or not one.felt else "", *one.felt]
    clients = "; ".join(filter(None, felt)) + (f" (clients of {one.whom})" if one.whom else "")
    return [
        line(code(one.service)),
        version(0),
        version(1),
        line("none yet" if one.new else clients),
        line("; ".join(one.reasons)),
        line(_undone(one)),
    ]


def _undone(one: ServiceChange) -> str:
    if one.gone:
        return "no: its data goes" if one.data_goes else "by setting it up again"
    return f"until {one.reversible_until}" if one.reversible_until else "at any time"


def _stages(one: ServiceChange) -> Part:
    rows = []
    for number, stage in enumerate(one.stages, start=1):
        what = [stage.what] if stage.what else []
        if stage.no_way_back:
            what.append(f"no way back from here but {stage.no_way_back}")
        marked = Span(clean(stage.name), "strong") if stage.no_way_back else code(stage.name)
        rows.append((line(str(number)), line(marked), line("; ".join(what))))
    return _table(("", clean(one.service), "what"), rows, 70)


def _diff(file: FileChange) -> Part:
    rows: list[tuple[Line, ...]] = []
    section = None
    for one in file.options:
        if one.section != section:
            section = one.section
            if section:
                rows.append((line(Span(f"  [{clean(section)}]", "code")),))
        for sign, value in (("-", one.old), ("+", one.new)):
            if value is not None:
                rows.append((line(Span(f"{sign} {clean(one.option)} = {clean(value)}", "code")),))
    return Part("diff", tuple(rows), 65)


def _foot(report: Report) -> list[str | Span]:
    parts: list[str | Span] = [
        "Stack ",
        code(report.stack or "unknown"),
        " of project ",
        code(report.project or "unknown"),
    ]
    if report.made or report.seconds:
        parts.append(", previewed")
    if report.made:
        parts.append(f" at {datetime.fromtimestamp(report.made, UTC):%Y-%m-%d %H:%M:%S} UTC")
    if report.seconds:
        parts.append(f" in {report.seconds:.0f} s")
    if report.base:
        parts += [" against ", code(report.base)]
    return [*parts, ". A preview is true of the moment in which it was made."]


def shortened(part: Part, rows: int) -> Part:
    """The part with no more than so many rows (a table's head is not one of them); what is left out is counted."""
    if part.kind == "mermaid":  # a part of a picture is none; the tables say the same
        return replace(part, rows=())
    head = 1 if part.kind == "table" else 0
    here = len(part.rows) - head
    if here <= rows:
        return part
    return replace(part, rows=part.rows[: head + rows], left_out=part.left_out + here - rows)
