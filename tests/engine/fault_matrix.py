"""A small cloud in which an upgrade meets faults: the environment, the probe beside it, and the faults."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container

from tests.cloud.support import Running, free_port
from tests.matrix import STAGES, Answer, Cell, cell, eventually

from .harness import Stack
from .runtime_support import haproxy_image

HERE = "unix:///var/run/docker.sock"
SERIES = ("2024.1", "2024.2", "2025.1", "2025.2", "2026.1")
"""One upgrade from each to the next; from the last one no step leads on."""
RATE = 20
SERVER = Path(__file__).parent / "small_identity.py"
JOBS = ("backup", "preflight", "expand", "contract")
NAMES = {
    **{job: f"keystone-{job}" for job in (*JOBS, "verify")},
    "first handover": "keystone-1-handover",
    "last handover": "keystone-2-handover",
}
"""Column -> stage as the timeline knows it."""


def images(client: docker.DockerClient, wanted: dict[str, str]) -> None:
    """Images that differ from the ground in variables alone: tag -> BROKEN."""
    ground = haproxy_image()
    for tag, broken in wanted.items():
        takes = "0.1" if broken else "0.7"
        recipe = f"FROM {ground}\nENV BROKEN={broken} TAKES={takes}\n"
        line = ["docker", "build", "--quiet", "--tag", tag, "-"]
        subprocess.run(line, input=recipe, text=True, check=True, capture_output=True)
    assert client.ping()


@dataclass
class Probe:
    """A token issued and validated in turn, each on a new connection, by the clock."""

    address: str
    port: int
    answers: list[Answer] = field(default_factory=list)
    _token: str = ""

    def ask(self, number: int) -> None:
        sent = time.monotonic()
        try:
            wrong = self._issue() if number % 2 or not self._token else self._validate()
        except (OSError, http.client.HTTPException) as error:
            wrong = f"{type(error).__name__}: {error}"
        self.answers.append(Answer(sent, time.monotonic(), wrong))

    def _issue(self) -> str:
        status, token = self._request("POST", {})
        if status == 201:
            self._token = token
        return "" if status == 201 else f"HTTP {status} from POST"

    def _validate(self) -> str:
        status, _ = self._request("GET", {"X-Subject-Token": self._token})
        return "" if status == 200 else f"HTTP {status} from GET"

    def _request(self, method: str, headers: dict[str, str]) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self.address, self.port, timeout=10)
        try:
            connection.request(method, "/v3/auth/tokens", b"{}" if method == "POST" else None, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.headers.get("X-Subject-Token", "")
        finally:
            connection.close()

    def whole(self) -> bool:
        """Whether it is answered now."""
        try:
            return not self._issue()
        except (OSError, http.client.HTTPException):
            return False


@contextmanager
def asking(probe: Probe) -> Iterator[None]:
    """Asks from other threads; every request has its answer when the block is left."""
    over, running = threading.Event(), []

    def loop() -> None:
        due, number = time.monotonic(), 0
        while not over.is_set():
            one = threading.Thread(target=probe.ask, args=(number,))
            one.start()
            running.append(one)
            number, due = number + 1, due + 1 / RATE
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


class World:
    """One environment, at one series; ``upgrade`` takes it to the next."""

    def __init__(self, folder: Path, image: str, endpoint: str = HERE, address: str = "127.0.0.1") -> None:
        self.name = f"t-{secrets.token_hex(3)}"
        folder = folder / self.name
        folder.mkdir()
        self.stack = Stack(folder, "identity.py", image, self.name)
        self.good, self.at = image, 0
        self.client = docker.DockerClient(base_url=endpoint, timeout=20)
        self.port = free_port()
        self.stack.settings |= {
            "docker": endpoint,
            "address": "127.0.0.1" if endpoint == HERE else "0.0.0.0",
            "port": self.port,
            "server": str(SERVER),
            "ground": image,
        }
        self.probe = Probe(address, self.port)
        self.said: list[str] = []

    def begin(self) -> None:
        """The first deployment."""
        assert self.start(SERIES[0]).join() == 0, self.said[-1]
        assert self.probe.whole()

    def close(self) -> None:
        chosen = {"label": f"kolla_iac.environment={self.name}"}
        for container in self.client.containers.list(all=True, filters=chosen, ignore_removed=True):
            container.remove(force=True, v=True)
        for network in self.client.networks.list(filters=chosen):
            network.remove()
        self.client.close()

    @property
    def release(self) -> str:
        return SERIES[self.at]

    @property
    def next(self) -> str:
        return SERIES[self.at + 1]

    def start(self, release: str, image: str = "", **settings: Any) -> Running:
        """`pulumi up`, begun."""
        self._mark = self._timeline().stat().st_size if self._timeline().exists() else 0
        words = ("up", "--yes", "--skip-preview", "--stack", "t")
        self._wanted = release
        image = image or self.good
        return Running(self.stack.start(*words, release=release, release_image=image, **settings))

    def ends(self, up: Running, *, fails: bool, seconds: float = 60) -> None:
        """Waits for the end of an update; it must be as expected."""
        status = up.join(seconds)
        assert (status != 0) == fails, f"status {status}\n{up.text}"

    def _timeline(self) -> Path:
        return self.stack.folder / "kolla" / "timeline" / f"{self.name}.jsonl"

    def pid(self, stage: str) -> int:
        """The process of a stage that runs since the update began; 0: none does."""
        if not self._timeline().exists():
            return 0
        with self._timeline().open() as file:
            file.seek(self._mark)
            records = [json.loads(line) for line in file if line.endswith("\n")]
        mine = [record for record in records if record["stage"] == NAMES.get(stage)]
        return int(mine[-1]["pid"]) if mine and mine[-1]["outcome"] == "running" else 0

    def came(self, stage: str) -> bool:
        """Whether the update is at a stage, so far that there is something to be met."""
        if stage == "new replicas":
            return bool(self.replicas(self._wanted))
        return bool(self.pid(stage)) and (stage not in JOBS or bool(self.job()))

    def containers(self, **labels: str) -> list[Container]:
        chosen = [f"kolla_iac.environment={self.name}"]
        chosen += [f"kolla_iac.{key}={value}" for key, value in labels.items()]
        found = self.client.containers.list(all=True, filters={"label": chosen}, ignore_removed=True)
        return sorted(found, key=lambda one: str(one.attrs["Config"]["Hostname"]))

    def replicas(self, release: str) -> list[Container]:
        return self.containers(service="keystone", role="rolled", release=release)

    def job(self) -> Container | None:
        running = [one for one in self.containers(role="job") if one.status == "running"]
        return running[0] if running else None

    def one(self, service: str) -> Container:
        (found,) = self.containers(service=service)
        return found

    def locked(self) -> bool:
        return any((self.stack.folder / "state" / ".pulumi" / "locks").rglob("*.json"))

    def sound(self, release: str) -> None:
        """Nothing is left half-said: two replicas of one release, no job, no lock, nothing pending."""
        eventually(self.probe.whole, 10, f"{self.name} answers")
        there = self.containers(service="keystone")
        names = [(one.attrs["Config"]["Hostname"], one.labels["kolla_iac.release"]) for one in there]
        assert names == [("keystone-1", release), ("keystone-2", release)], names
        assert all(one.status == "running" for one in self.containers())
        assert not self.locked()
        state = json.loads(self.stack.exported())["deployment"]
        assert not state.get("pending_operations"), state["pending_operations"]
        assert not [one["urn"] for one in state["resources"] if one.get("delete")]


def kill(container: Container) -> None:
    """Its first process, from outside; Docker starts it again where it is told to."""
    container.reload()
    with suppress(ProcessLookupError):
        os.kill(int(container.attrs["State"]["Pid"]), signal.SIGKILL)


def below(pid: int) -> list[int]:
    """All processes below one."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [each for child in text.split() for each in (int(child), *below(int(child)))]


def plugin(up: Running) -> int:
    """The process that creates containers for an engine."""
    for pid in below(up.process.pid):
        with suppress(OSError):
            if "pulumi-resource-docker" in Path(f"/proc/{pid}/cmdline").read_text():
                return pid
    raise AssertionError("no plugin for Docker runs")


@dataclass(frozen=True)
class Met:
    """What a fault did."""

    ends: bool = False
    """Whether the update ends because of it."""
    means: bool = True
    """Whether it means something to the stage."""
    felt_until: float = 0.0
    """``time.monotonic()`` until which requests may fail, since the fault takes the service away."""


Fault = Callable[[World, Running, str], Met]
"""Plants a fault while an update is at a stage, and takes it back."""


def walk(world: World, name: str, fault: Fault) -> list[Cell]:
    """One upgrade that meets a fault at every stage; each update that ends because of it is followed by another.

    Raises:
        AssertionError: names the cell.
    """
    marks: list[tuple[str, float, Met]] = []
    stage, target = "begin", world.next
    up = world.start(target)
    with asking(world.probe):
        try:
            for stage in STAGES:
                up.until(lambda: world.came(stage), 40)  # noqa: B023 - called before the next turn
                began = time.monotonic()
                met = fault(world, up, stage)
                marks.append((stage, began, met))
                if met.ends:
                    world.ends(up, fails=True)
                    assert not world.locked(), "the lock is still there"
                    up = world.start(target)
            world.ends(up, fails=False)
            over = time.monotonic()
        except BaseException as error:
            error.add_note(f"cell: {name} at {stage}\nthe update said:\n{up.text}")
            if up.process.poll() is None:
                up.end(signal.SIGKILL, group=True)
            raise
    world.at += 1
    found = []
    for (stage, began, met), end in zip(marks, [*(mark[1] for mark in marks[1:]), over], strict=True):
        came_to = "again" if met.ends else "rides" if met.means else "none"
        one = cell(name, stage, came_to, world.probe.answers, began, end)
        print(f"{name} at {stage}: {one}")
        found.append(one)
        bad = [a for a in world.probe.answers if began <= a.sent < end and a.wrong and a.sent > met.felt_until]
        assert not bad, f"cell: {name} at {stage}: {len(bad)} requests failed: {bad[:3]}"
    world.sound(target)
    return found


def interrupted(world: World, up: Running, stage: str) -> Met:
    assert up.end(signal.SIGINT, group=True) != 0, up.text
    assert not world.containers(role="job"), "a job was left"
    return Met(ends=True)


def engine_killed(world: World, up: Running, stage: str) -> Met:
    up.end(signal.SIGKILL, group=False)
    assert world.locked(), "a killed engine leaves its lock"
    world.stack.pulumi("cancel", "--yes", "--stack", "t")
    return Met(ends=True)


def stage_killed(world: World, up: Running, stage: str) -> Met:
    os.kill(plugin(up) if stage == "new replicas" else world.pid(stage), signal.SIGKILL)
    return Met(ends=True)


def container_killed(world: World, up: Running, stage: str) -> Met:
    """The stage's own: a job's; a handover's new replica, which Docker starts again; at verify one that serves."""
    if stage in JOBS:
        job = world.job()
        assert job is not None
        kill(job)
        return Met(ends=True)
    kill(world.replicas(world.next)[-1 if stage == "last handover" else 0])
    return Met(felt_until=time.monotonic() + 1 if stage == "verify" else 0.0)


def database_away(world: World, up: Running, stage: str) -> Met:
    database = world.one("database")
    database.kill()
    time.sleep(1.5)
    database.start()
    return Met(felt_until=eventually(world.probe.whole, 10, "the database is back") + time.monotonic() + 1)


def cache_away(world: World, up: Running, stage: str) -> Met:
    cache = world.one("cache")
    cache.kill()
    time.sleep(0.7)
    cache.start()
    return Met()


def socket_away(world: World, up: Running, stage: str) -> Met:
    """HAProxy serves on, and nothing that asks it gets an answer."""
    balancer = world.one("loadbalancer")
    away = "mv /var/lib/haproxy/admin.sock /var/lib/haproxy/aside.sock"
    assert balancer.exec_run(["sh", "-c", away]).exit_code == 0
    asked = stage.endswith("handover")
    try:
        if asked:
            world.ends(up, fails=True)
            assert "admin socket does not answer" in up.text, up.text
        else:
            time.sleep(0.2)
    finally:
        back = "mv /var/lib/haproxy/aside.sock /var/lib/haproxy/admin.sock"
        assert balancer.exec_run(["sh", "-c", back]).exit_code == 0
    return Met(ends=asked, means=asked)


def second_up(world: World, up: Running, stage: str) -> Met:
    words = ("up", "--yes", "--skip-preview", "--stack", "t")
    with world.stack.start(*words, release=world.next, release_image=world.good) as other:
        text = other.communicate(timeout=60)[0]
    assert other.returncode != 0
    assert "the stack is currently locked" in text, text
    return Met()
