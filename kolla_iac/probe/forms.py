"""The report as text for a terminal, as Markdown for a pull request, and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict

from kolla_iac.probe import words
from kolla_iac.probe.analysis import Result
from kolla_iac.probe.page import page

PAINTS = {"as predicted": "green", "invalid": "yellow", "worse": "red"}
"""Verdict -> colour."""


def _plain(text: str, _: str) -> str:
    return text


def terminal(result: Result, paint: Callable[[str, str], str] = _plain) -> str:
    """For people at a terminal.

    Args:
        paint: a text and the name of its colour -> what is printed.
    """
    colour = PAINTS[result.verdict]
    lines = [paint(f"probe {result.observed.environment}: {words.headline(result)}", colour)]
    lines += [f"  {paint(reason, colour)}" for reason in words.reasons(result)]
    known = words.facts(result)[1:]
    width = max(len(name) for name, _ in known)
    lines += ["", *(f"  {name:<{width}}  {value}" for name, value in known)]
    table = [words.HEAD, *(words.cells(row, result) for row in result.rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines.append("")
    for index, cells in enumerate(table):
        # words to the left, numbers to the right
        sides = ["<", *(">" for _ in cells[1:-1]), "<"]
        aligned = [f"{cell:{side}{wide}}" for cell, side, wide in zip(cells, sides, widths, strict=True)]
        line = ("  " + "  ".join(aligned)).rstrip()
        failed = index and result.rows[index - 1].failed
        unannounced = index and result.rows[index - 1].unannounced
        lines.append(paint(line, "red" if unannounced else "yellow") if failed else line)
    for head, body in (("predicted", words.predictions(result)), ("failed", words.failures(result))):
        lines += ["", f"  {head}", *(f"    {line}" for line in body)] if body else []
    return "\n".join(lines) + "\n"


def markdown(result: Result) -> str:
    """For a pull request or a ticket."""
    mark = {"as predicted": "✅", "invalid": "⚠️", "worse": "❌"}[result.verdict]
    lines = [f"## {mark} {_escaped(words.headline(result))}", ""]
    lines += [f"- {_escaped(reason)}" for reason in words.reasons(result)]
    lines += ["", "| what | measured |", "|---|---|"]
    lines += [f"| {name} | {_escaped(value)} |" for name, value in words.facts(result)]
    lines += ["", f"| {' | '.join(words.HEAD)} |", f"|---|{'---:|' * (len(words.HEAD) - 2)}---|"]
    for row in result.rows:
        cells = [_escaped(cell) for cell in words.cells(row, result)]
        lines.append(f"| {' | '.join(f'**{cell}**' if row.unannounced else cell for cell in cells)} |")
    for head, body in (("Predicted", words.predictions(result)), ("Failed", words.failures(result))):
        lines += ["", f"### {head}", "", *(f"- {_escaped(line)}" for line in body)] if body else []
    return "\n".join([*lines, "", words.METHOD]) + "\n"


def data(result: Result) -> str:
    """For programs: sums, rows, comparisons and failures; seconds, and seconds since 1970."""
    seen = result.observed
    return json.dumps(
        {
            "environment": seen.environment,
            "verdict": result.verdict,
            "reasons": words.reasons(result),
            "valid": not result.invalid,
            "command": list(seen.command),
            "exit_code": seen.exit_code,
            "began": seen.began,
            "ended": seen.ended,
            "command_began": seen.command_began,
            "command_ended": seen.command_ended,
            "rate": seen.rate,
            "total": result.total,
            "slow_total": result.slow_total,
            "failed": result.failed,
            "unannounced": len(result.unannounced),
            "late": result.late,
            "gap": result.gap,
            "p50": result.p50,
            "p99": result.p99,
            "longest": result.longest,
            "stages": [asdict(row) for row in result.rows],
            "predicted": [asdict(one) for one in result.comparisons],
            "unplanned": list(result.unplanned),
            "unseen": list(result.unseen),
            "failures": [asdict(sample) for sample in result.failures],
        },
        indent=2,
    )


FORMS: dict[str, Callable[[Result], str]] = {
    "text": terminal,
    "markdown": markdown,
    "html": page,
    "json": data,
}
"""Name of a form -> what makes it."""

ENDINGS = {".txt": "text", ".md": "markdown", ".html": "html", ".htm": "html", ".json": "json"}
"""How a file's name ends -> the form that it gets."""


def _escaped(text: str) -> str:
    for character in "\\`*_<>|#[]":
        text = text.replace(character, f"\\{character}")
    return text
