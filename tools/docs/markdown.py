"""Pieces of Markdown: tables, and docstring markup turned into Markdown's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells may hold line ends and bars.

    >>> print(table(["a"], [["x|y"]]), end="")
    | a |
    |---|
    | x\\|y |
    """
    lines = [head, ["---"] * len(head), *rows]
    text = [" | ".join(_cell(cell) for cell in row) for row in lines]
    text[1] = "|".join(lines[1])
    return "".join(f"| {line} |\n" if number != 1 else f"|{line}|\n" for number, line in enumerate(text))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def prose(docstring: str) -> str:
    """Text of a docstring as Markdown: its doubled backticks become single ones.

    >>> prose("``build``: ours")
    '`build`: ours'
    """
    return re.sub(r"``(.+?)``", r"`\1`", docstring.strip())


def code(value: str) -> str:
    """Inline code."""
    return f"`{value}`"
