"""The load balancers of an environment: what they publish, on disk and in the running worker.

Slots hold containers by name. They stand in three places that are changed together under one lock inside the
container: ``slots.json``, the server lines of ``cloud.d/10-cloud.cfg`` (read by a reload or a restart), and the
running worker (through its admin socket, without a reload).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kolla_iac.errors import KollaError
from kolla_iac.model.balancer import BalancerConfig
from kolla_iac.model.stage import LABEL_REPLICA, BalancerStage
from kolla_iac.runtime import slots as slotting
from kolla_iac.runtime.containers import Found, describe, get, log_lines, of_service, state_of
from kolla_iac.runtime.context import Context, Slots
from kolla_iac.runtime.execute import CannotRun, call
from kolla_iac.runtime.failure import WaitFailed

PUBLISH_SECONDS = 20.0
"""How long a container's name may take to resolve on the network."""
RELOAD_SECONDS = 30.0
START_SECONDS = 30.0
WAIT_CHUNK_SECONDS = 5.0
CONFLICTS = 20
"""How often a change is tried again because another stage published something meanwhile."""


@dataclass(frozen=True)
class Change:
    """What a load balancer shall publish, and what its running worker must be told."""

    config: BalancerConfig
    slots: Slots
    close: tuple[tuple[str, str], ...] = ()
    """Backend and slot, each."""
    publish: tuple[tuple[str, str, str], ...] = ()
    """Backend, slot and container's name, each."""
    check: bool = False
    """Ask HAProxy about the text before it is written."""
    held: str = ""
    """The backend whose requests are held while all that is behind it is exchanged for what was prepared."""


class Balancer:
    """One load balancer's container."""

    def __init__(self, found: Found, context: Context) -> None:
        self.found = found
        self._context = context

    def _do(self, action: str, seconds: float = 0.0, **request: Any) -> dict[str, Any]:
        answer = call(self.found, "haproxy", {"action": action, "seconds": seconds, **request}, seconds + 90)
        if "trouble" in answer:
            raise KollaError(
                f"load balancer {self.found.name} on host {self.found.host}",
                {"saw": answer["trouble"], "container": describe(self.found), "log": log_lines(self.found)},
            )
        return answer

    def _read(self) -> tuple[BalancerConfig | None, Slots, str]:
        """What is published on disk, and its digest."""
        seen = self._do("read")
        config = BalancerConfig.model_validate_json(seen["config"]) if seen["config"] else None
        return config, json.loads(seen["slots"]) if seen["slots"] else {}, seen["digest"]

    def change(self, decide: Callable[[BalancerConfig | None, Slots], Change]) -> Change:
        """Publishes what is decided on the ground of what is published; decided anew if that changed meanwhile."""
        for _ in range(CONFLICTS):
            config, slots, digest = self._read()
            change = decide(config, slots)
            answer = self._do(
                "commit",
                seconds=PUBLISH_SECONDS,
                digest=digest,
                config=change.config.model_dump_json(),
                slots=json.dumps(change.slots, sort_keys=True),
                text=self._context.tools.render(change.config, change.slots),
                beside=dict(self._context.tools.beside()),
                check=change.check,
                held=change.held,
                close=change.close,
                publish=change.publish,
            )
            if not answer["conflict"]:
                return change
            self._context.interrupts.sleep(0.1)
        raise KollaError(
            f"load balancer {self.found.name}: other stages change it all the time; nothing was written"
        )

    def publish(self, backend: str, container: str, alive: Collection[str]) -> str:
        """Gives the container a slot and traffic; slots of containers that are not alive become free.

        Returns:
            the slot.
        """
        chosen = ""

        def decide(config: BalancerConfig | None, slots: Slots) -> Change:
            nonlocal chosen
            known = self._configured(config)
            kept, closed = slotting.keep(slots, backend, {*alive, container})
            new, chosen = slotting.put(known, kept, backend, container)
            return Change(known, new, tuple(closed), ((backend, chosen, container),))

        with self._context.waiting(f"{self.found.name} to publish {container}"):
            self.change(decide)
        return chosen

    def prepare(self, backend: str, containers: Sequence[Found], seconds: float) -> None:
        """Has containers checked in slots that get no requests yet, for an ``exchange``.

        Raises:
            WaitFailed: HAProxy's check of one does not succeed in time.
        """
        config, slots, _ = self._read()
        _, chosen = self._decided(config, slots, backend, containers)
        with self._context.waiting(f"{self.found.name} to check what comes", seconds):
            self._do("prepare", seconds=PUBLISH_SECONDS, publish=chosen)
            for one, (_, slot, _) in zip(containers, chosen, strict=True):
                answer = self._do("wait_checked", seconds=seconds, backend=backend, slot=slot)
                if not answer["up"]:
                    raise self._not_up(backend, slot, one, seconds, answer["state"])

    def hold(self, backend: str, seconds: float) -> None:
        """Requests of a backend wait from now on, for so many seconds at most; 0: not any more."""
        self._do("hold", backend=backend, seconds=seconds)

    def wait_quiet(self, backend: str, seconds: float) -> int:
        """Waits until nothing behind a held backend works at a request; how many do when time is over."""
        with self._context.waiting(f"requests under way to {backend} to end", seconds):
            return int(self._do("wait_quiet", backend=backend, seconds=seconds)["sessions"])

    def exchange(self, backend: str, containers: Sequence[Found]) -> None:
        """All that is behind a held backend goes out of its slots, and what was prepared gets the requests.

        Raises:
            KollaError: requests are not held any more, or HAProxy started anew meanwhile: nothing was changed.
        """

        def decide(config: BalancerConfig | None, slots: Slots) -> Change:
            new, chosen = self._decided(config, slots, backend, containers)
            names = {one.name for one in containers}
            closed = [(backend, slot) for slot, name in slots.get(backend, {}).items() if name not in names]
            return Change(self._configured(config), new, tuple(closed), chosen, held=backend)

        self.change(decide)

    def _decided(
        self, config: BalancerConfig | None, slots: Slots, backend: str, containers: Sequence[Found]
    ) -> tuple[Slots, tuple[tuple[str, str, str], ...]]:
        """The slots with these containers alone behind a backend, and which slot each of them gets."""
        known, chosen = self._configured(config), []
        for one in containers:
            slots, slot = slotting.put(known, slots, backend, one.name)
            chosen.append((backend, slot, one.name))
        names = {one.name for one in containers}
        return slotting.keep(slots, backend, names)[0], tuple(chosen)

    def published(self, backend: str) -> list[str]:
        """Names of the containers that stand in the backend's slots on disk."""
        return list(self._read()[1].get(backend, {}).values())

    def withdraw(self, backend: str, container: str) -> bool:
        """Takes the container's slot away, on disk and in the running worker. False: it had none."""
        had = False

        def decide(config: BalancerConfig | None, slots: Slots) -> Change:
            nonlocal had
            new, closed = slotting.drop(slots, backend, container)
            had = bool(closed)
            return Change(self._configured(config), new, tuple(closed))

        if self.slot(backend, container) is not None:
            self.change(decide)
        return had

    def _configured(self, config: BalancerConfig | None) -> BalancerConfig:
        if config is None:
            raise KollaError(
                f"load balancer {self.found.name} on host {self.found.host} has no configuration yet",
                {"hint": "its own stage writes it and comes first; `pulumi up` runs it"},
            )
        return config

    def slot(self, backend: str, container: str) -> str | None:
        """The slot that the container stands in on disk; None if it has none."""
        return slotting.slot_of(self._read()[1], backend, container)

    def wait_up(self, backend: str, slot: str, target: Found, seconds: float) -> None:
        """Waits until the load balancer's own check of the slot says UP.

        Raises:
            WaitFailed: it did not in time, or the container is over.
        """
        end = time.monotonic() + seconds
        with self._context.waiting(f"{self.found.name} to say {backend}/{slot} is UP", seconds) as told:
            while True:
                self._context.interrupts.check()
                left = min(max(end - time.monotonic(), 0), WAIT_CHUNK_SECONDS)
                answer = self._do("wait_up", seconds=left, backend=backend, slot=slot)
                if answer["up"]:
                    return
                told.saw(answer["state"])
                if time.monotonic() >= end or state_of(target).over:
                    break
        raise self._not_up(backend, slot, target, seconds, answer["state"])

    def _not_up(self, backend: str, slot: str, target: Found, seconds: float, saw: str) -> WaitFailed:
        return WaitFailed(
            f"{target.name}: the load balancer does not take it",
            {
                "wanted": f"slot {backend}/{slot} of {self.found.name} UP within {seconds:.0f} s",
                "saw": saw,
                "container": describe(target),
                "log": log_lines(target) or ["empty"],
            },
        )

    def drain(self, backend: str, container: str, seconds: float) -> int:
        """Gives the container no new sessions and waits for those it has.

        Returns:
            sessions that were left when the time was over; 0 as well if it has no slot.
        """
        slot = self.slot(backend, container)
        if slot is None:
            return 0
        end = time.monotonic() + seconds
        with self._context.waiting(f"the sessions of {container} to end", seconds) as told:
            while True:
                self._context.interrupts.check()
                left = min(max(end - time.monotonic(), 0), WAIT_CHUNK_SECONDS)
                answer = self._do("drain", seconds=left, backend=backend, slot=slot)
                sessions = int(answer["sessions"])
                if not sessions or time.monotonic() >= end:
                    return sessions
                told.saw(f"{sessions} session{'' if sessions == 1 else 's'}")

    def apply(self, config: BalancerConfig) -> bool:
        """Writes frontends and backends; containers keep their slots. True: HAProxy was reloaded."""

        def decide(_: BalancerConfig | None, slots: Slots) -> Change:
            return Change(config, slotting.fit(config, slots), check=True)

        with self._context.waiting(f"{self.found.name} to take its configuration"):
            change = self.change(decide)
            answer = self._do(
                "reload",
                seconds=RELOAD_SECONDS,
                description=self._context.tools.describe(config),
                slots=change.slots,
            )
        return bool(answer["reloaded"])

    def wait_serving(self, seconds: float = START_SECONDS) -> None:
        """Waits until HAProxy answers on its admin socket: a container may just have started."""
        end = time.monotonic() + seconds
        with self._context.waiting(f"{self.found.name} to answer on its admin socket", seconds) as told:
            while True:
                try:
                    self._do("info")
                except KollaError as error:
                    over = isinstance(error, CannotRun) and state_of(self.found).over
                    if time.monotonic() > end or over:
                        raise
                    told.saw(str(error.facts.get("saw", error.headline)))
                else:
                    return
                self._context.interrupts.sleep(0.2)


@dataclass(frozen=True)
class SlotSeen:
    """What a load balancer's running worker does with one container."""

    balancer: str
    """Name of the load balancer's container."""
    backend: str
    slot: str
    container: str
    state: str
    """HAProxy's word: ``UP``, ``DOWN``, ``DRAIN``, ``MAINT`` and more."""
    check: str
    """Its last check: ``L7OK 200``, ``L4CON``; empty before the first."""
    sessions: int
    changed: float
    """Seconds since the state last changed."""

    @property
    def up(self) -> bool:
        """Whether it gives the container new requests; ``UP 1/3``: it still does, a check has failed."""
        return self.state.split()[:1] == ["UP"]


def look(found: Found, seconds: float) -> list[SlotSeen]:
    """Every slot that holds a container, as the running worker has it. Changes and locks nothing.

    Args:
        seconds: how long the load balancer's container may take to answer.

    Raises:
        KollaError: it does not run, or HAProxy does not answer.
    """
    answer = call(found, "haproxy", {"action": "look"}, seconds)
    if "trouble" in answer:
        raise KollaError(f"load balancer {found.name} on host {found.host}", {"saw": answer["trouble"]})
    return [
        SlotSeen(
            balancer=found.name,
            backend=row["backend"],
            slot=row["slot"],
            container=row["container"],
            state=row["status"],
            # a star says that the next check is under way
            check=f"{row['check_status'].removeprefix('* ')} {row['check_code']}".strip(),
            sessions=int(row["scur"] or 0),
            changed=float(row["lastchg"] or 0),
        )
        for row in answer["slots"]
    ]


def newest(found: Iterable[Found]) -> list[Found]:
    """Of each load balancer the generation that has the admin socket: the one that was made last and runs."""
    last: dict[tuple[str, str], Found] = {}
    # running, and not about to be started again; times as Docker writes them, whose fractions differ in length
    for one in sorted(
        found,
        key=lambda one: (one.container.status == "running", one.container.attrs["Created"].removesuffix("Z")),
    ):
        if one.running:
            last[one.host, one.labels.get(LABEL_REPLICA, "")] = one
    return list(last.values())


def balancers(context: Context, environment: str, service: str) -> list[Balancer]:
    """Every load balancer of the environment, on every host; while one is replaced, the new one.

    Raises:
        KollaError: there is none.
    """
    found = newest(of_service(context.hosts, environment, service))
    if not found:
        raise KollaError(
            f"no load balancer runs in environment {environment}",
            {
                "wanted": f"a running container with the label service {service}",
                "hint": "`pulumi up --refresh` starts it again",
            },
        )
    return [Balancer(one, context) for one in found]


def carry_out(stage: BalancerStage, context: Context) -> None:
    """Writes what is published; reloads HAProxy if frontends or backends changed."""
    balancer = Balancer(get(context.hosts, stage.host, stage.container), context)
    balancer.wait_serving()
    context.say(f"{balancer.found.name} serves")
    reloaded = balancer.apply(stage.config)
    count = len(stage.config.frontends)
    what = f"{count} frontend{'' if count == 1 else 's'}"
    context.say(
        f"{what}: " + ("changed; HAProxy reloaded, no connection cut" if reloaded else "nothing to change")
    )
