"""An upgrade that meets faults: when it is at a stage, what is done to it there, and what came of it.

Small images (tests/engine) and the real services (tests/cloud) are walked through by the same faults.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container

from kolla_iac.probe.identity import Wrong
from tests.cloud.support import Running
from tests.matrix import Answer, Cell, cell
from tests.second_daemon import Daemon
from tests.waiting import eventually

HERE = "unix:///var/run/docker.sock"
JOBS = ("backup", "preflight", "expand", "contract")
NAMES = {
    **{stage: f"keystone-{stage}" for stage in (*JOBS, "verify")},
    "first handover": "keystone-1-handover",
    "last handover": "keystone-2-handover",
}
"""Column of the matrix -> stage as the timeline knows it."""

CREATING = r"docker:index:Container \S*keystone-\d creating"
"""The engine's word for it."""


class Ground(ABC):
    """An environment with Keystone, or what answers like it, and what a fault must know of it."""

    name: str
    client: docker.DockerClient
    state: Path
    """Pulumi's backend."""
    timeline: Path
    rate: float = 20
    """Requests of the probe, per second."""
    away_seconds: float = 20
    """How long the database is away."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.wanted = ""
        """The release that the update under way goes to."""
        self._mark = 0
        self._there: set[str] = set()
        """Replicas that were there when the update began."""

    @abstractmethod
    def update(self) -> Running:
        """`pulumi up` to the wanted release, begun; the very line that an operator types."""

    @abstractmethod
    def cancel(self) -> None:
        """`pulumi cancel`, as a killed engine's lock asks for."""

    @abstractmethod
    def ask(self, number: int) -> None:
        """One request of the probe: a token issued, or validated.

        Raises:
            Wrong, OSError, HTTPException: it failed.
        """

    @abstractmethod
    def anew(self) -> None:
        """From now on an update makes the new replicas anew."""

    def up(self) -> Running:
        """An update to the wanted release, begun."""
        self._there = {str(one.id) for one in self.containers(service="keystone", role="rolled")}
        self._mark = self.timeline.stat().st_size if self.timeline.exists() else 0
        return self.update()

    def whole(self) -> bool:
        """Whether a token can be had now."""
        try:
            self.ask(1)
        except (Wrong, OSError, http.client.HTTPException):
            return False
        return True

    def records(self) -> list[dict[str, Any]]:
        """What the timeline says since the update began."""
        if not self.timeline.exists():
            return []
        with self.timeline.open() as file:
            file.seek(self._mark)
            return [json.loads(line) for line in file if line.endswith("\n")]

    def pid(self, stage: str) -> int:
        """The process of a stage that runs since the update began; 0: none does."""
        mine = [record for record in self.records() if record["stage"] == NAMES.get(stage)]
        return int(mine[-1]["pid"]) if mine and mine[-1]["outcome"] == "running" else 0

    def came(self, stage: str, up: Running) -> bool:
        """Whether the update is at a stage, so far that there is something to be met."""
        if stage == "new replicas":
            # as early as can be told: what makes them is to be met while it does
            return up.says(CREATING)()
        return bool(self.pid(stage)) and (stage not in JOBS or self.job() is not None)

    def began(self) -> bool:
        """Whether the update has made a replica."""
        return any(str(one.id) not in self._there for one in self.replicas())

    def containers(self, **labels: str) -> list[Container]:
        """Containers that carry labels of ours, running or not, in the order of their host names."""
        chosen = [f"kolla_iac.environment={self.name}"]
        chosen += [f"kolla_iac.{key}={value}" for key, value in labels.items()]
        found = self.client.containers.list(all=True, filters={"label": chosen}, ignore_removed=True)
        return sorted(found, key=lambda one: str(one.attrs["Config"]["Hostname"]))

    def replicas(self) -> list[Container]:
        """Those of the wanted release, the newest last."""
        found = self.containers(service="keystone", role="rolled", release=self.wanted)
        return sorted(found, key=lambda one: str(one.attrs["Created"]))

    def newest(self, replica: int) -> Container:
        """The newest container of a replica; of any where it is 0."""
        numbers = {str(replica)} if replica else {"1", "2"}
        return [one for one in self.replicas() if one.labels["kolla_iac.replica"] in numbers][-1]

    def job(self) -> Container | None:
        """The job that runs now."""
        running = [one for one in self.containers(role="job") if one.status == "running"]
        return running[0] if running else None

    def one(self, service: str) -> Container:
        (found,) = [one for one in self.containers(service=service) if one.labels["kolla_iac.role"] != "job"]
        return found

    def locked(self) -> bool:
        locks = (self.state / ".pulumi" / "locks").rglob("*.json")
        return any(self.name in file.parts for file in locks)

    def sound(self, release: str) -> None:
        """Nothing is left half-said: two replicas of one release, all running, no job, no lock."""
        eventually(self.whole, 15, f"{self.name} answers")
        there = self.containers(service="keystone")
        names = [(one.attrs["Config"]["Hostname"], one.labels["kolla_iac.release"]) for one in there]
        assert names == [("keystone-1", release), ("keystone-2", release)], names
        assert all(one.status == "running" for one in self.containers())
        assert not self.locked()


def ends(up: Running, *, fails: bool, seconds: float = 150) -> None:
    """Waits for the end of an update; it must be as expected."""
    status = up.join(seconds)
    assert (status != 0) == fails, f"status {status}\n{up.text}"


@contextmanager
def asking(ground: Ground) -> Iterator[None]:
    """Asks from other threads, by the clock; every request has its answer when the block is left."""
    over, running = threading.Event(), []

    def ask(number: int) -> None:
        sent, wrong = time.monotonic(), ""
        try:
            ground.ask(number)
        except (Wrong, OSError, http.client.HTTPException) as error:
            wrong = f"{type(error).__name__}: {error}"
        ground.answers.append(Answer(sent, time.monotonic(), wrong))

    def loop() -> None:
        due, number = time.monotonic(), 1
        while not over.is_set():
            one = threading.Thread(target=ask, args=(number,))
            one.start()
            running.append(one)
            number, due = number + 1, due + 1 / ground.rate
            time.sleep(max(due - time.monotonic(), 0))

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        for one in running:
            one.join()


@dataclass(frozen=True)
class Met:
    """What a fault did."""

    ends: bool = False
    """Whether the update ends because of it."""
    means: bool = True
    """Whether it means something to the stage."""
    felt_until: float = 0.0
    """``time.monotonic()`` until which requests may fail, since the fault takes the service away."""


Fault = Callable[[Ground, Running, str], Met]
"""Plants a fault while an update is at a stage, and takes it back."""


@dataclass
class Walk:
    """One upgrade that meets faults; each update that ends because of one is followed by another."""

    ground: Ground
    note: Callable[[Cell], None]
    """Told every cell."""
    _marks: list[tuple[str, str, float, Met]] = field(default_factory=list)

    def meet(self, faults: Iterable[tuple[str, str, Fault]]) -> None:
        """Goes through stages in their order: stage, row of the matrix, fault. Several may meet one stage.

        Raises:
            AssertionError: names the cell.
        """
        ground, cell_of, faults = self.ground, "before the first", list(faults)
        up = ground.up()
        with asking(ground):
            try:
                for number, (stage, name, fault) in enumerate(faults, start=1):
                    cell_of = f"{name} at {stage}"
                    up.until(lambda: ground.came(stage, up), 60)  # noqa: B023 - called before the next turn
                    began = time.monotonic()
                    met = fault(ground, up, stage)
                    self._marks.append((name, stage, began, met))
                    if met.ends:
                        ends(up, fails=True)
                        assert not ground.locked(), "the lock is still there"
                        if stage == "new replicas" and [stage] == [
                            after for after, *_ in faults[number:][:1]
                        ]:
                            ground.anew()
                        up = ground.up()
                ends(up, fails=False)
            except BaseException as error:
                print(f"cell: {cell_of}: {error!r}")
                error.add_note(f"cell: {cell_of}\nthe update said:\n{up.text}")
                if up.process.poll() is None:
                    up.end(signal.SIGKILL, group=True)
                raise
        # every request has its answer
        self._judge(time.monotonic())

    def _judge(self, over: float) -> None:
        ends_at = [*(began for _, _, began, _ in self._marks[1:]), over]
        for (name, stage, began, met), end in zip(self._marks, ends_at, strict=True):
            came_to = "again" if met.ends else "rides" if met.means else "none"
            one = cell(name, stage, came_to, self.ground.answers, began, end)
            print(f"{name} at {stage}: {one}")
            self.note(one)
            mine = [each for each in self.ground.answers if began <= each.ended < end and each.wrong]
            bad = [each for each in mine if each.sent > met.felt_until]
            said = [f"{each.sent - met.felt_until:.1f} s after that, {each.wrong}" for each in bad[:3]]
            assert not bad, f"cell: {name} at {stage}: {len(bad)} failed that should not: {said}"


def kill(container: Container) -> None:
    """Its first process, from outside; Docker starts it again where it is told to."""
    end, pid = time.monotonic() + 5, 0
    while not pid:  # 0, of one that does not run, would be this very process and all beside it
        assert time.monotonic() < end, f"{container.name} does not run"
        container.reload()
        pid = int(container.attrs["State"]["Pid"])
    os.kill(pid, signal.SIGKILL)


def _below(pid: int) -> list[int]:
    """All processes below one, whichever thread of it has started them."""
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError):
            found += [int(child) for child in (thread / "children").read_text().split()]
    return [each for child in found for each in (child, *_below(child))]


DOCKER = re.compile(r"pulumi-resource-docker|kolla_standin\0docker\0")
"""The command line of the plugin, official or stand-in."""


def _plugin(up: Running) -> int:
    """The process that creates containers for the engine."""
    for pid in _below(up.process.pid):
        with suppress(OSError):
            if DOCKER.search(Path(f"/proc/{pid}/cmdline").read_text()):
                return pid
    raise AssertionError("no plugin for Docker runs")


def interrupted(ground: Ground, up: Running, stage: str) -> Met:
    """As a terminal does it, to the whole group."""
    assert up.end(signal.SIGINT, group=True) != 0, up.text
    assert not ground.containers(role="job"), "a job was left"
    return Met(ends=True)


def engine_killed(ground: Ground, up: Running, stage: str) -> Met:
    up.end(signal.SIGKILL, group=False)
    assert ground.locked(), "a killed engine leaves its lock"
    ground.cancel()
    return Met(ends=True)


def stage_killed(ground: Ground, up: Running, stage: str) -> Met:
    """Where the engine itself makes containers: the plugin that does it."""
    pid = _plugin(up) if stage == "new replicas" else ground.pid(stage)
    assert pid, "the stage was over before it could be killed"
    os.kill(pid, signal.SIGKILL)
    return Met(ends=True)


def container_killed(ground: Ground, up: Running, stage: str) -> Met:
    """The stage's own: a job's; a handover's new replica, which Docker starts again; at verify one that serves."""
    if stage in JOBS:
        job = ground.job()
        assert job is not None
        kill(job)
        return Met(ends=True)
    if stage == "new replicas":
        eventually(ground.began, 20, "a new replica")
    kill(ground.newest({"first handover": 1, "last handover": 2}.get(stage, 0)))
    time.sleep(0.3)  # for requests that could feel it, before the stage meets another fault
    return Met(felt_until=time.monotonic() + 1 if stage == "verify" else 0.0)


def database_away(ground: Ground, up: Running, stage: str) -> Met:
    """A handover waits for it; a job that works on the schema fails, be it the stage's or that of one after it."""
    database = ground.one("mariadb")
    database.kill()
    time.sleep(ground.away_seconds)
    database.start()
    for _ in range(4):  # from each replica
        eventually(ground.whole, 60, "a token after the database is back")
    felt = time.monotonic() + 2
    last = ground.records()[-1:]
    if any(one["outcome"] == "running" and one["kind"] in ("job", "verify") for one in last):
        eventually(lambda: ground.records()[-1:] != last, 150, f"{last[0]['stage']} ends")
    return Met(ends=any(one["outcome"] == "failed" for one in ground.records()), felt_until=felt)


def cache_away(ground: Ground, up: Running, stage: str) -> Met:
    cache = ground.one("memcached")
    cache.kill()
    time.sleep(min(ground.away_seconds, 5) / 2)
    cache.start()
    return Met()


def socket_silent(ground: Ground, up: Running, stage: str) -> Met:
    """HAProxy serves on, and nothing that asks its socket gets an answer. Handovers alone ask it."""
    balancer = ground.one("loadbalancer")
    asked = stage.endswith("handover")
    move = "mv /var/lib/haproxy/{}.sock /var/lib/haproxy/{}.sock"
    assert balancer.exec_run(["sh", "-c", move.format("admin", "aside")], user="root").exit_code == 0
    try:
        if asked:
            ends(up, fails=True)
            assert "admin socket does not answer" in up.text, up.text
        else:
            time.sleep(0.2)
    finally:
        assert balancer.exec_run(["sh", "-c", move.format("aside", "admin")], user="root").exit_code == 0
    return Met(ends=asked, means=asked)


def second_up(ground: Ground, up: Running, stage: str) -> Met:
    second = ground.update()
    assert second.join(60) != 0
    assert "the stack is currently locked" in second.text, second.text
    return Met()


def restarted(daemon: Daemon) -> Fault:
    """The Docker daemon stops, with all its containers, and starts again."""

    def fault(ground: Ground, up: Running, stage: str) -> Met:
        daemon.stop()
        daemon.start()
        ends(up, fails=True)
        took = eventually(ground.whole, 120, "it serves again after the daemon's restart")
        print(f"it serves {took:.1f} s after the update has ended")
        return Met(ends=True, felt_until=time.monotonic() + 1)

    return fault


ROWS: dict[str, Fault] = {
    "SIGINT to the engine": interrupted,
    "SIGKILL of the engine": engine_killed,
    "SIGKILL of the stage": stage_killed,
    "its container killed": container_killed,
    "database away": database_away,
    "Memcached away": cache_away,
    "balancer's socket silent": socket_silent,
    "a second up": second_up,
}
"""Rows whose fault is planted the same way at each stage."""
