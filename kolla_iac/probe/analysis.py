"""From requests, stages and a prediction to what was felt when, and whether that was announced.

Pure. A request belongs to each stage during which it was on its way, so the rows of stages that run at once, or
that a long request outlives, count it each; the sums count it once. A slow request that failed belongs to the stage in
which it did: that its body was on its way during those before is no fault of theirs.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from kolla_iac.probe.report import BEHIND, Sample, quantile
from kolla_iac.probe.stages import Stage

BEFORE, BETWEEN, AFTER = "before the command", "between stages", "after the command"
WATCHED = "while watched"
OUTSIDE = (BEFORE, BETWEEN, AFTER, WATCHED)
"""Rows that are no stage. Containers of services that cannot stand twice are replaced between stages."""

Span = tuple[float, float]


@dataclass(frozen=True)
class Predicted:
    """What the plan says that clients of a service feel."""

    kind: Literal["none", "delayed", "fails"] = "none"
    seconds: float = 0
    """At most; 0 for ``none``, and for what fails for good."""
    text: str = "clients feel nothing"
    stages: tuple[str, ...] = ()
    """Names of the stages that the plan has, as the timeline has them; empty: it does not say."""


NOTHING = Predicted()


@dataclass(frozen=True)
class Observed:
    """All that was seen of one run; moments in seconds since 1970."""

    environment: str
    command: tuple[str, ...]
    """Empty: nothing was run, only watched."""
    exit_code: int | None
    rate: float
    began: float
    ended: float
    command_began: float
    """Without a command: ``began``; as ``command_ended`` is ``ended``."""
    command_ended: float
    samples: tuple[Sample, ...]
    stages: tuple[Stage, ...] = ()
    predicted: Mapping[str, Predicted] | None = None
    """Service that the plan changes -> what is felt of it; None: there was no plan to ask."""
    troubles: tuple[str, ...] = ()
    """Why the result cannot be relied on, beyond what the samples say themselves."""


@dataclass(frozen=True)
class Row:
    """What was measured during one stage, or outside of all."""

    name: str
    service: str
    outcome: str
    start: float
    end: float
    took: float
    """Seconds; outside of stages less than from start to end."""
    asked: int
    failed: int
    late: int
    """Sent late by the probe itself."""
    gap: float
    """The longest time without a successful answer that touches it, in full; seconds, as are the next."""
    p50: float | None
    """None where no request was on its way."""
    p99: float | None
    longest: float | None
    predicted: Predicted
    unannounced: int
    """Failed requests that no prediction explains."""

    @property
    def a_stage(self) -> bool:
        return self.name not in OUTSIDE


@dataclass(frozen=True)
class Comparison:
    """One service that the plan changes: what it announced, what was felt."""

    service: str
    predicted: Predicted
    failed: int
    gap: float
    longest: float
    """Of the answered requests."""
    kept: bool
    """Whether it was no worse than announced."""


@dataclass(frozen=True)
class Result:
    """What a report says."""

    observed: Observed
    rows: tuple[Row, ...]
    comparisons: tuple[Comparison, ...]
    failures: tuple[Sample, ...]
    """In the order of their time; slow requests among them."""
    total: int
    """Of the schedule; slow ones are counted apart."""
    slow_total: int
    gap: float
    gap_at: float
    """When the longest gap began."""
    p50: float
    p99: float
    longest: float
    late: int
    latest: float
    unannounced: tuple[Sample, ...]
    unplanned: tuple[str, ...]
    """Stages that ran and that the plan does not have; presence of an image is no part of a plan."""
    unseen: tuple[str, ...]
    """Stages that the plan has and that did not run; services, where it does not say which stages."""
    invalid: tuple[str, ...]
    """Why the result is not valid; empty if it is."""

    @property
    def failed(self) -> int:
        """Slow requests too."""
        return len(self.failures)

    @property
    def red(self) -> tuple[Row, ...]:
        """Rows in which a request failed that nobody announced."""
        return tuple(row for row in self.rows if row.unannounced)

    @property
    def verdict(self) -> Literal["invalid", "worse", "as predicted"]:
        """A measurement that is invalid but saw failures is ``worse``: they did happen."""
        if self.unannounced or not all(one.kept for one in self.comparisons):
            return "worse"
        return "invalid" if self.invalid else "as predicted"


def analyse(seen: Observed) -> Result:
    """Everything that the report says, from everything that was seen."""
    every = sorted(seen.samples, key=lambda sample: sample.due)
    timed = [sample for sample in every if not slow(sample)]
    took = sorted(sample.seconds for sample in timed)
    gaps = _gaps(every, seen.began, seen.ended)
    windows = _windows(seen)
    failures = tuple(sample for sample in every if sample.failure)
    unannounced = tuple(sample for sample in failures if not _announced(sample, seen, windows))
    late = [sample.waited for sample in timed if sample.waited > BEHIND]
    gap = max(gaps, key=lambda one: one[1] - one[0], default=(seen.began, seen.began))
    return Result(
        observed=seen,
        rows=tuple(_rows(seen, every, gaps, windows)),
        comparisons=tuple(_comparisons(seen, every, gaps, windows)),
        failures=failures,
        total=len(timed),
        slow_total=len(every) - len(timed),
        gap=gap[1] - gap[0],
        gap_at=gap[0],
        p50=quantile(took, 0.50),
        p99=quantile(took, 0.99),
        longest=took[-1] if took else 0.0,
        late=len(late),
        latest=max(late, default=0.0),
        unannounced=unannounced,
        unplanned=_unplanned(seen),
        unseen=_unseen(seen),
        invalid=(*seen.troubles, *_invalid(len(timed), late)),
    )


def slow(sample: Sample) -> bool:
    """Whether its body was sent slowly on purpose, so that its duration says nothing."""
    return sample.kind.endswith("slow")


def answered(sample: Sample) -> float:
    """When it was over."""
    return sample.due + sample.seconds


def _felt_from(sample: Sample) -> float:
    """From when on it may be held against a stage."""
    return answered(sample) if slow(sample) and sample.failure else sample.due


def _gaps(every: Iterable[Sample], began: float, ended: float) -> list[Span]:
    """Between one successful answer and the next; the first begins with the run, the last ends with it."""
    good = sorted(min(max(answered(sample), began), ended) for sample in every if not sample.failure)
    return list(pairwise([began, *good, ended]))


def _invalid(total: int, late: Sequence[float]) -> list[str]:
    if not total:
        return ["not one request was sent"]
    # as Report.kept_rate
    if len(late) * 100 > total:
        return [
            f"the probe could not keep its rate: {len(late)} of {total} requests were sent more than "
            f"{BEHIND:g} s late, up to {max(late):.1f} s"
        ]
    return []


def _unplanned(seen: Observed) -> tuple[str, ...]:
    if seen.predicted is None or not seen.command:
        return ()
    unknown = []
    for stage in seen.stages:
        said = seen.predicted.get(stage.service)
        if stage.kind != "images" and (said is None or (said.stages and stage.name not in said.stages)):
            unknown.append(stage.name)
    return tuple(dict.fromkeys(unknown))


def _unseen(seen: Observed) -> tuple[str, ...]:
    if seen.exit_code:
        # an update that failed did not come to its later stages
        return ()
    names = {stage.name for stage in seen.stages}
    services = {stage.service for stage in seen.stages}
    missing = []
    for service, said in (seen.predicted or {}).items():
        missing += [name for name in said.stages if name not in names]
        missing += [] if said.stages or service in services else [service]
    return tuple(missing)


def _windows(seen: Observed) -> dict[str, list[Span]]:
    """For each service that the plan changes, when that may be felt.

    A container that cannot stand beside its successor is replaced some time before the stage ``ready`` that waits
    for the successor: from the end of the service's previous stage on. Without such a stage (an update that was cut
    off) it may have been any time; and what fails for good (``fails`` with 0 seconds) fails from its first stage on.
    """
    found: dict[str, list[Span]] = {}
    for service, predicted in (seen.predicted or {}).items():
        own = sorted((one for one in seen.stages if one.service == service), key=lambda one: one.start)
        if predicted.kind == "none":
            continue
        if predicted.kind == "fails" and not predicted.seconds:
            found[service] = [(own[0].start if own else seen.command_began, seen.ended)]
        elif not any(one.kind in ("ready", "handover") for one in own):
            found[service] = [(seen.command_began, seen.ended)]
        else:
            found[service] = _replaced(own, seen.command_began)
    return found


def _replaced(own: Sequence[Stage], began: float) -> list[Span]:
    spans, last = list[Span](), began
    for stage in own:
        spans.append((min(last, stage.start) if stage.kind == "ready" else stage.start, stage.end))
        last = max(last, stage.end)
    return spans


def _announced(sample: Sample, seen: Observed, windows: Mapping[str, Sequence[Span]]) -> bool:
    """Whether a failure is one that the plan spoke of: a delay announced is no failure announced."""
    fails = {name for name, said in (seen.predicted or {}).items() if said.kind == "fails"}
    return any(name in fails and _within(sample, spans) for name, spans in windows.items())


def _within(sample: Sample, spans: Iterable[Span]) -> bool:
    return any(start <= answered(sample) and sample.due <= end for start, end in spans)


def _touching(gaps: Iterable[Span], spans: Sequence[Span]) -> float:
    """The longest gap that touches one of the spans."""
    return max(
        (end - start for start, end in gaps if any(left <= end and start <= right for left, right in spans)),
        default=0.0,
    )


def _comparisons(
    seen: Observed, every: Sequence[Sample], gaps: Sequence[Span], windows: Mapping[str, Sequence[Span]]
) -> Iterable[Comparison]:
    for service, predicted in (seen.predicted or {}).items():
        spans = windows.get(service)
        if spans is None:
            spans = [(one.start, one.end) for one in seen.stages if one.service == service]
        felt = [sample for sample in every if _within(sample, spans)]
        failed = [sample for sample in felt if sample.failure]
        if predicted.kind != "fails":
            # what another service's announcement explains is not held against this one
            failed = [sample for sample in failed if not _announced(sample, seen, windows)]
        gap = _touching(gaps, spans)
        longest = max((one.seconds for one in felt if not one.failure and not slow(one)), default=0.0)
        kept = {
            "none": not failed,
            "delayed": not failed and longest <= predicted.seconds,
            "fails": not predicted.seconds or not failed or gap <= predicted.seconds + 1 / seen.rate,
        }[predicted.kind]
        yield Comparison(service, predicted, len(failed), gap, longest, kept)


def _rows(
    seen: Observed,
    every: Sequence[Sample],
    gaps: Sequence[Span],
    windows: Mapping[str, Sequence[Span]],
) -> Iterable[Row]:
    starts = [sample.due for sample in every]
    reach = max((sample.seconds for sample in every), default=0.0)

    def during(start: float, end: float) -> list[Sample]:
        near = every[bisect_left(starts, start - reach) : bisect_right(starts, end)]
        return [sample for sample in near if answered(sample) >= start and _felt_from(sample) <= end]

    def row(
        name: str, service: str, outcome: str, spans: Sequence[Span], mine: list[Sample], said: Predicted
    ) -> Row:
        took = sorted(sample.seconds for sample in mine if not slow(sample))
        failed = [sample for sample in mine if sample.failure]
        return Row(
            name,
            service,
            outcome,
            spans[0][0],
            spans[-1][1],
            sum(end - start for start, end in spans),
            asked=len(mine),
            failed=len(failed),
            late=sum(1 for sample in mine if not slow(sample) and sample.waited > BEHIND),
            gap=_touching(gaps, spans),
            p50=quantile(took, 0.50) if took else None,
            p99=quantile(took, 0.99) if took else None,
            longest=took[-1] if took else None,
            predicted=said,
            unannounced=sum(1 for sample in failed if not _announced(sample, seen, windows)),
        )

    predicted = seen.predicted or {}
    began, ended = seen.command_began, seen.command_ended
    if began > seen.began:
        mine = [sample for sample in every if answered(sample) < began]
        yield row(BEFORE, "", "", [(seen.began, began)], mine, NOTHING)
    for stage in seen.stages:
        span = (stage.start, stage.end)
        mine, said = during(*span), predicted.get(stage.service, NOTHING)
        yield row(stage.name, stage.service, stage.outcome, [span], mine, said)
    between = _uncovered(seen.stages, began, ended)
    if between:
        mine = [
            sample
            for sample in during(began, ended)
            if not any(stage.touches(_felt_from(sample), answered(sample)) for stage in seen.stages)
        ]
        yield row(BETWEEN if seen.command else WATCHED, "", "", between, mine, _worst(predicted.values()))
    if ended < seen.ended:
        mine = [sample for sample in every if _felt_from(sample) > ended]
        yield row(AFTER, "", "", [(ended, seen.ended)], mine, NOTHING)


def _uncovered(stages: Iterable[Stage], began: float, ended: float) -> list[Span]:
    """When the command ran and no stage did."""
    spans, reached = list[Span](), began
    for stage in sorted(stages, key=lambda one: one.start):
        if stage.start > reached:
            spans.append((reached, min(stage.start, ended)))
        reached = max(reached, stage.end)
    if reached < ended:
        spans.append((reached, ended))
    return [(start, end) for start, end in spans if start < end]


def _worst(predicted: Iterable[Predicted]) -> Predicted:
    grave: dict[str, Any] = {"none": 0, "delayed": 1, "fails": 2}
    return max(predicted, key=lambda one: (grave[one.kind], one.seconds), default=NOTHING)
