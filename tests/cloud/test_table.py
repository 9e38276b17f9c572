"""What an upgrade must reach, over repetitions: no failed request of many, with two replicas and with one.

What took how long is printed beside what is wanted of it; failed requests are asserted.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kolla_iac.probe.process import read_samples
from kolla_iac.probe.report import quantile

from .probing import agreed, probed
from .support import Cloud, merged

NEW = {"release": "2026.1"}
HELD = {"release": "2026.1", "upgrade": {"contract": "manual"}}

_PLAN = """
import contextlib, io, sys, time
from kolla_iac.cli import main
for _ in range(2):
    began = time.monotonic()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        main(["plan", sys.argv[1]])
    took = time.monotonic() - began
print(took)
"""
"""The second time in one process: everything is imported then."""


@dataclass(frozen=True)
class Run:
    """One change under the probe."""

    what: str
    report: dict[str, Any]
    during: list[float]
    """Seconds that each request took that was due while the command ran, in order; slow ones left out."""
    before: list[float]

    @property
    def asked(self) -> int:
        """While the command ran."""
        return len(self.during)

    @property
    def took(self) -> float:
        return float(self.report["command_ended"] - self.report["command_began"])

    def __str__(self) -> str:
        during, before = quantile(self.during, 0.99), quantile(self.before, 0.99)
        return (
            f"{self.what:<28} {self.report['failed']} failed of {self.asked} while it ran ({self.took:.0f} s); "
            f"p99 {during * 1000:.0f} ms, before it {before * 1000:.0f} ms: {during / before:.1f}x; "
            f"gap {self.report['gap']:.2f} s; {'valid' if self.report['valid'] else 'NOT VALID'}"
        )


def _run(cloud: Cloud, what: str, change: dict[str, Any], replicas: int) -> Run:
    file = cloud.home.folder / "samples.jsonl"
    cloud.write(_settings(change, replicas))
    _, report = probed(cloud, "--samples", str(file), "--around", "20")
    seen = _seconds(file, report)
    run = Run(what, report, *seen)
    print(run)
    assert report["failed"] == 0, report["failures"]
    assert report["verdict"] == ("as predicted" if report["valid"] else "invalid")
    agreed(report)
    return run


def _settings(change: dict[str, Any], replicas: int) -> dict[str, Any]:
    return merged(change, {"services": {"keystone": {"replicas": replicas}}})


def _seconds(file: Path, report: dict[str, Any]) -> tuple[list[float], list[float]]:
    """While the command ran, and before it."""
    timed = [one for one in read_samples(file) if not one.kind.endswith("slow")]
    began, ended = report["command_began"], report["command_ended"]
    during = sorted(one.seconds for one in timed if began <= one.due <= ended)
    return during, sorted(one.seconds for one in timed if one.due < began)


@pytest.mark.long
@pytest.mark.parametrize(("replicas", "wanted"), [(2, 10_000), (1, 3_000)])
def test_no_request_fails_over_repetitions(another: Callable[[], Cloud], replicas: int, wanted: int) -> None:
    """Up to the stage of no return, back from there, and all the way; on a new cloud each time."""
    runs: list[Run] = []
    plans: list[float] = []
    while sum(run.asked for run in runs) < wanted:
        cloud = another()
        cloud.make()
        cloud.up(_settings({}, replicas))
        cloud.write(_settings(NEW, replicas))
        planned = cloud.home.run(sys.executable, "-c", _PLAN, cloud.name)
        plans.append(float(planned.text.splitlines()[-1]))
        runs.append(_run(cloud, "up to contract", HELD, replicas))
        assert cloud.releases() == {"2026.1"}
        runs.append(_run(cloud, "back before contract", {}, replicas))
        assert cloud.releases() == {"2025.2"}
        runs.append(_run(cloud, "2025.2 -> 2026.1", NEW, replicas))
        assert cloud.releases() == {"2026.1"}
        cloud.kolla("purge", "--yes")
    _printed(runs, plans, replicas)
    assert sum(run.report["failed"] for run in runs) == 0


def _printed(runs: list[Run], plans: list[float], replicas: int) -> None:
    upgrades = [run for run in runs if run.what.startswith("2025.2")]
    back = [run for run in runs if run.what.startswith("back")]
    times = sorted(quantile(run.during, 0.99) / quantile(run.before, 0.99) for run in runs)
    rows = [
        (
            "failed while it ran",
            f"{sum(run.report['failed'] for run in runs)} of {sum(run.asked for run in runs)}",
            "0",
        ),
        (
            "of which going back",
            f"{sum(run.report['failed'] for run in back)} of {sum(run.asked for run in back)}",
            "0",
        ),
        ("slow ones", f"0 of {sum(run.report['slow_total'] for run in runs)}", "0"),
        ("p99 to that before", f"{statistics.median(times):.1f}x, at most {times[-1]:.1f}x", "2x"),
        ("longest gap", f"{max(run.report['gap'] for run in runs):.2f} s", "under 1 s"),
        (
            "upgrade",
            f"{statistics.median([run.took for run in upgrades]):.0f} s, at most "
            f"{max(run.took for run in upgrades):.0f} s",
            "90 s with two replicas",
        ),
        ("plan, imported", f"{max(plans):.2f} s at most", "1 s"),
        ("measurements", f"{sum(run.report['valid'] for run in runs)} of {len(runs)} valid", ""),
    ]
    print(f"\n{len(runs)} changes, {replicas} replica{'s' if replicas > 1 else ''}, 4 rounds of hashing")
    for what, measured, wanted in rows:
        print(f"  {what:<22} {measured:<30} wanted: {wanted}" if wanted else f"  {what:<22} {measured}")
