"""An open loop: requests go out by the clock, whatever became of those before.

A closed loop, which sends the next request when the last one is answered, asks less exactly while the cloud is
slow, and so hides what it should count.
"""

from __future__ import annotations

import http.client
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from kolla_iac.probe.identity import Identity, Wrong, usable
from kolla_iac.probe.report import Report, Sample, summary

KINDS = ("issue new", "validate new", "issue kept", "validate kept")
"""In turn."""

_BEGAN = time.time() - time.monotonic()


def now() -> float:
    """Seconds since 1970 by a clock of this process alone, which nobody sets while it measures."""
    return _BEGAN + time.monotonic()


@dataclass(frozen=True)
class Load:
    """How much, and for how long at most."""

    rate: float = 20
    """Requests per second."""
    seconds: float = 900
    """It ends after that time, asked or not."""
    requests: int = 20_000
    """It ends after that many, asked or not."""
    slow_seconds: float = 0
    """One request whose body takes that long is always on its way, the last of them until the end of all; 0: none."""
    open_at_once: int = 200
    """Requests without an answer at a time; those beyond wait, and count as sent late."""


class _Kept:
    """Open connections that nobody uses at the moment."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._free: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def take(self) -> http.client.HTTPConnection:
        """The one used last that is still open, else a new one."""
        while True:
            with self._lock:
                connection = self._free.pop() if self._free else None
            if connection is None:
                return self._identity.connection()
            if usable(connection):
                return connection
            connection.close()

    def give(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._free.append(connection)

    def close(self) -> None:
        for connection in self._free:
            connection.close()


class _Run:
    def __init__(
        self,
        identity: Identity,
        load: Load,
        token: str,
        note: Callable[[Sample], None],
        over: threading.Event,
    ) -> None:
        self.identity, self.load, self.token, self.note, self.over = identity, load, token, note, over
        self.samples: list[Sample] = []
        self.timed = 0
        """Requests of the schedule that are over."""
        self._lock = threading.Lock()
        self.kept = _Kept(identity)

    def ask(self, kind: str, due: float) -> None:
        """One request, measured from ``due`` (seconds since 1970)."""
        sent = now()
        failure = ""
        kept = kind.endswith("kept")
        connection = self.kept.take() if kept else self.identity.connection()
        try:
            if kind.startswith("issue"):
                slowly = self.load.slow_seconds if kind.endswith("slow") else 0
                self.token = self.identity.issue(connection, slowly, self.over)
            else:
                self.identity.validate(connection, self.token)
        except (Wrong, OSError, http.client.HTTPException, ValueError, KeyError) as error:
            failure = str(error) if isinstance(error, Wrong) else f"{type(error).__name__}: {error}"
        if kept and not failure and connection.sock is not None:
            self.kept.give(connection)
        else:
            connection.close()
        with self._lock:
            self.samples.append(Sample(kind, due, sent - due, now() - due, failure))
            self.note(self.samples[-1])
            self.timed += kind in KINDS


def run(
    identity: Identity,
    load: Load,
    over: threading.Event,
    ready: Callable[[], None] = lambda: None,
    note: Callable[[Sample], None] = lambda _: None,
) -> Report:
    """Asks until ``over`` is set or the load's bounds are reached; every request sent is then waited for.

    Args:
        ready: called when the first request of the schedule has been answered.
        note: called with every request that is over, one at a time.

    Raises:
        Wrong, OSError: not even one token could be had before it began.
    """
    first = identity.connection()
    probe = _Run(identity, load, identity.issue(first), note, over)
    first.close()
    work: queue.SimpleQueue[tuple[str, float] | None] = queue.SimpleQueue()
    answered = threading.Event()
    workers: list[threading.Thread] = []

    def serve() -> None:
        while (job := work.get()) is not None:
            probe.ask(*job)
            answered.set()

    def slowly() -> None:
        while not over.is_set():
            due = now()
            probe.ask("issue slow", due)
            # one that is refused at once is not asked for again at once: it is load, not an attack
            over.wait(max(due + min(load.slow_seconds, 1) - now(), 0))

    slow = threading.Thread(target=slowly, daemon=True)
    if load.slow_seconds:
        slow.start()
    started, count, told = now(), 0, False
    while not over.is_set() and count < load.requests:
        due = started + count / load.rate
        if due - started >= load.seconds or over.wait(max(due - now(), 0)):
            break
        # one worker more where none is free; beyond the bound the request waits for whoever comes first
        if count - probe.timed >= len(workers) and len(workers) < load.open_at_once:
            workers.append(threading.Thread(target=serve, daemon=True))
            workers[-1].start()
        work.put((KINDS[count % len(KINDS)], due))
        count += 1
        if not told and answered.is_set():
            ready()
            told = True
    over.set()
    for _ in workers:
        work.put(None)
    for worker in workers:
        worker.join()
    if load.slow_seconds:
        slow.join()
    probe.kept.close()
    return summary(probe.samples, rate=load.rate, started=started, ended=now())
