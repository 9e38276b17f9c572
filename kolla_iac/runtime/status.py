"""What stands and what serves, as the hosts and the load balancers say it now. Looks only, and locks nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from kolla_iac.errors import KollaError
from kolla_iac.model.stage import LABEL_ENVIRONMENT, LABEL_REPLICA, LABEL_ROLE, LABEL_SERVICE
from kolla_iac.runtime.balancer import SlotSeen, look, newest
from kolla_iac.runtime.containers import Found, State, state_in
from kolla_iac.runtime.hosts import Hosts, unreachable

HOST_SECONDS = 20.0
"""How long a host may take to answer one call before it counts as not reachable."""
BALANCER_SECONDS = 15.0
BALANCER = "loadbalancer"
"""Service label of the load balancer's containers."""
AT_ONCE = 16
"""Hosts that are asked at the same time."""

Word = Literal["whole", "degraded", "absent", "unreachable"]


@dataclass(frozen=True)
class Wanted:
    """What the settings ask for, of one service."""

    service: str
    release: str
    """OpenStack series of the environment."""
    replicas: int
    balanced: bool
    """Whether its replicas serve through the load balancer; its backend has the service's name."""
    ask: Callable[[Found], Mapping[str, Any]] | None = None
    """What its running container is asked of its work; raises ``KollaError`` where it does not say."""


@dataclass(frozen=True)
class HostSeen:
    """Whether a host's Docker answers."""

    name: str
    endpoint: str
    problem: str = ""
    """Empty: it answers."""
    hint: str = ""


@dataclass(frozen=True)
class ContainerSeen:
    """One container of a service."""

    name: str
    host: str
    replica: int
    release: str
    """Empty where the service is the same in every release."""
    image: str
    state: State
    slots: tuple[SlotSeen, ...]
    """Its places in the load balancers that answered."""
    serving: bool
    since: datetime | None
    """When it came to this: its start or its end, or the last change that a load balancer saw, if that is later."""

    @property
    def ailing(self) -> bool:
        """Docker's health check fails, or it does not simply run."""
        return self.state.status != "running" or self.state.health == "unhealthy"


@dataclass(frozen=True)
class ServiceSeen:
    """One service: what was wanted, and every container that stands."""

    wanted: Wanted
    containers: tuple[ContainerSeen, ...]
    told: Mapping[str, Any] | None = None
    """What its container says of its work; None where it is not asked, or does not say."""

    @property
    def serving(self) -> int:
        """How many of the wanted replicas serve; two generations of one count once."""
        return len({one.replica for one in self._of_wanted if one.serving})

    @property
    def whole(self) -> bool:
        """Every wanted replica serves from a container that Docker's health check does not object to."""
        sound = {one.replica for one in self._of_wanted if one.serving and not one.ailing}
        return len(sound) == self.wanted.replicas

    @property
    def missing(self) -> tuple[int, ...]:
        """Wanted replicas that have no container at all."""
        there = {one.replica for one in self.containers}
        return tuple(number for number in range(1, self.wanted.replicas + 1) if number not in there)

    @property
    def beside(self) -> tuple[ContainerSeen, ...]:
        """Containers that serve nothing beside one of the same replica that does, or of a replica not wanted."""
        serve = {one.replica for one in self.containers if one.serving}
        wanted = range(1, self.wanted.replicas + 1)
        return tuple(
            one
            for one in self.containers
            if one.replica not in wanted or (not one.serving and one.replica in serve)
        )

    @property
    def since(self) -> datetime | None:
        """When the latest of its containers came to its state."""
        return max((one.since for one in self.containers if one.since), default=None)

    @property
    def health(self) -> Mapping[str, int]:
        """Docker's word -> number of containers: ``healthy``, ``exited``, ...; no check: ``running``."""
        return Counter(_health(one.state) for one in self.containers)

    @property
    def balancing(self) -> Mapping[str, int]:
        """HAProxy's word -> number of containers in a slot."""
        return Counter(slot.state for one in self.containers for slot in one.slots)

    @property
    def _of_wanted(self) -> list[ContainerSeen]:
        return [one for one in self.containers if 1 <= one.replica <= self.wanted.replicas]


@dataclass(frozen=True)
class Status:
    """An environment at one moment."""

    environment: str
    release: str
    at: datetime
    hosts: tuple[HostSeen, ...]
    services: tuple[ServiceSeen, ...]
    troubles: tuple[str, ...] = ()
    """What could not be looked at besides hosts: load balancers that do not answer."""

    @property
    def word(self) -> Word:
        """``unreachable`` as soon as one host is: what stands there is unknown. ``absent``: no container at all."""
        if any(host.problem for host in self.hosts):
            return "unreachable"
        if not any(service.containers for service in self.services):
            return "absent"
        whole = not self.troubles and all(service.whole for service in self.services)
        return "whole" if whole else "degraded"

    @property
    def exit_code(self) -> int:
        """0 whole, 1 degraded, 2 not reachable: a host does not answer, or nothing stands."""
        return {"whole": 0, "degraded": 1}.get(self.word, 2)


def read(environment: str, release: str, wanted: Sequence[Wanted], endpoints: Mapping[str, str]) -> Status:
    """Asks every host for the environment's containers, and every load balancer for what it does with them.

    Args:
        endpoints: host -> Docker endpoint.
    """
    names: dict[str, list[str]] = {}
    for name, endpoint in endpoints.items():
        names.setdefault(endpoint, []).append(name)
    with ThreadPoolExecutor(min(len(names), AT_ONCE)) as pool:
        looks = list(pool.map(lambda endpoint: _host(environment, names[endpoint][0], endpoint), names))
    seen = {
        name: HostSeen(name, endpoint, first.problem, first.hint)
        for (first, _), (endpoint, sharing) in zip(looks, names.items(), strict=True)
        for name in sharing
    }
    found = [one for _, there in looks for one in there]
    slots, troubles = _slots(found)
    now = datetime.now(UTC)
    return Status(
        environment,
        release,
        now,
        tuple(seen[name] for name in endpoints),
        tuple(ServiceSeen(one, _containers(one, found, slots, now), _told(one, found)) for one in wanted),
        troubles,
    )


def _host(environment: str, name: str, endpoint: str) -> tuple[HostSeen, list[Found]]:
    from docker.errors import DockerException  # noqa: PLC0415

    try:
        client = Hosts({name: endpoint}, HOST_SECONDS).client(name)
        label = f"{LABEL_ENVIRONMENT}={environment}"
        listed = client.containers.list(all=True, filters={"label": label}, ignore_removed=True)
    except KollaError as error:
        problem, hint = (str(error.facts.get(fact, "")) for fact in ("saw", "hint"))
        return HostSeen(name, endpoint, problem or error.headline, hint), []
    except (DockerException, OSError) as error:  # requests' errors are OSErrors
        facts = unreachable(name, endpoint, error).facts
        return HostSeen(name, endpoint, str(facts["saw"]), str(facts["hint"])), []
    found = [Found(name, client, container) for container in listed]
    return HostSeen(name, endpoint), [one for one in found if one.labels.get(LABEL_ROLE) != "job"]


def _slots(found: Iterable[Found]) -> tuple[list[SlotSeen], tuple[str, ...]]:
    slots: list[SlotSeen] = []
    troubles = []
    for one in newest(one for one in found if one.labels.get(LABEL_SERVICE) == BALANCER):
        try:
            slots += look(one, BALANCER_SECONDS)
        except (KollaError, OSError) as error:
            saw = error.facts.get("saw", "") if isinstance(error, KollaError) else error
            headline = error.headline if isinstance(error, KollaError) else f"load balancer {one.name}"
            troubles.append(f"{headline}: {saw}".removesuffix(": "))
    return slots, tuple(troubles)


def _told(wanted: Wanted, found: Iterable[Found]) -> Mapping[str, Any] | None:
    for one in found:
        if wanted.ask and one.labels.get(LABEL_SERVICE) == wanted.service and one.running:
            with suppress(KollaError):
                return wanted.ask(one)
    return None


def _containers(
    wanted: Wanted, found: Iterable[Found], slots: Iterable[SlotSeen], now: datetime
) -> tuple[ContainerSeen, ...]:
    seen = [
        container_seen(
            one.name,
            state_in(one.container.attrs),
            [slot for slot in slots if slot.backend == wanted.service and slot.container == one.name],
            host=one.host,
            replica=int(one.labels.get(LABEL_REPLICA) or 0),
            release=one.release,
            image=one.container.attrs["Config"]["Image"],
            balanced=wanted.balanced,
            now=now,
        )
        for one in found
        if one.labels.get(LABEL_SERVICE) == wanted.service
    ]
    return tuple(sorted(seen, key=lambda one: (one.replica, not one.serving, one.host, one.name)))


def container_seen(
    name: str,
    state: State,
    slots: Sequence[SlotSeen],
    *,
    host: str,
    replica: int,
    release: str,
    image: str,
    balanced: bool,
    now: datetime,
) -> ContainerSeen:
    """Draws the conclusions from what was seen of a container.

    A replica behind the load balancer serves while one sends it requests: that check asks whether it can do its
    work. Any other serves while it runs and its own health check, if it has one, succeeds.
    """
    running = state.status == "running"
    ready = any(slot.up for slot in slots) if balanced else state.health in ("healthy", "")
    began = moment(state.started if running or state.status == "paused" else state.finished or state.started)
    moments = [began, *(now - timedelta(seconds=slot.changed) for slot in slots)]
    since = max((one for one in moments if one), default=None)
    return ContainerSeen(name, host, replica, release, image, state, tuple(slots), running and ready, since)


def moment(text: str) -> datetime | None:
    """A time as Docker writes it; None for none, which it writes as the year 1.

    >>> moment("2026-05-04T03:02:01.123456789Z").isoformat()
    '2026-05-04T03:02:01.123456+00:00'
    >>> moment("0001-01-01T00:00:00Z")
    """
    if not text or text.startswith("0001"):
        return None
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{(fraction + '000000')[:6]}+00:00")


def _health(state: State) -> str:
    return (state.health or "running") if state.status == "running" else state.status
