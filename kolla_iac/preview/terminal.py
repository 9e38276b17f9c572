"""The page for a terminal, or for a file where it is piped."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from kolla_iac.preview.document import Line, Part

ROWS = 40
"""Of a part that could be long; the other formats have all."""
COLOURS = {
    "strong": "\x1b[1;33m",
    "verdict": "\x1b[1m",
    "heading": "\x1b[1m",
    "-": "\x1b[31m",
    "+": "\x1b[32m",
}


def terminal(parts: Sequence[Part], width: int = 100, *, coloured: bool = False) -> str:
    """The page in so many columns; coloured only where that was asked for."""
    lines: list[str] = []
    for part in (part for part in parts if part.kind != "mermaid"):
        if part.fold:
            lines += ["", _painted(part.fold, "heading", coloured)]
        match part.kind:
            case "verdict":
                lines += [
                    _painted(one, "verdict", coloured) for one in textwrap.wrap(_text(part.rows[0][0]), width)
                ]
            case "heading":
                lines += ["", _painted(_text(part.rows[0][0]), "heading", coloured)]
            case "text":
                lines += textwrap.wrap(_text(part.rows[0][0]), width)
            case "list":
                for row in part.rows[:ROWS]:
                    lines += textwrap.wrap(
                        _text(row[0]), width, initial_indent="  - ", subsequent_indent="    "
                    )
            case "table":
                lines += _table(part.rows[: ROWS + 1], width)
            case _:
                for row in part.rows[:ROWS]:
                    text = _text(row[0])
                    lines.append(_painted(f"  {text}", text[:1], coloured))
        head = 1 if part.kind == "table" else 0
        hidden = part.left_out + max(len(part.rows) - head - ROWS, 0)
        if hidden:
            lines.append(f"    and {hidden:,} more: --format html or json has all")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _text(line: Line) -> str:
    return "".join(span.text for span in line)


def _painted(text: str, kind: str, coloured: bool) -> str:
    return f"{COLOURS[kind]}{text}\x1b[0m" if coloured and kind in COLOURS else text


def _table(rows: Sequence[Sequence[Line]], width: int) -> list[str]:
    """Columns as wide as they need, the last one wrapped to what is left."""
    cells = [[_text(cell) for cell in row] for row in rows]
    count = len(cells[0])
    widths = [min(max(len(row[at]) for row in cells), 44) for at in range(count)]
    room = max(width - sum(widths[:-1]) - 2 * count, 24)
    lines: list[str] = []
    for row in cells:
        wrapped = [
            textwrap.wrap(cell, size) or [""] for cell, size in zip(row, [*widths[:-1], room], strict=True)
        ]
        for at in range(max(map(len, wrapped))):
            parts = [one[at] if at < len(one) else "" for one in wrapped]
            lines.append(
                "  " + "  ".join(f"{part:<{size}}" for part, size in zip(parts, widths, strict=True))
            )
    return lines
