"""What every form of the report says in the same words: headline, sums, rows of cells."""

from __future__ import annotations

import shlex
import textwrap
import time

from kolla_iac.probe.analysis import BEFORE, Comparison, Predicted, Result, Row, slow
from kolla_iac.probe.report import Sample

HEAD = ("stage", "at", "took", "requests", "failed", "p50", "p99", "longest", "gap", "predicted")
SHOWN = 20
"""Lines of failures that are printed."""
APART = 1.0
"""Seconds between two failures of one reason from which on they are told apart."""

METHOD = (
    "An open loop: requests go out by the clock, whatever became of those before, and each is measured from the moment "
    "at which it was due. Half issue a token, half validate one; half on new connections, half on kept ones; one "
    "whose body is sent slowly is always on its way, and counts in what failed and not in what took how long. "
    "A request belongs to each stage during which it was on its way, a slow one that failed to that in which it did. "
    "Gap: the longest time without a successful answer."
)


def headline(result: Result) -> str:
    """The verdict in one line."""
    failed = f"{result.failed:,} failed of {result.total + result.slow_total:,} requests"
    match result.verdict:
        case "as predicted" if result.failed:
            return f"{failed}, as predicted"
        case "as predicted":
            return failed
        case "invalid":
            return f"INVALID: {failed}, but the probe cannot vouch for it"
        case _ if result.unannounced:
            return f"{failed}, {len(result.unannounced):,} of them where nothing was to be felt"
        case _:
            return f"{failed}; it was felt more than predicted"


def reasons(result: Result) -> list[str]:
    """What speaks against the result, a sentence a line."""
    lines = [f"not valid: {reason}" for reason in result.invalid]
    lines += [
        f"{row.name}: {row.unannounced:,} failed, predicted: {row.predicted.text}" for row in result.red
    ]
    told = {row.service for row in result.red}
    lines += [
        f"{one.service}: {measured(one)}, predicted: {one.predicted.text}"
        for one in result.comparisons
        if not one.kept and one.service not in told
    ]
    if result.unplanned:
        lines.append(f"ran, and the plan does not have it: {', '.join(result.unplanned)}")
    if result.unseen:
        lines.append(f"the plan has it, and it did not run: {', '.join(result.unseen)}")
    return lines


def facts(result: Result) -> list[tuple[str, str]]:
    """Name and value of what holds for the whole run."""
    seen = result.observed
    slowly = sum(1 for sample in result.failures if slow(sample))
    found = [
        ("environment", seen.environment),
        ("watched", f"{clock(seen.began)}, for {seen.ended - seen.began:.0f} s, {seen.rate:g} requests/s"),
    ]
    if seen.command:
        took = f"{seen.command_ended - seen.command_began:.0f} s"
        line = textwrap.shorten(shlex.join(seen.command), 200, placeholder=" ...")
        found.append(("command", f"{line} ({took}, exit code {seen.exit_code})"))
    found += [
        ("requests", f"{result.total:,}, of which {result.failed - slowly:,} failed"),
        ("slow ones", f"{result.slow_total:,}, of which {slowly:,} failed"),
        (
            "latency",
            f"p50 {seconds(result.p50)}, p99 {seconds(result.p99)}, longest {seconds(result.longest)}",
        ),
    ]
    before = next((row for row in result.rows if row.name == BEFORE), None)
    if before is not None and before.p99 is not None:
        found.append(("before", f"p50 {seconds(before.p50)}, p99 {seconds(before.p99)}"))
    found.append(("gap", f"{seconds(result.gap)} without a successful answer, from {clock(result.gap_at)}"))
    punctual = (
        f"{result.late:,} sent late by the probe, up to {result.latest:.2f} s" if result.late else "on time"
    )
    found.append(("the probe", punctual))
    return found


def predictions(result: Result) -> list[str]:
    """What the plan announced beside what was measured, a service a line."""
    if not result.observed.command:
        return []
    if result.observed.predicted is None:
        return ["there was no plan to ask: nothing was announced"]
    if not result.comparisons:
        return ["the plan changes no service: nothing was to be felt"]
    ran = {stage.service for stage in result.observed.stages}
    return [
        f"{one.service}: {one.predicted.text}; "
        + (
            f"measured: {measured(one)}: {'as predicted' if one.kept else 'WORSE THAN PREDICTED'}"
            if one.service in ran or one.failed
            else "no stage of it ran"
        )
        for one in result.comparisons
    ]


def measured(one: Comparison) -> str:
    """What was felt of one service."""
    return f"{one.failed:,} failed, longest {seconds(one.longest)}, gap {seconds(one.gap)}"


def cells(row: Row, result: Result) -> tuple[str, ...]:
    """A row as `HEAD` has it; times from the command's begin on."""
    name = row.name if row.outcome in ("", "done") else f"{row.name} ({row.outcome})"
    asked = f"{row.asked:,}" + (f" ({row.late} late)" if row.late else "")
    return (
        name,
        f"{row.start - result.observed.command_began:+.1f}",
        f"{row.took:.1f}",
        asked,
        f"{row.failed:,}",
        *(seconds(value) for value in (row.p50, row.p99, row.longest, row.gap)),
        brief(row.predicted),
    )


def brief(predicted: Predicted) -> str:
    """For a column.

    >>> brief(Predicted()), brief(Predicted("fails", 3, "...")), brief(Predicted("fails", 0, "..."))
    ('nothing', 'fails up to 3 s', 'fails')
    """
    if predicted.kind == "none":
        return "nothing"
    return predicted.kind + (f" up to {predicted.seconds:g} s" if predicted.seconds else "")


def failures(result: Result) -> list[str]:
    """Failures of one reason that follow each other closely as one line; the first lines, and how many more."""
    open_runs: dict[str, list[Sample]] = {}
    runs: list[list[Sample]] = []
    for sample in result.failures:
        run = open_runs.get(sample.failure)
        if run is None or sample.due - run[-1].due > APART:
            run = open_runs[sample.failure] = []
            runs.append(run)
        run.append(sample)
    lines = [_run(run) for run in runs[:SHOWN]]
    rest = sum(map(len, runs[SHOWN:]))
    return [*lines, f"and {rest:,} more"] if rest else lines


def _run(run: list[Sample]) -> str:
    first, last = run[0], run[-1]
    longest = seconds(max(sample.seconds for sample in run))
    if first is last:
        return f"{clock(first.due)} {first.kind}, after {longest}: {first.failure}"
    span = f"{clock(first.due)} to {clock(last.due)}"
    return f"{span}, {len(run):,} requests, after up to {longest}: {first.failure}"


def clock(moment: float) -> str:
    """The time of day, to the tenth of a second."""
    tenth = int(moment * 10) % 10
    return time.strftime("%H:%M:%S", time.localtime(moment)) + f".{tenth}"


def seconds(value: float | None) -> str:
    """For people.

    >>> seconds(0.0123), seconds(1.234), seconds(12.34), seconds(None)
    ('12 ms', '1.23 s', '12.3 s', '-')
    """
    if value is None:
        return "-"
    if value < 0.9995:
        return f"{value * 1000:.0f} ms"
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
