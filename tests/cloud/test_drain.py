"""Requests that are slow: one that an old replica has in its hands is answered, or is counted where it costs one."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from http.client import HTTPException

from kolla_iac.probe import Identity
from kolla_iac.probe.identity import Wrong
from kolla_iac.runtime.balancer import SlotSeen, look
from kolla_iac.runtime.containers import of_service
from kolla_iac.runtime.hosts import Hosts

from .probing import agreed, probed
from .support import Cloud

LONG = 300
"""Seconds: longer than any of this takes."""
SOCKET = "unix:///var/run/docker.sock"
DRAIN = {"services": {"keystone": {"drain_seconds": 2}}}


@dataclass
class Slow:
    """A request for a token whose body takes its time."""

    identity: Identity
    over: threading.Event
    """Has the rest of the body sent at once."""
    came_to: str = ""

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        try:
            self.identity.issue(self.identity.connection(), LONG, self.over)
        except (Wrong, OSError, HTTPException) as error:
            self.came_to = f"{type(error).__name__}: {error}"
        else:
            self.came_to = "answered"

    def end(self) -> None:
        """Sends the rest, and waits for what comes of it."""
        self.over.set()
        self._thread.join(60)


def _slots(cloud: Cloud) -> dict[str, SlotSeen]:
    """Container -> what the load balancer does with it now."""
    (balancer,) = of_service(Hosts({"local": SOCKET}), cloud.name, "loadbalancer")
    return {one.container: one for one in look(balancer, 30) if one.backend == "keystone"}


def test_what_outlasts_the_drain_is_cut_counted_and_named_and_what_does_not_is_answered(cloud: Cloud) -> None:
    """One session never ends: it is cut after `drain_seconds`, which no plan announced, so the report is red."""
    cloud.write(DRAIN)
    done, report = probed(cloud, "--slow", str(LONG), "--around", "2")
    left = [int(number) for number in re.findall(r"drained for 2 s; (\d+) sessions? left", done.text)]
    assert 1 <= len(left) <= 2, "it was in the hands of an old replica, and its successor perhaps of another"
    assert {"keystone-1-handover", "keystone-2-handover", "keystone-verify"} <= set(agreed(report))
    assert report["failed"] == report["unannounced"] == sum(left), report["failures"]
    assert {one["kind"] for one in report["failures"]} == {"issue slow"}
    assert (done.status, report["verdict"]) == (3, "worse")
    red = {one["name"]: one["unannounced"] for one in report["stages"] if one["unannounced"]}
    assert set(red) <= {"keystone-1-handover", "keystone-2-handover"}, red
    assert sum(red.values()) == report["failed"], red
    assert all(one["predicted"]["kind"] == "none" for one in report["stages"] if one["name"] in red)
    page = (cloud.home.folder / "probe.html").read_text()
    for name, failed in red.items():
        said = f"{name}: {failed} failed, predicted: clients feel nothing"
        assert said in report["reasons"], report["reasons"]
        assert said in done.text
        assert said in page
    cloud.whole()

    # back to the usual drain: the same request, begun before, is waited for and answered
    before = {str(one.name) for one in cloud.containers("keystone")}
    slow = Slow(cloud.identity(), threading.Event())
    running = cloud.start()
    drained: list[SlotSeen] = []

    def drains_with_it() -> bool:
        drained[:] = [one for one in _slots(cloud).values() if one.state.startswith("DRAIN") and one.sessions]
        return bool(drained)

    try:
        running.until(drains_with_it)
        assert {one.container for one in drained} <= before
        time.sleep(1)
        assert slow.came_to == "", "its body is not over"
        assert {one.container for one in drained} <= {str(one.name) for one in cloud.containers("keystone")}
    finally:
        slow.end()
    assert running.join() == 0, running.text
    print(running.text)
    assert slow.came_to == "answered"
    assert len(re.findall(r"drained, no sessions left", running.text)) == 2, running.text
    assert "sessions left, which" not in running.text
    cloud.whole()
    assert cloud.up().changes == 0
