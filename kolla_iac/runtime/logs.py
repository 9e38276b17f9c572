"""Container logs of all replicas and hosts as one stream of lines, in the order of time."""

from __future__ import annotations

import heapq
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from kolla_iac.errors import KollaError
from kolla_iac.model.stage import LABEL_ENVIRONMENT, LABEL_REPLICA, LABEL_SERVICE, LABEL_STAGE
from kolla_iac.runtime.containers import plain
from kolla_iac.runtime.hosts import Hosts, unreachable

if TYPE_CHECKING:
    from docker import DockerClient

LOOK_SECONDS = 1.0
"""How often followed hosts are asked for containers that are new or run again."""
SETTLE_SECONDS = 0.4
"""How long a followed line waits for earlier ones of other containers."""
HOST_SECONDS = 20.0

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Source:
    """A container whose log is read."""

    host: str
    client: DockerClient
    id: str
    name: str
    """Of a job: that of its stage."""
    service: str
    replica: str
    running: bool


@dataclass(frozen=True, order=True)
class Line:
    """One line of one container."""

    time: str
    """UTC with nanoseconds, as Docker writes it: ``2026-05-04T03:02:01.123456789Z``; sorts as text."""
    source: Source = field(compare=False)
    text: str = field(compare=False)
    """Without colours, control characters and passwords in URLs."""


class Logs:
    """The logs of an environment.

    Args:
        endpoints: host -> Docker endpoint.
        services: none: all of them.
        trouble: told, once each, of hosts and containers that cannot be read.
    """

    def __init__(
        self,
        environment: str,
        endpoints: Mapping[str, str],
        services: Collection[str],
        trouble: Callable[[KollaError], None],
    ) -> None:
        self._environment = environment
        self._endpoints: dict[str, str] = {}
        for name, endpoint in endpoints.items():
            self._endpoints.setdefault(endpoint, name)
        self._services = services
        self._trouble = trouble
        self._told: set[str] = set()
        self._hosts: dict[str, Hosts] = {}

    def sources(self) -> list[Source]:
        """The containers that stand now, running or not, jobs too."""
        return [source for endpoint, host in self._endpoints.items() for source in self._of(host, endpoint)]

    def _of(self, host: str, endpoint: str) -> list[Source]:
        from docker.errors import DockerException  # noqa: PLC0415

        hosts = self._hosts.setdefault(endpoint, Hosts({host: endpoint}, HOST_SECONDS))
        labels = {"label": [f"{LABEL_ENVIRONMENT}={self._environment}"]}
        try:
            client = hosts.client(host)
            listed: list[dict[str, Any]] = client.api.containers(all=True, filters=labels)
        except KollaError as error:
            return self._tell(endpoint, error)
        except (DockerException, OSError) as error:
            return self._tell(endpoint, unreachable(host, endpoint, error))
        self._told.discard(endpoint)
        found = [_source(host, client, one) for one in listed]
        return [one for one in found if not self._services or one.service in self._services]

    def _tell(self, about: str, error: KollaError) -> list[Source]:
        if about not in self._told:
            self._told.add(about)
            self._trouble(error)
        return []

    def read(self, since: float) -> Iterator[Line]:
        """Every line since a time (seconds since 1970) until now, merged."""
        return heapq.merge(*(self._lines(source, since, follow=False) for source in self.sources()))

    def follow(self, since: float) -> Iterator[Line]:
        """The same, and then what comes, without end; containers that are made or start meanwhile too."""
        last: dict[str, str] = {}
        for line in self.read(since):
            last[line.source.id] = line.time
            yield line
        arrived: SimpleQueue[tuple[float, Line]] = SimpleQueue()
        readers: dict[str, threading.Thread] = {}
        waiting: list[tuple[float, Line]] = []
        looked = 0.0
        while True:
            if time.monotonic() - looked >= LOOK_SECONDS:
                for source in self.sources():
                    known = readers.get(source.id)
                    if known is None or (source.running and not known.is_alive()):
                        readers[source.id] = self._reader(source, last.get(source.id, ""), since, arrived)
                looked = time.monotonic()
            waiting += _arrived(arrived, SETTLE_SECONDS / 2)
            settled = time.monotonic() - SETTLE_SECONDS
            ready = sorted(line for at, line in waiting if at <= settled)
            waiting = [one for one in waiting if one[0] > settled]
            for line in ready:
                if line.time > last.get(line.source.id, ""):
                    last[line.source.id] = line.time
                    yield line

    def _reader(
        self, source: Source, after: str, since: float, arrived: SimpleQueue[tuple[float, Line]]
    ) -> threading.Thread:
        """A thread that puts lines later than ``after`` into the queue until the container ends."""

        def pump() -> None:
            start = max(since, seconds(after)) if after else since
            for line in self._lines(source, start, follow=True):
                if line.time > after:
                    arrived.put((time.monotonic(), line))

        thread = threading.Thread(target=pump, daemon=True)
        thread.start()
        return thread

    def _lines(self, source: Source, since: float, *, follow: bool) -> Iterator[Line]:
        from docker.errors import DockerException, NotFound  # noqa: PLC0415

        try:
            frames = source.client.api.logs(
                source.id, stream=True, follow=follow, timestamps=True, since=max(since, 1.0)
            )
            for stamp, text in joined(frames):
                yield Line(stamp, source, clean(text))
        except NotFound:
            return
        except (DockerException, OSError) as error:
            facts = {"host": source.host, "saw": str(error)}
            self._tell(source.id, KollaError(f"the log of {source.name} cannot be read", facts))


def _arrived(queue: SimpleQueue[tuple[float, Line]], seconds: float) -> list[tuple[float, Line]]:
    """What is in the queue; waits a little for the first."""
    got = []
    try:
        got.append(queue.get(timeout=seconds))
        while True:
            got.append(queue.get_nowait())
    except Empty:
        return got


def _source(host: str, client: DockerClient, listed: Mapping[str, Any]) -> Source:
    labels: Mapping[str, str] = listed["Labels"]
    return Source(
        host,
        client,
        listed["Id"],
        # Docker invents the names of jobs
        labels.get(LABEL_STAGE) or (listed["Names"] or [listed["Id"][:12]])[0].lstrip("/"),
        labels.get(LABEL_SERVICE, ""),
        labels.get(LABEL_REPLICA, ""),
        listed["State"] == "running",
    )


def joined(frames: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """Time and text of each line. Docker gives a frame a line; of a line over 16 KiB several, each with a time.

    >>> list(joined([b"T1 a\\n", b"T2 long ", b"T3 line\\n", b"T4 end"]))
    [('T1', 'a'), ('T2', 'long line'), ('T4', 'end')]
    """
    stamp, parts = "", list[bytes]()
    for frame in frames:
        began, _, text = frame.partition(b" ")
        stamp = stamp or began.decode()
        parts.append(text)
        if frame.endswith(b"\n"):
            yield stamp, b"".join(parts).decode(errors="replace").rstrip("\r\n")
            stamp, parts = "", []
    if parts:
        yield stamp, b"".join(parts).decode(errors="replace")


def clean(text: str) -> str:
    """Fit for a terminal: what clients send stands in logs, and must not move the cursor of who reads them.

    >>> clean("\\x1b[31mred\\x1b[0m \\x07\\x1b]0;title")
    'red ]0;title'
    """
    return _CONTROL.sub("", plain(text))


def seconds(stamp: str) -> float:
    """Docker's time as seconds since 1970, to the microsecond, rounded down.

    >>> seconds("2026-05-04T03:02:01.123456789Z")
    1777863721.123456
    """
    from kolla_iac.runtime.status import moment  # noqa: PLC0415

    found = moment(stamp)
    return found.timestamp() if found else 0.0
