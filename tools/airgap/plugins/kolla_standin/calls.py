"""The call that a thread is serving, and whether anybody still waits for its answer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Call:
    """One operation that the engine asked for.

    Attributes:
        abandoned: set when the engine is gone or has hung up, so that no answer will be kept.
    """

    def __init__(self) -> None:
        self.abandoned = threading.Event()
        self._over = threading.Event()

    def abandon(self) -> None:
        self.abandoned.set()
        self._over.set()

    def stop(self) -> None:
        """The engine wants to end: what takes long is to give up, and to say so."""
        self._over.set()

    def over(self, seconds: float = 0.0) -> bool:
        """Wait up to ``seconds``; whether the call is stopped or abandoned."""
        return self._over.wait(seconds) if seconds else self._over.is_set()


_CURRENT: ContextVar[Call] = ContextVar("call")


def current() -> Call:
    """The call of this thread; one that nobody will stop where there is none, as in a test."""
    return _CURRENT.get(Call())


class Calls:
    """All calls in flight."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[Call] = set()
        self._stopping = False

    @property
    def count(self) -> int:
        return len(self._running)

    @contextmanager
    def running(self) -> Iterator[Call]:
        call = Call()
        with self._lock:
            self._running.add(call)
            if self._stopping:
                call.stop()
        token = _CURRENT.set(call)
        try:
            yield call
        finally:
            _CURRENT.reset(token)
            with self._lock:
                self._running.discard(call)

    def stop(self) -> None:
        """Stop all calls, and those still to come."""
        with self._lock:
            self._stopping = True
            for call in self._running:
                call.stop()
