"""Containers on the hosts: found by label, and described for people."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kolla_iac.errors import KollaError
from kolla_iac.model.stage import LABEL_ENVIRONMENT, LABEL_RELEASE, LABEL_REPLICA, LABEL_ROLE, LABEL_SERVICE
from kolla_iac.runtime.hosts import Hosts

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

JUST_BEGUN = 30.0
"""Seconds for which the log of a restarted container is that of the run before."""
LOG_LINES = 8
LINE_LENGTH = 240
LOOKED_AT = 300
"""Lines of a log among which the one that names an error is looked for."""
_ERROR = re.compile(r"\b(ERROR|CRITICAL|ALERT|FATAL|[A-Z]\w*(Error|Exception)\b)")


@dataclass(frozen=True)
class Found:
    """A container and the host that it stands on."""

    host: str
    client: DockerClient
    container: Container

    @property
    def id(self) -> str:
        return str(self.container.id)

    @property
    def name(self) -> str:
        return str(self.container.name)

    @property
    def labels(self) -> Mapping[str, str]:
        return self.container.labels

    @property
    def release(self) -> str:
        """OpenStack series; empty where the service is the same in every one."""
        return self.labels.get(LABEL_RELEASE, "")

    @property
    def running(self) -> bool:
        """Whether it ran when last looked at."""
        return bool(self.container.attrs.get("State", {}).get("Running"))

    def __str__(self) -> str:
        return f"{self.name} ({self.release})" if self.release else self.name


@dataclass(frozen=True)
class State:
    """What Docker says of a container."""

    status: str
    """created, running, paused, restarting, removing, exited, dead; ``gone`` if there is no such container."""
    health: str = ""
    """Empty without a health check."""
    restarts: int = 0
    exit_code: int = 0
    error: str = ""
    out_of_memory: bool = False
    restart_policy: str = "no"
    started: str = ""
    """As Docker writes it: ``2026-05-04T03:02:01.123456789Z``."""
    finished: str = ""
    """The same; of the year 1 while it has never ended."""

    @property
    def over(self) -> bool:
        """It does not run and nothing will start it."""
        if self.status in ("gone", "dead", "removing"):
            return True
        return self.status == "exited" and (
            self.restart_policy == "no" or (self.restart_policy == "on-failure" and self.exit_code == 0)
        )

    def __str__(self) -> str:
        parts = [self.status]
        if self.status in ("exited", "dead", "restarting"):
            parts.append(f"exit code {self.exit_code}")
        if self.out_of_memory:
            parts.append("out of memory")
        # of one that does not run it is the word of before
        if self.health and self.status == "running":
            parts.append(self.health)
        if self.status != "gone":
            parts.append(f"{self.restarts} restart{'' if self.restarts == 1 else 's'}")
        if self.error:
            parts.append(self.error)
        return ", ".join(parts)


def find(hosts: Hosts, labels: Mapping[str, str]) -> list[Found]:
    """Every container with these labels, running or not, on every host; in the order of hosts and names.

    Raises:
        KollaError: a host cannot be reached. What stands there is unknown then, so nothing is assumed.
    """
    wanted = [f"{name}={value}" for name, value in labels.items()]
    found = []
    for host, client in hosts.clients().items():
        listed = client.containers.list(all=True, filters={"label": wanted}, ignore_removed=True)
        found += [Found(host, client, container) for container in listed]
    order = hosts.names
    return sorted(found, key=lambda one: (order.index(one.host), one.name))


def of_service(hosts: Hosts, environment: str, service: str) -> list[Found]:
    """The containers of a service, jobs left out."""
    found = find(hosts, {LABEL_ENVIRONMENT: environment, LABEL_SERVICE: service})
    return [one for one in found if one.labels.get(LABEL_ROLE) != "job"]


def of_replica(hosts: Hosts, environment: str, service: str, replica: int) -> list[Found]:
    """Every generation of one replica."""
    return [
        one
        for one in of_service(hosts, environment, service)
        if one.labels.get(LABEL_REPLICA) == str(replica)
    ]


def network_of(hosts: Hosts, host: str, environment: str) -> str:
    """Name of an environment's network; Docker's default one before there is any."""
    label = {"label": f"{LABEL_ENVIRONMENT}={environment}"}
    found = hosts.client(host).networks.list(filters=label)
    return str(found[0].name) if found else "bridge"


def get(hosts: Hosts, host: str, container_id: str) -> Found:
    """One container by id.

    Raises:
        KollaError: there is no such container.
    """
    from docker.errors import NotFound  # noqa: PLC0415

    client = hosts.client(host)
    try:
        return Found(host, client, client.containers.get(container_id))
    except NotFound:
        raise KollaError(
            f"container {container_id[:12]} is not on host {host}",
            {"hint": "it was removed outside of Pulumi; `pulumi up --refresh` makes it again"},
        ) from None


def state_of(found: Found) -> State:
    """Asks Docker anew."""
    from docker.errors import NotFound  # noqa: PLC0415

    try:
        found.container.reload()
    except NotFound:
        return State("gone")
    return state_in(found.container.attrs)


def state_in(attrs: Mapping[str, Any]) -> State:
    """The state in what Docker's inspection says."""
    state = attrs["State"]
    return State(
        status=state["Status"],
        health=state.get("Health", {}).get("Status", ""),
        restarts=attrs.get("RestartCount", 0),
        exit_code=state.get("ExitCode", 0),
        error=state.get("Error", ""),
        out_of_memory=bool(state.get("OOMKilled")),
        restart_policy=attrs["HostConfig"].get("RestartPolicy", {}).get("Name") or "no",
        started=state.get("StartedAt", ""),
        finished=state.get("FinishedAt", ""),
    )


def describe(found: Found) -> str:
    """State, health, restarts and memory in one line; never raises for a container that is gone."""
    from docker.errors import DockerException  # noqa: PLC0415

    state = state_of(found)
    text = str(state)
    if state.status == "running":
        with contextlib.suppress(DockerException, KeyError):
            stats: Any = found.client.api.stats(found.id, stream=False, one_shot=True)
            memory = stats["memory_stats"]
            used = memory["usage"] - memory.get("stats", {}).get("inactive_file", 0)
            text += f", {used / 1e6:.0f} MB"
    return text


def plain(text: str) -> str:
    """The text without colours and without passwords in URLs."""
    uncoloured = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    return re.sub(r"(://[^\s:/@]*:)[^\s@]+@", r"\1***@", uncoloured)


def tidy(text: str, lines: int = LOG_LINES) -> list[str]:
    """The last lines that are not empty, without colours and passwords in URLs, each cut to a readable length.

    Programs quote their database's URL where they cannot read it.

    >>> tidy("cannot read mysql+pymysql://keystone:hunter2@db/keystone")
    ['cannot read mysql+pymysql://keystone:***@db/keystone']
    """
    kept = [line.rstrip() for line in plain(text).splitlines() if line.strip()][-lines:]
    return [line if len(line) <= LINE_LENGTH else line[:LINE_LENGTH] + "..." for line in kept]


def log_lines(found: Found, lines: int = LOG_LINES) -> list[str]:
    """The last lines of the container's log, and before them the last one that names an error if none of them does.

    Empty if there is no log or the container is gone.
    """
    from docker.errors import DockerException  # noqa: PLC0415

    try:
        ended = _ended(found.container.attrs)
        if ended is not None:
            before = found.container.logs(tail=LOOKED_AT, until=ended)
            if before.strip():
                return telling(before.decode(errors="replace"), lines)
        return telling(found.container.logs(tail=LOOKED_AT).decode(errors="replace"), lines)
    except DockerException:
        return []


def _ended(attrs: Mapping[str, Any]) -> float | None:
    """When the run before this one ended, in seconds since 1970, if this one is a restart that has only begun: why a
    container ends again and again stands before its latest start, not after it."""
    state = attrs["State"]
    if not (attrs.get("RestartCount") and state["Status"] == "running"):
        return None
    started = datetime.fromisoformat(state["StartedAt"]).timestamp()
    return started if time.time() - started < JUST_BEGUN else None


def telling(text: str, lines: int = LOG_LINES) -> list[str]:
    """The last lines, led by the last one that names an error where chatter has pushed it out.

    >>> telling("ERROR no such option\\nGET /\\nGET /\\n", 2)
    ['ERROR no such option', '...', 'GET /', 'GET /']
    """
    everything = tidy(text, LOOKED_AT)
    last = everything[-lines:]
    if not any(map(_ERROR.search, last)):
        errors = [line for line in everything[:-lines] if _ERROR.search(line)]
        return [*([errors[-1], "..."] if errors else []), *last]
    return last


def stop_and_remove(found: Found, seconds: float) -> None:
    """Stops gracefully within the time, then removes; a container that is gone already is fine. Volumes stay."""
    from docker.errors import APIError, NotFound  # noqa: PLC0415

    try:
        found.container.stop(timeout=round(seconds))
        found.container.remove(force=True)
    except NotFound:
        return
    except APIError as error:
        if "already in progress" not in str(error):
            raise KollaError(
                f"{found.name} on host {found.host} could not be removed", {"saw": str(error.explanation)}
            ) from error
