"""The probe beside a change: a process of its own, started, read and judged by the tests."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from kolla_iac.probe import Identity, Load, Report

from .support import Cloud, Outcome


@dataclass
class Probing:
    """What was counted; there once the block is left."""

    report: Report | None = None

    def none_failed(self, at_least: int = 100) -> None:
        """No request failed, and enough of them were sent. Whether the probe kept its rate stands in its report,
        which is printed: on a busy machine it may fall behind, and what it sent says something all the same."""
        assert self.report is not None
        assert self.report.failed == self.report.slow_failed == 0, str(self.report)
        assert self.report.total >= at_least, f"too few to say anything:\n{self.report}"

    def few_failed(self, at_most: int, at_least: int = 60) -> None:
        """No more failed than a replica may have had in its hands."""
        assert self.report is not None
        assert self.report.failed <= at_most, str(self.report)
        assert self.report.total >= at_least, f"too few to say anything:\n{self.report}"


@contextmanager
def probing(
    cloud: Cloud,
    rate: float = 20,
    slow_seconds: float = 4,
    timeout: float = 30,
    identity: Identity | None = None,
) -> Iterator[Probing]:
    """Asks the environment from a process of its own, from before the block until after it.

    Args:
        timeout: seconds without a byte of answer until a request counts as failed.
        identity: as whom; the administrator by default.
    """
    who = asdict(identity or cloud.identity(timeout))
    load = asdict(Load(rate=rate, seconds=600, slow_seconds=slow_seconds))
    process = subprocess.Popen(
        [sys.executable, "-m", "kolla_iac.probe"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write(json.dumps({"identity": who, "load": load}) + "\n")
    process.stdin.flush()
    first = process.stdout.readline()
    assert first == "ready\n", f"{first}{process.stderr.read()}"
    seen = Probing()
    try:
        yield seen
    finally:
        process.stdin.close()
        lines = process.stdout.read().splitlines()
        process.wait(60)
        if lines:
            seen.report = Report.of_data(json.loads(lines[-1]))
            print(f"probe: {seen.report}")


def probed(
    cloud: Cloud, *options: str, command: tuple[str, ...] | None = None
) -> tuple[Outcome, dict[str, Any]]:
    """`pulumi up` (or another command that succeeds) under `kolla-iac probe`, whose gate lets no failed request pass.

    Returns:
        what was printed, and the report.
    """
    file = cloud.home.folder / "probe.json"
    up = ("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--color", "never")
    gate = ("--max-failed", "0", "-o", str(file), "-o", str(file.with_suffix(".html")), *options)
    done = cloud.home.run(
        "kolla-iac", "probe", cloud.name, *gate, "--", *(command or (*up, "--stack", cloud.name)), fails=None
    )
    print(done)
    read: dict[str, Any] = json.loads(file.read_text())
    assert read["exit_code"] == 0, str(done)
    return done, read


def agreed(report: dict[str, Any], service: str = "keystone") -> list[str]:
    """The stages that ran, of which plan, timeline and measurement must say the same: these, none beside them, none
    missing, each of them with requests on their way."""
    assert report["unplanned"] == report["unseen"] == [], report["reasons"]
    stages = [one for one in report["stages"] if one["service"]]
    assert {one["service"] for one in stages} - {"images"} == {service}
    unasked = [one["name"] for one in stages if not one["asked"] and one["end"] - one["start"] > 0.5]
    assert unasked == [], f"nobody asked during {unasked}"
    return [one["name"] for one in stages]
