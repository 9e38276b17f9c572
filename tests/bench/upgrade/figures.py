"""From repetitions to the table. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kolla_iac.probe.report import Sample, quantile
from kolla_iac.probe.words import seconds

WAYS = {
    "ours-2": "kolla_iac, 2 replicas",
    "ours-1": "kolla_iac, 1 replica",
    "kolla-1": "Kolla's order, 1 container (one host)",
    "kolla-2": "Kolla's order, 2 containers (as on two hosts)",
}
"""Name of a way -> what tables and pictures call it."""

HEAD = (
    "way",
    "failed / total",
    "longest gap",
    "p50",
    "p99",
    "max",
    "p99 before",
    "p99 / before",
    "took",
    "CPU containers + command",
    "memory peak",
    "load before",
)

METHOD = (
    "Failed, total and the gap (the longest time without a successful answer) count from 10 s before the "
    "command to 10 s after it; p50, p99 and max from its begin on, failed requests among them, slow ones not. "
    "Over the repetitions: failed and total are sums; gap, max, memory and load the worst; everything else "
    "the median. CPU and memory: of the environment's containers by Docker's statistics, twice a second while "
    "the command runs (memory without inactive file cache; what a container does in its last half second is "
    "not seen); of the command by its processes' own account. What the Docker daemon does for them is not in "
    "it. Load: the machine's over a minute, before the environment was made."
)


@dataclass(frozen=True)
class Repetition:
    """One upgrade, one way. Durations in seconds."""

    way: str
    at: str
    """When, UTC."""
    valid: bool
    """Whether the probe could keep its rate."""
    failed: int
    """Slow ones too, as in ``total``."""
    total: int
    gap: float
    p50: float
    p99: float
    longest: float
    p99_before: float
    took: float
    cpu_containers: float
    cpu_command: float
    memory: float
    """Bytes, the peak of all containers together."""
    load: float
    """The machine's load average over a minute, before its environment was made: how quiet it was."""


def repetition(
    way: str,
    at: str,
    report: Mapping[str, Any],
    samples: Iterable[Sample],
    meter: Mapping[str, float],
    load: float,
) -> Repetition:
    """Of what the probe and the meter have said."""
    timed = [one for one in samples if not one.kind.endswith("slow")]
    began = report["command_began"]
    before = sorted(one.seconds for one in timed if one.due + one.seconds < began)
    since = sorted(one.seconds for one in timed if one.due >= began)
    return Repetition(
        way=way,
        at=at,
        valid=bool(report["valid"]),
        failed=report["failed"],
        total=report["total"] + report["slow_total"],
        gap=report["gap"],
        p50=quantile(since, 0.50),
        p99=quantile(since, 0.99),
        longest=max(since, default=0.0),
        p99_before=quantile(before, 0.99),
        took=report["command_ended"] - report["command_began"],
        cpu_containers=meter["cpu_containers"],
        cpu_command=meter["cpu_command"],
        memory=meter["memory"],
        load=load,
    )


def missing(done: Iterable[Repetition], ways: Sequence[str], repeat: int) -> list[str]:
    """What is still to be done, interleaved: every way once, then every way again.

    >>> missing([], ["a", "b"], 2)
    ['a', 'b', 'a', 'b']
    """
    counts = dict.fromkeys(ways, 0)
    for one in done:
        if one.way in counts:
            counts[one.way] += 1
    return [way for turn in range(repeat) for way in ways if turn >= counts[way]]


def summed(repetitions: Sequence[Repetition]) -> Repetition:
    """Those of one way as one: sums, medians and worst values, as `METHOD` says."""

    def median(name: str) -> float:
        return float(statistics.median(getattr(one, name) for one in repetitions))

    return Repetition(
        way=repetitions[0].way,
        at=max(one.at for one in repetitions),
        valid=all(one.valid for one in repetitions),
        failed=sum(one.failed for one in repetitions),
        total=sum(one.total for one in repetitions),
        gap=max(one.gap for one in repetitions),
        p50=median("p50"),
        p99=median("p99"),
        longest=max(one.longest for one in repetitions),
        p99_before=median("p99_before"),
        took=median("took"),
        cpu_containers=median("cpu_containers"),
        cpu_command=median("cpu_command"),
        memory=max(one.memory for one in repetitions),
        load=max(one.load for one in repetitions),
    )


def by_way(repetitions: Iterable[Repetition]) -> dict[str, list[Repetition]]:
    """Ways in the order of `WAYS`; those without a repetition are left out."""
    every = list(repetitions)
    found = {way: [one for one in every if one.way == way] for way in WAYS}
    return {way: own for way, own in found.items() if own}


def cells(repetitions: Sequence[Repetition]) -> tuple[str, ...]:
    """A way's row, as `HEAD` has it."""
    all_of_them = summed(repetitions)
    times = f", {len(repetitions)} times" if len(repetitions) > 1 else ", once"
    unsure = "" if all_of_them.valid else " (the probe fell behind)"
    ratio = all_of_them.p99 / all_of_them.p99_before if all_of_them.p99_before else 0.0
    return (
        WAYS[all_of_them.way] + times + unsure,
        f"{all_of_them.failed:,} / {all_of_them.total:,}",
        seconds(all_of_them.gap),
        seconds(all_of_them.p50),
        seconds(all_of_them.p99),
        seconds(all_of_them.longest),
        seconds(all_of_them.p99_before),
        f"{ratio:.1f}",
        f"{all_of_them.took:.1f} s",
        f"{all_of_them.cpu_containers:.1f} + {all_of_them.cpu_command:.1f} s",
        f"{all_of_them.memory / 1e6:.0f} MB",
        f"{all_of_them.load:.1f}",
    )


def table(repetitions: Iterable[Repetition]) -> str:
    """For a terminal: measures downwards, ways beside each other."""
    rows = [HEAD, *(cells(own) for own in by_way(repetitions).values())]
    lines = list(zip(*rows, strict=True))
    widths = [max(map(len, row)) for row in rows]
    return "\n".join(
        "  ".join(f"{cell:<{wide}}" for cell, wide in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def markdown(repetitions: Iterable[Repetition]) -> str:
    """The same as a table of a page: measures downwards, ways beside each other."""
    rows = [HEAD, *(cells(own) for own in by_way(repetitions).values())]
    first, *rest = zip(*rows, strict=True)
    lines = [f"| {' | '.join(first)} |", f"|---|{'---:|' * (len(rows) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(line)} |" for line in rest)]) + "\n"
