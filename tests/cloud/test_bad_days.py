"""Bad days: something of a cloud that stands goes away, hangs or is starved. What clients feel, and what comes back.

Each prints its probe's figure. Nothing here is repaired by the test but what it broke itself; what comes back by
itself is waited for.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from docker.models.containers import Container

from tests.waiting import eventually

from .probing import probing
from .support import Cloud

IN_HANDS = 10
"""Requests that a replica has in its hands at 20/s when it goes: one or two on a quiet machine (measured), more
while the machine is busy."""

_DIED = b"DAMN ! worker"
"""What uWSGI's master logs when a worker is killed, before it starts another."""


def _serves(cloud: Cloud) -> bool:
    return set(cloud.balanced().values()) == {"UP"} and cloud.answers()


@pytest.fixture
def day(cloud: Cloud) -> Iterator[Cloud]:
    """The environment, serving; in the end whole again, with the containers that it had."""
    eventually(lambda: _serves(cloud), 60, "all replicas serve")
    before = cloud.ids()
    yield cloud
    eventually(lambda: _serves(cloud), 120, "all replicas serve again, by themselves")
    assert cloud.ids() == before


def _kill(container: Container) -> None:
    """Kills its first process from outside: Docker starts it again, which it does not after `docker kill`."""
    container.reload()
    subprocess.run(["kill", "-KILL", str(container.attrs["State"]["Pid"])], check=True)


def _workers(container: Container) -> list[int]:
    """The container's processes that have started no others."""
    container.reload()
    waiting, found = [int(container.attrs["State"]["Pid"])], []
    while waiting:
        pid = waiting.pop()
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        waiting += [int(child) for child in below]
        found += [] if below else [pid]
    return found


@contextmanager
def _paused(container: Container) -> Iterator[None]:
    """Every process of it stopped, as by SIGSTOP; its connections stay open and its kernel takes new ones."""
    container.pause()
    try:
        yield
    finally:
        container.unpause()


@contextmanager
def _stopped(container: Container) -> Iterator[None]:
    container.kill()
    try:
        yield
    finally:
        container.start()


def test_haproxy_killed(day: Cloud) -> None:
    with probing(day, rate=10, slow_seconds=0) as probe:
        time.sleep(2)
        _kill(day.containers("loadbalancer")[0])
        back = eventually(day.answers, 30, "HAProxy serves again")
        time.sleep(4)
    print(f"a token {back:.1f} s after HAProxy was killed")
    probe.few_failed(at_most=50, at_least=60)


def test_a_replica_killed(day: Cloud) -> None:
    with probing(day) as probe:
        time.sleep(2)
        _kill(day.containers("keystone")[0])
        time.sleep(5)
    probe.few_failed(IN_HANDS)


def test_a_replica_that_hangs_is_given_little_more(day: Cloud) -> None:
    """Its kernel takes connections and nobody answers; the load balancer's check says so only after 45 s."""
    with probing(day, slow_seconds=0, timeout=6) as probe:
        time.sleep(2)
        with _paused(day.containers("keystone")[0]):
            time.sleep(10)
    probe.few_failed(IN_HANDS, at_least=150)


# without its cache Keystone works five times as hard: 8/s is half of what two cores carry then


def test_memcached_hangs(day: Cloud) -> None:
    with probing(day, rate=8, slow_seconds=0) as probe, _paused(day.containers("memcached")[0]):
        time.sleep(15)
    probe.none_failed(at_least=80)
    assert probe.report is not None
    assert probe.report.longest < 4, f"every region of the cache waits on its own:\n{probe.report}"


def test_memcached_stopped(day: Cloud) -> None:
    with probing(day, rate=8, slow_seconds=0) as probe, _stopped(day.containers("memcached")[0]):
        time.sleep(15)
    probe.none_failed(at_least=80)


@pytest.mark.long
def test_a_replica_hangs_until_it_is_taken_out(day: Cloud) -> None:
    hung = day.containers("keystone")[0]
    with probing(day, slow_seconds=0) as probe, _paused(hung):
        took = eventually(lambda: day.balanced()[str(hung.name)] == "DOWN", 90, "it is taken out")
    print(f"taken out after {took:.0f} s")
    probe.few_failed(IN_HANDS, at_least=400)


@pytest.mark.long
def test_the_network_of_a_replica_cut(day: Cloud) -> None:
    cut = day.containers("keystone")[0]
    name, there = next(iter(cut.attrs["NetworkSettings"]["Networks"].items()))
    network = day.docker.networks.get(name)
    with probing(day, slow_seconds=0) as probe:
        time.sleep(2)
        network.disconnect(cut)
        try:
            time.sleep(20)
        finally:
            network.connect(cut, aliases=there["Aliases"])
        back = eventually(lambda: day.balanced()[str(cut.name)] == "UP", 60, "it comes back")
        time.sleep(15)
    print(f"it serves {back:.0f} s after its network was back")
    probe.few_failed(IN_HANDS, at_least=400)


@pytest.mark.long
def test_a_replica_out_of_memory(day: Cloud) -> None:
    starved = day.containers("keystone")[0]
    before = starved.logs().count(_DIED)
    # the kernel prefers a worker, as it does by itself when one has grown
    (worker, *_) = _workers(starved)
    Path(f"/proc/{worker}/oom_score_adj").write_text("900")
    used = starved.stats(stream=False)["memory_stats"]["usage"]
    limit = used - used % 4096 + 2**24
    with probing(day, slow_seconds=0) as probe:
        time.sleep(2)
        starved.update(mem_limit=limit, memswap_limit=limit)
        try:
            hungry = "x = [bytearray(2**20) for _ in range(64)]"
            done = starved.exec_run(["/var/lib/kolla/venv/bin/python", "-c", hungry])
            time.sleep(6)
        finally:
            starved.update(mem_limit=2**34, memswap_limit=2**34)
    killed = starved.logs().count(_DIED) - before
    print(f"{killed} workers killed for memory; the hungry process ended with {done.exit_code}")
    assert killed, "no worker was killed, so this has shown nothing"
    probe.few_failed(2 * IN_HANDS, at_least=100)


@pytest.mark.long
def test_the_database_gone_for_30_s(day: Cloud) -> None:
    with probing(day, slow_seconds=0, timeout=40) as probe:
        time.sleep(2)
        with _stopped(day.containers("mariadb")[0]):
            time.sleep(30)
        back = eventually(day.answers, 60, "a token after the database's return")
        time.sleep(5)
    print(f"a token {back:.1f} s after the database was started again")
    assert probe.report is not None
    assert probe.report.failed > 100
    reasons = {failure.partition(": ")[2] for failure in probe.report.failures}
    assert all(reason.startswith("HTTP 5") for reason in reasons), reasons
