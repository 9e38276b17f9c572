"""What a probe counted."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

BEHIND = 0.25
"""Seconds after its time at which a request that is only then sent counts as late by the probe's own fault."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One request."""

    kind: str
    """``issue`` or ``validate``, ``new`` or ``kept`` connection: ``issue new``; or ``issue slow``."""
    due: float
    """When it was to be sent; seconds since 1970."""
    waited: float
    """Seconds from then until it was sent."""
    seconds: float
    """From then until its answer was there: a late answer counts its whole delay."""
    failure: str = ""
    """Why it failed; empty if it did not."""


@dataclass(frozen=True)
class Report:
    """Sums over all requests; seconds throughout. The slow requests are counted apart from the rates."""

    total: int
    failed: int
    longest: float
    p50: float
    p99: float
    slow_total: int
    slow_failed: int
    started: float
    """Seconds since 1970."""
    lasted: float
    rate: float
    """Requests per second that were to be sent."""
    late: int
    """Requests that the probe itself sent late, by more than `BEHIND`."""
    latest: float
    """The longest such delay."""
    failures: tuple[str, ...] = ()
    """The first 20, each with its time of day and kind."""

    @property
    def kept_rate(self) -> bool:
        """Whether the probe was on time for 99 requests of 100."""
        return self.late * 100 <= self.total

    def data(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {**asdict(self), "failures": list(self.failures)}

    @classmethod
    def of_data(cls, data: dict[str, Any]) -> Report:
        """From what `data` gave."""
        return cls(**{**data, "failures": tuple(data["failures"])})

    def __str__(self) -> str:
        lines = [
            f"{self.failed} failed of {self.total} requests in {self.lasted:.0f} s "
            f"({self.rate:g}/s: half issue, half validate; half on new connections, half on kept ones)",
            f"  longest {self.longest:.3f} s, p99 {self.p99:.3f} s, p50 {self.p50:.3f} s",
        ]
        if self.slow_total:
            lines.append(f"  and {self.slow_failed} failed of {self.slow_total} whose body was sent slowly")
        if self.late:
            verdict = "on time for 99 of 100" if self.kept_rate else "the probe could not keep its rate"
            lines.append(f"  {self.late} sent late, up to {self.latest:.2f} s: {verdict}")
        return "\n".join([*lines, *(f"  {failure}" for failure in self.failures)])


def summary(samples: Iterable[Sample], *, rate: float, started: float, ended: float) -> Report:
    """Sums up.

    Args:
        rate: requests per second.
        started: seconds since 1970, as is ``ended``.
    """
    every = sorted(samples, key=lambda sample: sample.due)
    slow = [sample for sample in every if sample.kind.endswith("slow")]
    timed = [sample for sample in every if not sample.kind.endswith("slow")]
    took = sorted(sample.seconds for sample in timed)
    late = [sample.waited for sample in timed if sample.waited > BEHIND]
    failed = [sample for sample in every if sample.failure]
    return Report(
        total=len(timed),
        failed=sum(1 for sample in timed if sample.failure),
        longest=took[-1] if took else 0.0,
        p50=quantile(took, 0.50),
        p99=quantile(took, 0.99),
        slow_total=len(slow),
        slow_failed=sum(1 for sample in slow if sample.failure),
        started=started,
        lasted=ended - started,
        rate=rate,
        late=len(late),
        latest=max(late, default=0.0),
        failures=tuple(_line(sample) for sample in failed[:20]),
    )


def quantile(ordered: list[float], share: float) -> float:
    """The smallest value that at least ``share`` of all are not above (nearest rank).

    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5)
    2.0
    """
    if not ordered:
        return 0.0
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]


def _line(sample: Sample) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(sample.due))
    return f"{clock} {sample.kind}, after {sample.seconds:.2f} s: {sample.failure}"
