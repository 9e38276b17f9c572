"""What is concluded from what hosts and load balancers say."""

from datetime import UTC, datetime, timedelta

import pytest

from kolla_iac.runtime.balancer import SlotSeen
from kolla_iac.runtime.containers import State
from kolla_iac.runtime.status import (
    ContainerSeen,
    HostSeen,
    ServiceSeen,
    Status,
    Wanted,
    container_seen,
    moment,
)

NOW = datetime(2026, 5, 4, 3, 10, tzinfo=UTC)
HEALTHY = State("running", "healthy", started="2026-05-04T03:00:00.123456789Z")
ENDED = State("exited", "unhealthy", exit_code=137, started=HEALTHY.started, finished="2026-05-04T03:09:00Z")
HERE = HostSeen("local", "unix:///docker.sock")


def slot(state: str, changed: float = 60) -> SlotSeen:
    return SlotSeen("haproxy", "keystone", "s1", "keystone-1-a", state, "L7OK 200", 0, changed)


def seen(
    state: State = HEALTHY, *slots: SlotSeen, balanced: bool = False, replica: int = 1, name: str = "a"
) -> ContainerSeen:
    return container_seen(
        name,
        state,
        slots,
        host="local",
        replica=replica,
        release="2025.2",
        image="i:1",
        balanced=balanced,
        now=NOW,
    )


def service(*containers: ContainerSeen, replicas: int = 2) -> ServiceSeen:
    return ServiceSeen(Wanted("keystone", "2025.2", replicas, balanced=True), containers)


def status(*services: ServiceSeen, host: HostSeen = HERE, troubles: tuple[str, ...] = ()) -> Status:
    return Status("dev", "2025.2", NOW, (host,), services, troubles)


@pytest.mark.parametrize(
    ("container", "serves"),
    [
        (seen(), True),
        (seen(State("running")), True),
        (seen(State("running", "starting")), False),
        (seen(State("running", "unhealthy")), False),
        (seen(State("paused", "healthy")), False),
        (seen(ENDED), False),
        (seen(HEALTHY, balanced=True), False),
        (seen(HEALTHY, slot("UP"), balanced=True), True),
        (seen(HEALTHY, slot("UP 1/3"), balanced=True), True),
        (seen(HEALTHY, slot("DOWN 1/2"), balanced=True), False),
        (seen(HEALTHY, slot("UP/DRAIN"), balanced=True), False),
        (seen(HEALTHY, slot("MAINT (resolution)"), balanced=True), False),
        (seen(HEALTHY, slot("DOWN"), slot("UP"), balanced=True), True),
        (seen(State("running", "starting"), slot("UP"), balanced=True), True),
        (seen(ENDED, slot("UP"), balanced=True), False),
    ],
)
def test_what_serves(container: ContainerSeen, serves: bool) -> None:
    assert container.serving is serves


@pytest.mark.parametrize(
    ("container", "since"),
    [
        (seen(), "03:00:00"),
        (seen(ENDED), "03:09:00"),
        (seen(HEALTHY, slot("DOWN", 30), balanced=True), "03:09:30"),
        (seen(HEALTHY, slot("UP", 86_400), balanced=True), "03:00:00"),
    ],
)
def test_since_when(container: ContainerSeen, since: str) -> None:
    assert container.since is not None
    assert f"{container.since:%H:%M:%S}" == since


def test_a_container_that_never_ran_has_no_time() -> None:
    assert (
        seen(State("created", started="0001-01-01T00:00:00Z", finished="0001-01-01T00:00:00Z")).since is None
    )
    assert moment("") is None


def test_whole_is_every_wanted_replica() -> None:
    up = [seen(HEALTHY, slot("UP"), balanced=True, replica=number) for number in (1, 2)]
    assert service(*up).whole
    assert service(*up).serving == 2
    assert not service(up[0]).whole
    assert service(up[0]).missing == (2,)


def test_two_generations_of_a_replica_count_once() -> None:
    first, second = (seen(HEALTHY, slot("UP"), balanced=True, name=name) for name in "ab")
    assert service(first, second).serving == 1
    assert not service(first, second).whole


def test_what_stands_beside_a_serving_replica_takes_nothing_away() -> None:
    up = seen(HEALTHY, slot("UP"), balanced=True)
    waiting = seen(State("running", "unhealthy"), balanced=True, name="b")
    beyond = seen(HEALTHY, slot("UP"), balanced=True, replica=2, name="c")
    found = service(up, waiting, beyond, replicas=1)
    assert found.whole
    assert found.beside == (waiting, beyond)
    assert service(waiting, replicas=1).beside == ()


def test_a_replica_that_docker_calls_unhealthy_serves_but_is_not_whole() -> None:
    found = service(seen(State("running", "unhealthy"), slot("UP"), balanced=True), replicas=1)
    assert (found.serving, found.whole) == (1, False)


def test_counts_by_word() -> None:
    found = service(seen(HEALTHY, slot("UP"), balanced=True), seen(ENDED, slot("DOWN"), balanced=True))
    assert found.health == {"healthy": 1, "exited": 1}
    assert found.balancing == {"UP": 1, "DOWN": 1}
    assert found.since == NOW - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("found", "word", "code"),
    [
        (status(service(seen(HEALTHY, slot("UP"), balanced=True), replicas=1)), "whole", 0),
        (status(service(seen(HEALTHY, slot("UP"), balanced=True))), "degraded", 1),
        (
            status(
                service(seen(HEALTHY, slot("UP"), balanced=True), replicas=1), troubles=("haproxy: silent",)
            ),
            "degraded",
            1,
        ),
        (status(service()), "absent", 2),
        (
            status(
                service(seen(HEALTHY, slot("UP"), balanced=True), replicas=1),
                host=HostSeen("b", "x", "refused"),
            ),
            "unreachable",
            2,
        ),
    ],
)
def test_the_word_and_the_exit_code(found: Status, word: str, code: int) -> None:
    assert (found.word, found.exit_code) == (word, code)
