"""Many cheap requests at a steady rate: a reload or a replacement is found by one request in thousands."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

CLIENTS = 10
"""Half of them keep their connection, half open one for each request; every second request is a POST."""


@dataclass
class Asked:
    """What came of the requests; a late answer counts its whole delay."""

    failures: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def total(self) -> int:
        return len(self.seconds)

    def __str__(self) -> str:
        ranked = sorted(self.seconds)
        p99 = ranked[int(len(ranked) * 0.99)]
        return (
            f"{len(self.failures)} of {self.total:,} failed, p50 {ranked[len(ranked) // 2] * 1000:.0f} ms, "
            f"p99 {p99 * 1000:.0f} ms, max {ranked[-1] * 1000:.0f} ms {self.failures[:5]}"
        )


@contextmanager
def asking(port: int, rate: float, at_least: int = 0) -> Iterator[Asked]:
    """Asks Keystone on this machine from before the block until after it.

    Args:
        rate: requests a second, of all clients.
        at_least: goes on after the block until so many were asked.
    """
    asked, over = Asked(), threading.Event()
    every = CLIENTS / rate
    began = time.monotonic()

    def client(number: int) -> None:
        keeps = number % 2 == 0
        connection: http.client.HTTPConnection | None = None
        count = 0
        while not over.is_set():
            due = began + number * every / CLIENTS + count * every
            time.sleep(max(due - time.monotonic(), 0))
            connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            try:
                # a token for nobody is a 400: answered by Keystone itself
                method, path = ("POST", "/v3/auth/tokens") if count % 2 else ("GET", "/v3")
                connection.request(method, path, body=b"{}" if count % 2 else None)
                answer = connection.getresponse()
                answer.read()
                assert answer.status < 500, answer.status
            except (OSError, http.client.HTTPException, AssertionError) as error:
                asked.failures.append(f"{method} {'kept' if keeps else 'new'} {error!r}")
                connection.close()
                connection = None
            else:
                if answer.will_close or not keeps:
                    connection.close()
                    connection = None
            asked.seconds.append(time.monotonic() - due)
            count += 1

    clients = [threading.Thread(target=client, args=(number,), daemon=True) for number in range(CLIENTS)]
    for one in clients:
        one.start()
    try:
        yield asked
        while asked.total < at_least:
            time.sleep(0.1)
    finally:
        over.set()
        for one in clients:
            one.join(30)
        print(asked)
