"""Runs that never were: samples at a rate from moment 1000 on, stages by their lines in the timeline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kolla_iac.probe.analysis import Observed, Predicted
from kolla_iac.probe.report import Sample
from kolla_iac.probe.stages import read

BEGAN = 1000.0
KINDS = ("issue new", "validate new", "issue kept", "validate kept")
FAILS = Predicted("fails", 3, "requests fail for up to 3 s")
DELAYED = Predicted("delayed", 2, "requests are delayed up to 2 s")
NONE = Predicted()


def line(
    stage: str, start: float, end: float | None = None, outcome: str = "done", kind: str = "job", **more: Any
) -> list[str]:
    """The two lines of a stage, or the one of a stage that was killed; moments from `BEGAN` on.

    Its service is the first word of its name.
    """
    record = {
        "stage": stage,
        "service": stage.partition("-")[0],
        "kind": kind,
        "start": BEGAN + start,
        "outcome": "running",
        **more,
    }
    lines = [json.dumps(record)]
    if end is not None:
        lines.append(json.dumps({**record, "end": BEGAN + end, "outcome": outcome}))
    return lines


def samples(
    seconds: float, rate: float = 10, failing: Mapping[tuple[float, float], str] | None = None, **values: Any
) -> list[Sample]:
    """Requests that take 20 ms each; those due within a span of ``failing`` fail with its reason."""
    made = []
    for number in range(round(seconds * rate)):
        at = number / rate
        reasons = [why for (start, end), why in (failing or {}).items() if start <= at < end]
        kind = KINDS[number % 4]
        made.append(
            Sample(kind, BEGAN + at, values.get("waited", 0.0), values.get("took", 0.02), "".join(reasons))
        )
    return made


def observed(
    requests: list[Sample],
    lines: list[str] | None = None,
    predicted: Mapping[str, Predicted] | None = None,
    **values: Any,
) -> Observed:
    """A run of 60 s, its command from second 5 to second 55."""
    told = {
        "environment": "t-paper",
        "command": ("pulumi", "up"),
        "exit_code": 0,
        "rate": 10.0,
        "began": BEGAN,
        "ended": BEGAN + 60,
        "command_began": BEGAN + 5,
        "command_ended": BEGAN + 55,
    } | values
    stages = read(lines or [], told["began"], told["ended"], told["command_ended"])
    return Observed(samples=tuple(requests), stages=stages, predicted=predicted, **told)
