"""What is printed to people: colours on a terminal alone, columns, and times in words."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import datetime

import typer

from kolla_iac.errors import KollaError

COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36, "bold": 1, "dim": 2}
_FIRST = 31


def coloured() -> bool:
    """Whether standard output is a terminal that may get colours. Source: no-color.org."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str, *, wanted: bool) -> str:
    """The text in a colour, or as it is.

    >>> paint("up", "green", wanted=False)
    'up'
    """
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if wanted else text


def columns(rows: Sequence[Sequence[str]], indent: str = "  ") -> list[str]:
    """Rows as lines whose columns are aligned, without blanks at their ends.

    >>> columns([("name", "kind"), ("a", "b")])
    ['  name  kind', '  a     b']
    """
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return [
        (indent + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))).rstrip()
        for row in rows
    ]


def agreed(name: str, *, yes: bool, question: str = "Type the environment's name to go on") -> None:
    """Has the operator type a name before something that cannot be taken back.

    Args:
        yes: whether it was agreed to on the command line.

    Raises:
        KollaError: something else was typed.
    """
    if not yes and typer.prompt(question, default="", show_default=False) != name:
        raise KollaError("nothing was touched", {"wanted": f"the name {name}, typed"})


def ago(moment: datetime | None, now: datetime) -> str:
    """How long something lasts already, in its largest unit; two for hours and days.

    >>> from datetime import timedelta
    >>> now = datetime(2026, 5, 4)
    >>> [ago(now - timedelta(seconds=each), now) for each in (5, 125, 3_900, 90_000)]
    ['5 s', '2 min', '1 h 5 min', '1 d 1 h']
    """
    if moment is None:
        return ""
    seconds = max(round((now - moment).total_seconds()), 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds} s"
