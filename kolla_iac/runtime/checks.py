"""What `kolla-iac doctor` is made of: checks, what they are given, what they say, and how they are run.

A check is a small class. General ones stand in ``kolla_iac.cli.doctor``, those of a service beside it, in
``components/<service>/checks.py``, where they are found by themselves. Checks look and change nothing.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Literal

from kolla_iac.errors import KollaError
from kolla_iac.model.environment import Environment
from kolla_iac.model.stage import LABEL_ENVIRONMENT, LABEL_ROLE, LABEL_SERVICE
from kolla_iac.runtime.containers import Found
from kolla_iac.runtime.hosts import Hosts, unreachable

if TYPE_CHECKING:
    from docker import DockerClient

HOST_SECONDS = 20.0
"""How long a host may take to answer one call."""
AT_ONCE = 8
"""Checks, and hosts, that are asked at the same time."""
LOCAL = "unix:///var/run/docker.sock"
"""What the ``docker`` command means where nothing else is said."""

Severity = Literal["error", "warning"]
"""``error``: it does not work, or will not when it is next needed. ``warning``: it works, not as it should."""


@dataclass(frozen=True)
class Bounds:
    """From where on something is a finding. All of them stand here."""

    disk_gb: float = 5.0
    """Free space of Docker's disk below which it is a warning; below a fifth of it, an error."""
    clock_seconds: float = 2.0
    """Difference between a host's clock and this machine's; tokens are dated."""
    key_days: float = 90.0
    """Age of the key that signs."""
    restarts: int = 3
    """Of a container by itself, the last within ``recent_minutes``."""
    recent_minutes: float = 15.0
    """For how long a restart or a kill for memory is told."""
    start_seconds: float = 60.0
    """From the start of a database's container until it takes connections."""
    binlog_gb: float = 10.0
    connections: float = 0.85
    """Share of a server's connections that may be in use."""
    folder_minutes: float = 5.0
    """Age from which a working folder is one that a cut-off run has left."""


@dataclass(frozen=True)
class Finding:
    """Something that is wrong."""

    severity: Severity
    where: str
    """``host local``, ``keystone-1-3b64f7d on local``, ``stack dev``."""
    saw: str
    mend: str
    """What to type."""


@dataclass(frozen=True)
class Fact:
    """What was seen and is right: a line for people."""

    text: str


@dataclass(frozen=True)
class NotSeen:
    """What a check could not look at, so that nobody takes it for fine."""

    where: str
    why: str


Said = Finding | Fact | NotSeen


class CannotLook(KollaError):
    """A check has nothing to look at: what it asks does not run, or is not there."""


@dataclass(frozen=True)
class Look:
    """What every check is given: the settings, and what stands."""

    environment: str
    settings: Environment
    clients: Mapping[str, DockerClient]
    """Hosts that answer."""
    silent: Mapping[str, str]
    """Hosts that do not answer -> why."""
    containers: tuple[Found, ...] = ()
    """All that carry the environment's label, running or not, jobs too."""
    bounds: Bounds = Bounds()
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def members(self) -> list[Found]:
        """Containers of services: all but jobs."""
        return [one for one in self.containers if one.labels.get(LABEL_ROLE) != "job"]

    def of(self, service: str) -> list[Found]:
        """A service's containers, running or not."""
        return [one for one in self.members if one.labels.get(LABEL_SERVICE) == service]

    def running(self, service: str) -> list[Found]:
        """A service's containers that run.

        Raises:
            CannotLook: none does.
        """
        found = [one for one in self.of(service) if one.container.status == "running"]
        if not found:
            raise CannotLook(f"no container of {service} runs")
        return found

    def docker(self, host: str) -> str:
        """The ``docker`` command that speaks to a host."""
        endpoint = self.settings.host(host).docker
        usual = os.environ.get("DOCKER_HOST") or LOCAL
        return "docker" if endpoint == usual else f"docker --host {endpoint}"

    def inside(self, found: Found) -> str:
        """The command that runs another in a container, as root."""
        return f"{self.docker(found.host)} exec --user root {found.name}"

    def pulumi(self, *words: str) -> str:
        """``pulumi WORD... --stack dev``."""
        return " ".join(("pulumi", *words, "--stack", self.environment))

    @property
    def up(self) -> str:
        """What makes the cloud as the settings say."""
        return self.pulumi("up")

    @property
    def repair(self) -> str:
        """What makes again what is missing or stopped."""
        return self.pulumi("up", "--refresh")

    def set(self, what: str) -> str:
        """The mend where a setting has to change."""
        return f"{what}, in Pulumi.{self.environment}.yaml; then: {self.up}"

    def again(self, *names: str) -> str:
        """What runs stages again, or makes containers anew, although nothing changed.

        Args:
            names: of resources, ``*`` in them for any characters: ``keystone-*-handover``.
        """
        return self.pulumi("up", *(f"--replace '**::{name}'" for name in names))


class Check(ABC):
    """One question. Subclasses need a name, a title and ``run``, and no arguments to be made."""

    name: ClassVar[str]
    """One word, such as ``ports``."""
    title: ClassVar[str]
    """What is asked: ``wanted ports are ours``."""
    asks_hosts: ClassVar[bool] = True
    """Whether a host that does not answer leaves it without an answer."""

    @abstractmethod
    def run(self, look: Look) -> Iterator[Said]:
        """Says what it sees. Whatever it raises means that it could not look."""


@dataclass(frozen=True)
class Result:
    """What one check came to."""

    check: Check
    said: tuple[Said, ...]
    seconds: float

    @property
    def findings(self) -> list[Finding]:
        return [one for one in self.said if isinstance(one, Finding)]

    @property
    def facts(self) -> list[str]:
        return [one.text for one in self.said if isinstance(one, Fact)]

    @property
    def not_seen(self) -> list[NotSeen]:
        return [one for one in self.said if isinstance(one, NotSeen)]

    @property
    def word(self) -> str:
        """``not seen`` as soon as a part of it is; ``found``; ``fine``."""
        if self.not_seen:
            return "not seen"
        return "found" if self.findings else "fine"


def exit_code(results: Iterable[Result]) -> int:
    """0: everything was looked at and nothing found; 1: something found; 2: something could not be looked at."""
    words = {result.word for result in results}
    return 2 if "not seen" in words else 1 if "found" in words else 0


def examine(checks: Sequence[Check], look: Look) -> list[Result]:
    """Runs the checks, several at once; the results come in their order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda check: _run(check, look), checks))


def _run(check: Check, look: Look) -> Result:
    began = time.monotonic()
    said: list[Said] = []
    if check.asks_hosts:
        said += [NotSeen(f"host {name}", why) for name, why in look.silent.items()]
    if look.clients or not check.asks_hosts:
        try:
            for one in check.run(look):
                said.append(one)
        except Exception as error:  # noqa: BLE001 - a check that fails has not looked, whatever the reason
            said.append(NotSeen("", reason(error)))
    return Result(check, tuple(said), time.monotonic() - began)


def reason(error: Exception) -> str:
    """Why a check could not look, in a line.

    >>> reason(KollaError("load balancer b", {"saw": "silence"}))
    'load balancer b: silence'
    >>> reason(KeyError("State"))
    "this check failed: KeyError: 'State'"
    """
    if isinstance(error, KollaError):
        saw = error.facts.get("saw") or error.facts.get("said") or ""
        told = saw if isinstance(saw, str) else " ".join(saw)
        line = f"{error.headline}: {told}".removesuffix(": ")
        return f"{line}; next: {error.facts['next']}" if "next" in error.facts else line
    if isinstance(error, OSError) or type(error).__module__.startswith("docker."):
        return str(error)
    return f"this check failed: {type(error).__name__}: {error}"


def gather(environment: str, settings: Environment, bounds: Bounds = Bounds()) -> Look:
    """Asks every host, all at once, for the environment's containers."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = list(pool.map(lambda host: _host(environment, host.name, host.docker), settings.hosts))
    clients: dict[str, DockerClient] = {}
    silent: dict[str, str] = {}
    containers: list[Found] = []
    for host, (client, found, why) in zip(settings.hosts, asked, strict=True):
        if client is None:
            silent[host.name] = why
        else:
            clients[host.name] = client
            containers += found
    containers.sort(key=lambda one: (one.host, one.name))
    return Look(environment, settings, clients, silent, tuple(containers), bounds)


def _host(environment: str, name: str, endpoint: str) -> tuple[DockerClient | None, list[Found], str]:
    from docker.errors import DockerException  # noqa: PLC0415

    try:
        client = Hosts({name: endpoint}, HOST_SECONDS).client(name)
        label = f"{LABEL_ENVIRONMENT}={environment}"
        listed = client.containers.list(all=True, filters={"label": label}, ignore_removed=True)
    except KollaError as error:
        return None, [], _why(error)
    except (DockerException, OSError) as error:
        return None, [], _why(unreachable(name, endpoint, error))
    return client, [Found(name, client, one) for one in listed], ""


def _why(error: KollaError) -> str:
    return ": ".join(str(error.facts[fact]) for fact in ("endpoint", "saw", "hint") if fact in error.facts)
