"""The load balancer itself changes under load: reloads, and other containers of it."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.waiting import eventually

from .asking import asking
from .faults import inside
from .support import Cloud

OTHER = "kolla-t-haproxy:other"
"""Another name of HAProxy's image: for the engine, another image."""


@pytest.fixture
def other_image(cloud: Cloud) -> Iterator[dict[str, Any]]:
    (balancer,) = cloud.containers("loadbalancer")
    subprocess.run(["docker", "tag", balancer.attrs["Config"]["Image"], OTHER], check=True)
    yield {"services": {"loadbalancer": {"image": OTHER}}}
    cloud.up()
    subprocess.run(["docker", "rmi", "--no-prune", OTHER], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("times", "requests"), [(15, 1_500), pytest.param(100, 20_000, marks=pytest.mark.long)]
)
def test_reloads(cloud: Cloud, times: int, requests: int) -> None:
    (balancer,) = cloud.containers("loadbalancer")
    with asking(cloud.port, 100, requests) as asked:
        for _ in range(times):
            before = inside(balancer, "pgrep", "-x", "haproxy").split()
            # the oldest is the master
            inside(balancer, "pkill", "-USR2", "-o", "-x", "haproxy")
            eventually(
                lambda: inside(balancer, "pgrep", "-n", "-x", "haproxy").strip() not in before,  # noqa: B023
                10,
                "a new worker",
            )
            time.sleep(0.5)
    assert asked.failures == [], str(asked)
    assert asked.total >= requests


@pytest.mark.parametrize(("times", "requests"), [(2, 1_000), pytest.param(5, 5_000, marks=pytest.mark.long)])
def test_its_container_is_replaced(
    cloud: Cloud, other_image: dict[str, Any], times: int, requests: int
) -> None:
    entrance = cloud.ids("entrance")
    with asking(cloud.port, 80, requests) as asked:
        for number in range(times):
            before = cloud.ids("loadbalancer")
            done = cloud.up(None if number % 2 else other_image)
            assert done.touched >= {"loadbalancer-1", "loadbalancer-1-handover"}, str(done)
            print(f"replaced in {done.seconds:.1f} s")
            assert cloud.ids("loadbalancer") != before
            assert set(cloud.balanced().values()) == {"UP"}
    cloud.whole()
    assert cloud.ids("entrance") == entrance, "the ports changed hands"
    assert asked.failures == [], str(asked)
    assert asked.total >= requests


def test_a_relay_that_is_cut_off_is_completed_by_the_next(cloud: Cloud, other_image: dict[str, Any]) -> None:
    """Killed as soon as the new container stands beside the old: both serve, and the next run goes on."""
    with asking(cloud.port, 50) as asked:
        running = cloud.start(other_image)
        running.until(lambda: len(cloud.containers("loadbalancer")) == 2)
        running.end(signal.SIGKILL, group=True)
        cloud.pulumi("cancel", "--yes", fails=None)
        cloud.up(other_image, "--refresh")
        cloud.whole()
        assert cloud.up(other_image).changes == 0
    assert asked.failures == [], str(asked)


def test_a_new_one_that_does_not_start_takes_nothing(cloud: Cloud) -> None:
    (memcached,) = cloud.containers("memcached")
    wrong = memcached.attrs["Config"]["Image"]
    with asking(cloud.port, 50) as asked:
        failed = cloud.up({"services": {"loadbalancer": {"image": wrong}}}, fails=True)
        assert "relay loadbalancer-1 failed" in failed.text, str(failed)
        assert cloud.answers()
        cloud.up()
        cloud.whole()
    assert asked.failures == [], str(asked)
    assert cloud.up().changes == 0


def test_the_entrance_restarted(cloud: Cloud) -> None:
    """HAProxy follows to the new sockets without help."""
    (entrance,) = cloud.containers("entrance")
    entrance.restart(timeout=5)
    took = eventually(cloud.answers, 20, "a token through the new sockets")
    print(f"a token {took:.1f} s after the entrance was restarted")
    assert cloud.up(None, "--refresh").changes == 0
