"""The table of what took how long, at the end of `kolla-iac up`: its own parts, and inside them the stages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BEGAN_VARIABLE = "KOLLA_IAC_BEGAN"
"""Set by `make`: when it began, in seconds since 1970."""
ROWS = 12
"""Stages that have a row of their own, at most: the table shall fit on one screen."""
WORTH_A_ROW = 1.0
"""Seconds from which a stage has a row of its own; one that was not done always has."""
LONGEST_MAKE = 86_400.0


@dataclass(frozen=True)
class Took:
    """A part or a stage."""

    name: str
    start: float
    """Seconds since 1970."""
    seconds: float
    outcome: str = "done"
    """As in the timeline, and ``running`` for a stage that was killed."""

    @property
    def end(self) -> float:
        return self.start + self.seconds


def stages(records: Iterable[Mapping[str, Any]], until: float) -> list[Took]:
    """The stages in records of the timeline, in the order in which they began.

    Args:
        until: seconds since 1970, when the run was over; for stages that have no end.
    """
    found: dict[tuple[Any, ...], Took] = {}
    for one in records:
        end = one.get("end", until)
        key = (one["stage"], one["pid"], one["start"])
        found[key] = Took(one["stage"], one["start"], max(end - one["start"], 0.0), one["outcome"])
    return sorted(found.values(), key=lambda one: one.start)


def covered(spans: Sequence[Took]) -> float:
    """Seconds in which at least one of them was under way; they may overlap.

    >>> covered([Took("a", 0, 4), Took("b", 1, 2), Took("c", 3, 3), Took("d", 10, 1)])
    7.0
    """
    total, reached = 0.0, float("-inf")
    for one in sorted(spans, key=lambda one: one.start):
        total += max(one.end - max(one.start, reached), 0.0)
        reached = max(reached, one.end)
    return total


def before(variables: Mapping[str, str], now: float) -> Took | None:
    """What `make` did until now; None where it was not `make` that called."""
    try:
        began = float(variables.get(BEGAN_VARIABLE, ""))
    except ValueError:
        return None
    if not 0 <= now - began < LONGEST_MAKE:
        return None
    return Took("set-up and settings (make)", began, now - began)


def table(parts: Sequence[Took], within: Sequence[Took]) -> str:
    """A line a part, below it a line for each of its longer stages, and the sum.

    Args:
        parts: one after the other.
        within: stages, each inside one of the parts.
    """
    began = parts[0].start
    rows: list[tuple[str, str, str]] = []
    for part in parts:
        rows.append((_said(part.start - began), _said(part.seconds), part.name))
        rows += _inside(part, [one for one in within if part.start <= one.start < part.end], began)
    rows.append(("", _said(sum(part.seconds for part in parts)), "all"))
    rows.insert(0, ("after", "took", ""))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"  {at:>{widths[0]}}  {took:>{widths[1]}}  {name}".rstrip() for at, took, name in rows)


def _inside(part: Took, of_part: Sequence[Took], began: float) -> list[tuple[str, str, str]]:
    if not of_part:
        return []
    longest = max(of_part, key=lambda one: one.seconds)
    ranked = sorted(of_part, key=lambda one: (one.outcome == "done", -one.seconds))
    own = {one for one in ranked[:ROWS] if one.outcome != "done" or one.seconds >= WORTH_A_ROW}
    own |= {longest}
    rows = []
    for one in of_part:
        if one in own:
            marks = [mark for mark in (_outcome(one), "the slowest" if one is longest else "") if mark]
            note = f"   <- {', '.join(marks)}" if marks else ""
            rows.append((_said(one.start - began), _said(one.seconds), f"  {one.name}{note}"))
    short = [one for one in of_part if one not in own]
    if short:
        number = "1 shorter stage" if len(short) == 1 else f"{len(short)} shorter stages"
        rows.append(("", _said(covered(short)), f"  {number}"))
    rest = max(part.seconds - covered(of_part), 0.0)
    rows.append(("", _said(rest), "  preview, containers, the engine itself"))
    return rows


def _outcome(one: Took) -> str:
    return {"done": "", "running": "cut off"}.get(one.outcome, one.outcome)


def _said(seconds: float) -> str:
    return f"{seconds:.1f} s"
