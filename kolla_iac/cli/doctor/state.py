"""Pulumi's state: who holds it, what was cut off, and what stands that it does not know."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock as Mutex
from typing import Any

from kolla_iac.cli import engine
from kolla_iac.home import state_folder
from kolla_iac.model.stage import (
    LABEL_ENVIRONMENT,
    LABEL_KEPT,
    LABEL_REPLICA,
    LABEL_ROLE,
    LABEL_SERVICE,
    LABEL_STAGE,
)
from kolla_iac.runtime import timeline
from kolla_iac.runtime.checks import Check, Fact, Finding, Look, NotSeen, Said
from kolla_iac.runtime.containers import Found

KINDS = {
    "docker:index/container:Container": "container",
    "docker:index/network:Network": "network",
    "docker:index/volume:Volume": "volume",
}


class State:
    """What the state's backend says of one environment; read once."""

    def __init__(self, checkout: Path, environment: str) -> None:
        self._checkout = checkout
        self._environment = environment
        self._one = Mutex()

    @cached_property
    def _deployment(self) -> dict[str, Any]:
        text = engine.pulumi(self._checkout, ["stack", "export", "--stack", self._environment])
        deployment: dict[str, Any] = json.loads(text)["deployment"] or {}
        return deployment

    @property
    def deployment(self) -> dict[str, Any]:
        """The latest deployment; several checks ask at once.

        Raises:
            KollaError: the engine cannot read it.
        """
        with self._one:
            return self._deployment

    @property
    def resources(self) -> list[dict[str, Any]]:
        return list(self.deployment.get("resources") or ())

    @property
    def pending(self) -> list[dict[str, Any]]:
        """Operations that began and of whose end nothing is known."""
        return list(self.deployment.get("pending_operations") or ())

    def ids(self, kind: str) -> set[str]:
        """Docker's ids of the resources of a kind: ``container``, ``network``, ``volume``."""
        return {str(one.get("id")) for one in self.resources if KINDS.get(one["type"]) == kind}

    def locks(self) -> list[Held]:
        """Who holds the state, in a backend of files."""
        return locks(backend(), self._environment)


@dataclass(frozen=True)
class Held:
    """A lock on an environment's state."""

    pid: int
    user: str
    machine: str
    since: str

    @property
    def alive(self) -> bool | None:
        """Whether its process runs; None where that is another machine's to say."""
        if self.machine != socket.gethostname():
            return None
        return Path(f"/proc/{self.pid}").exists()


def backend() -> str:
    """Where the state is: ``file:///...``, ``s3://...``. Empty: Pulumi's own choice."""
    return os.environ.get("PULUMI_BACKEND_URL", "")


def locks(url: str, environment: str) -> list[Held]:
    """Locks in a backend of files. Source: .pulumi/locks/organization/<project>/<stack>/<id>.json."""
    state, found = state_folder(url), list[Held]()
    if state is None:
        return found
    folder = state / ".pulumi" / "locks"
    for file in sorted(folder.glob(f"**/{environment}/*.json")):
        try:
            said = json.loads(file.read_text())
        except (OSError, ValueError):
            said = {}
        found.append(
            Held(
                int(said.get("pid", 0)),
                str(said.get("username", "somebody")),
                str(said.get("hostname", "another machine")),
                str(said.get("timestamp", ""))[:19],
            )
        )
    return found


class Lock(Check):
    """Whether somebody holds the state."""

    name = "lock"
    title = "nobody holds the state"
    asks_hosts = False

    def __init__(self, state: State) -> None:
        self._state = state

    def run(self, look: Look) -> Iterator[Said]:
        where = f"stack {look.environment}"
        if not backend().startswith("file://"):
            there = backend() or "the backend that Pulumi is logged in to"
            yield NotSeen(where, f"locks are looked at in a state of files alone; this one is in {there}")
            return
        for held in self._state.locks():
            who = f"process {held.pid} of {held.user} on {held.machine} since {held.since}"
            cancel = look.pulumi("cancel", "--yes")
            if held.alive is False:
                yield Finding("error", where, f"is locked by {who}, which has ended", cancel)
            elif held.alive:
                saw = f"is locked by {who}: an update runs"
                yield Finding("warning", where, saw, f"wait for it; if it hangs: kill {held.pid}; {cancel}")
            else:
                yield Finding(
                    "warning", where, f"is locked by {who}", f"if nothing runs there any more: {cancel}"
                )


class Pending(Check):
    """Operations that a killed engine has left without an end."""

    name = "pending"
    title = "no operation is without an end"
    asks_hosts = False

    def __init__(self, state: State) -> None:
        self._state = state

    def run(self, look: Look) -> Iterator[Said]:
        where = f"stack {look.environment}"
        for one in self._state.pending:
            name = str(one["resource"]["urn"]).rsplit("::", 1)[-1]
            mend = look.pulumi("refresh", "--clear-pending-creates", "--yes")
            yield Finding("warning", where, f"{name} was cut off while {one['type']}", mend)
        doomed = [str(one["urn"]).rsplit("::", 1)[-1] for one in self._state.resources if one.get("delete")]
        if doomed:
            saw = f"an update that was cut off has still to delete: {', '.join(sorted(doomed))}"
            yield Finding("warning", where, saw, look.up)
        if not self._state.resources and not look.members:
            yield Fact("nothing deployed")
        else:
            yield Fact(f"{len(self._state.resources)} resources")


class Leftovers(Check):
    """What carries the environment's label and no state knows, and a stage that never ended."""

    name = "leftovers"
    title = "nothing stands that no state knows"

    def __init__(self, state: State) -> None:
        self._state = state

    def run(self, look: Look) -> Iterator[Said]:
        busy = [one for one in self._state.locks() if one.alive] if backend().startswith("file://") else []
        if busy:
            yield NotSeen("", "an update runs, and what it makes is not in the state yet")
            return
        known = self._state.ids("container")
        for one in look.containers:
            if one.labels.get(LABEL_ROLE) == "job":
                yield abandoned(one, look)
            elif one.id not in known:
                yield stray(one, known, look)
        label = {"label": f"{LABEL_ENVIRONMENT}={look.environment}"}
        networks, volumes = self._state.ids("network"), self._state.ids("volume")
        for host, client in look.clients.items():
            docker = look.docker(host)
            for network in client.networks.list(filters=label):
                if network.id not in networks:
                    mend = f"{docker} network rm {network.name}"
                    yield Finding("warning", f"network {network.name} on {host}", "no state knows it", mend)
            for volume in client.volumes.list(filters=label):
                if kept := (volume.attrs.get("Labels") or {}).get(LABEL_KEPT):
                    yield Fact(f"volume {volume.name} on {host} keeps what {kept} has replaced")
                elif volume.name not in volumes and look.members:
                    mend = f"{docker} volume rm {volume.name}  # and what is on it"
                    yield Finding("warning", f"volume {volume.name} on {host}", "no state knows it", mend)
        yield from unended(look)


def abandoned(one: Found, look: Look) -> Finding:
    """A job's container: a job removes its own, so whoever ran it was killed."""
    stage = one.labels.get(LABEL_STAGE, "a job")
    saw = f"the job {stage} was cut off and has left it ({one.container.status})"
    mend = f"{look.docker(one.host)} rm --force {one.name}"
    return Finding("warning", f"{one.name} on {one.host}", saw, mend)


def stray(one: Found, known: set[str], look: Look) -> Finding:
    """A container that an update has made or forgotten."""
    service, replica = one.labels.get(LABEL_SERVICE, "?"), one.labels.get(LABEL_REPLICA, "?")
    beside = [
        other.name
        for other in look.of(service)
        if other.id in known and other.labels.get(LABEL_REPLICA) == replica
    ]
    saw = f"no state knows it ({one.container.status})"
    if not beside and wanted(service, replica, look):
        saw += f"; {service}-{replica} has no other"
        return Finding("warning", f"{one.name} on {one.host}", saw, look.repair)
    docker = look.docker(one.host)
    saw += f"; {service}-{replica} is {', '.join(beside) or 'not wanted'}"
    mend = f"{docker} stop {one.name}; {docker} rm {one.name}"
    return Finding("warning", f"{one.name} on {one.host}", saw, mend)


def wanted(service: str, replica: str, look: Look) -> bool:
    """Whether the settings ask for such a replica."""
    on = service in look.settings.enabled()
    return on and replica.isdigit() and int(replica) <= look.settings.service(service).replicas


def unended(look: Look) -> Iterator[Finding]:
    """Stages that began on this machine, never ended, and after which nothing else was done."""
    file = timeline.path(look.environment)
    if not file.exists():
        return
    records = []
    for line in file.read_text().splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            continue  # cut off while it was written
    for one in cut_off(records):
        if not Path(f"/proc/{one['pid']}").exists():
            saw = f"began at {at(one['start'])} and never ended"
            yield Finding("warning", f"stage {one['stage']}", saw, look.again(one["stage"]))


def cut_off(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records of stages that have no end, and after whose start none began that has one."""
    begun: dict[tuple[Any, Any], dict[str, Any]] = {}
    last = 0.0
    for one in records:
        key = (one["stage"], one["pid"])
        if one["kind"] == "evict":
            continue  # no resource of its own: the creation of a container asks for it
        if one["outcome"] == "running":
            begun[key] = one
        else:
            begun.pop(key, None)
            last = max(last, float(one["start"]))
    return [one for one in begun.values() if one["start"] > last]


def at(seconds: float) -> str:
    """A time as people read it, in UTC."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
