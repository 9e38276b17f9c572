"""The stages of an update, from the lines of the timeline that they write (``kolla_iac.runtime.timeline``)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Stage:
    """One run of one stage."""

    name: str
    """As the timeline has it: ``keystone-1-handover``."""
    service: str
    kind: str
    start: float
    """Seconds since 1970, as is ``end``."""
    end: float
    outcome: str = "done"
    """``done``, ``failed``, ``interrupted``; ``cut off`` if it never said how it ended."""
    error: str = ""

    def touches(self, start: float, end: float) -> bool:
        """Whether it ran at any time between the two."""
        return self.start <= end and start <= self.end


def read(lines: Iterable[str], began: float, ended: float, over: float | None = None) -> tuple[Stage, ...]:
    """The stages that ran between two moments, in the order in which they began.

    A stage without an end was cut off. Nobody knows when; it is taken to have lasted until it was begun anew, else
    until ``over``, the end of the command. Lines that are no records are passed over: the last may be half written.
    """
    found: dict[tuple[Any, ...], Stage] = {}
    for line in lines:
        stage = _stage(line, ended if over is None else over)
        if stage is not None:
            key = (stage.name, stage.start)
            known = found.get(key)
            # the line of the end may come first, where two processes write
            if known is None or stage.outcome != "cut off":
                found[key] = stage
    stages = sorted(found.values(), key=lambda stage: (stage.start, stage.end, stage.name))
    bounded = [_until_begun_anew(stage, stages) for stage in stages]
    return tuple(stage for stage in bounded if stage.touches(began, ended))


def _stage(line: str, ended: float) -> Stage | None:
    try:
        record = json.loads(line)
        start = float(record["start"])
        over = record["outcome"] != "running"
        end = float(record["end"]) if over else max(ended, start)
        return Stage(
            str(record["stage"]),
            str(record["service"]),
            str(record["kind"]),
            start,
            max(end, start),
            str(record["outcome"]) if over else "cut off",
            str(record.get("error", "")),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _until_begun_anew(stage: Stage, stages: Iterable[Stage]) -> Stage:
    if stage.outcome != "cut off":
        return stage
    again = [one.start for one in stages if one.name == stage.name and one.start > stage.start]
    return replace(stage, end=min([stage.end, *again]))
