"""Says, while something takes long, what is waited for: plain lines, the same on a terminal and in a log."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

FIRST = 5.0
"""Seconds after which a wait is told of for the first time."""
LONGEST = 30.0
"""Seconds between two lines, at most."""
LAST_LENGTH = 120
"""Longest text of what was seen last."""


def moments() -> Iterator[float]:
    """Seconds of waiting at which it is told, without end.

    >>> from itertools import islice
    >>> list(islice(moments(), 6))
    [5.0, 10.0, 20.0, 40.0, 70.0, 100.0]
    """
    at = FIRST
    while True:
        yield at
        at += min(at, LONGEST)


def told(what: str, waited: float, limit: float = 0.0, last: str = "") -> str:
    """The line.

    Args:
        waited: seconds.
        limit: seconds after which it is given up; 0: never, or somebody else knows.
        last: what was seen last.

    >>> told("keystone-1: a token", 15.2, 120, "HTTP 503 from GET /ready")
    'waiting for keystone-1: a token; 15 of 120 s; last: HTTP 503 from GET /ready'
    >>> told("keystone to build", 5)
    'waiting for keystone to build; 5 s'
    """
    text = f"waiting for {what}; {waited:.0f}{f' of {limit:.0f}' if limit else ''} s"
    seen = " ".join(last.split())
    if len(seen) > LAST_LENGTH:
        seen = seen[: LAST_LENGTH - 3] + "..."
    return f"{text}; last: {seen}" if seen else text


class Waiting:
    """A wait that is under way."""

    def __init__(self) -> None:
        self.last = ""

    def saw(self, text: str) -> None:
        """What was seen last, for the next line; never a secret."""
        self.last = text


@contextlib.contextmanager
def waiting(what: str, tell: Callable[[str], None], limit: float = 0.0) -> Iterator[Waiting]:
    """Tells every few seconds, as long as the block lasts, and never after it.

    Lines come from a thread, so that a call that blocks is told of as well.
    """
    one, over, began = Waiting(), threading.Event(), time.monotonic()

    def loop() -> None:
        # a reader that has gone ends the stage by itself, and no line can say so
        with contextlib.suppress(OSError, ValueError):
            for at in moments():
                if over.wait(max(began + at - time.monotonic(), 0)):
                    return
                tell(told(what, time.monotonic() - began, limit, one.last))

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield one
    finally:
        over.set()
        thread.join()
