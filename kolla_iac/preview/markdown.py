"""The page as Markdown for a comment: GitHub's or GitLab's, never longer than a comment may be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from kolla_iac.preview.document import Line, Part, Span, shortened

COMMENT = 65_536
"""Characters of a comment. Source: GitHub's API; GitLab allows more."""
LIMIT = COMMENT - 256
"""Of a page: `kolla-iac comment` puts a line before it, by which it finds the comment again."""
STEPS = (1000, 300, 100, 30, 10, 3, 0)
"""Rows to which the least important part is shortened, and then the next one."""
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~^$&=:])")
_JOINER = "\u2060"


def markdown(parts: Sequence[Part], limit: int = LIMIT) -> str:
    """The page; valid at any length, and shortened from the least important part on until it fits."""
    text = _whole(parts)
    for weight in sorted({part.weight for part in parts if len(part.rows) > 1}):
        for rows in STEPS:
            if len(text) <= limit:
                return text
            parts = [shortened(part, rows) if part.weight == weight else part for part in parts]
            text = _whole(parts)
    if len(text) > limit:  # nothing but headings is left
        parts = parts[:2]
        text = _whole(parts) + "\nThe rest was left out: it does not fit into a comment.\n"
    return text


def _whole(parts: Sequence[Part]) -> str:
    blocks = []
    there = (part for part in parts if part.rows)
    for fold, inside in groupby(there, key=lambda part: part.fold):
        rendered = "\n\n".join(_part(part) for part in inside)
        if fold:
            # blank lines around: both hosts read Markdown inside HTML only then
            rendered = f"<details>\n<summary>{_plain(fold)}</summary>\n\n{rendered}\n\n</details>"
        blocks.append(rendered)
    return "\n\n".join(blocks) + "\n"


def _part(part: Part) -> str:
    match part.kind:
        case "verdict":
            text = f"**{_line(part.rows[0][0])}**"
        case "heading":
            text = f"### {_line(part.rows[0][0])}"
        case "text":
            text = _line(part.rows[0][0])
        case "list":
            text = "\n".join(f"- {_line(row[0])}" for row in part.rows)
        case "table":
            head, *rows = part.rows
            lines = [_row(head), "|" + " --- |" * len(head), *(_row(row) for row in rows)]
            text = "\n".join(lines)
        case _:
            body = "\n".join(span.text for row in part.rows for span in row[0])
            fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", body)), 3)
            text = f"{fence}{part.kind}\n{body}\n{fence}"
    if part.left_out:
        text += f"\n\n*{part.left_out:,} more are left out here; the HTML or JSON report has all.*"
    return text


def _row(cells: Sequence[Line]) -> str:
    return "| " + " | ".join(_line(cell, table=True) for cell in cells) + " |"


def _line(line: Line, *, table: bool = False) -> str:
    return "".join(_span(span, table=table) for span in line)


def _span(span: Span, *, table: bool) -> str:
    if not span.text:
        return ""
    if span.kind == "code":
        return _code(span.text, table=table)
    return f"**{_plain(span.text)}**" if span.kind == "strong" else _plain(span.text)


def _code(text: str, *, table: bool) -> str:
    """A code span, in which nothing is a mention or markup; with a fence longer than any inside."""
    fence = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    # in a table a bar ends the cell, in a code span too, unless it is escaped
    inner = text.replace("|", "\\|") if table else text
    return f"{fence}{space}{inner}{space}{fence}"


def _plain(text: str) -> str:
    """Text that stays text: markup is escaped, and mentions, references and addresses are broken by a joiner.

    >>> _plain("<b> @you #1").replace("\\u2060", "~")
    '&lt;b&gt; @~you \\\\#~1'
    """
    text = _SPECIAL.sub(r"\\\1", text).replace("\\<", "&lt;").replace("\\>", "&gt;").replace("\\&", "&amp;")
    text = (
        text.replace("\\-", "-")
        .replace("\\.", ".")
        .replace("\\(", "(")
        .replace("\\)", ")")
        .replace("\\:", ":")
        .replace("\\=", "=")
    )
    return re.sub(r"(@|#|!(?=\d)|://|\bwww\.|\bGH-)", rf"\1{_JOINER}", text)
