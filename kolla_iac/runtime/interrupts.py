"""SIGINT and SIGTERM end a stage between two steps, never within one."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from kolla_iac.runtime.failure import Interrupted


class Interrupts:
    """Remembers that somebody wants the stage to stop. A second signal acts at once, as without us."""

    def __init__(self) -> None:
        self.asked = ""

    def check(self) -> None:
        """To be called between steps.

        Raises:
            Interrupted: a signal came.
        """
        if self.asked:
            raise Interrupted(f"stopped by {self.asked}", {"next": "pulumi up goes on from here"})

    def sleep(self, seconds: float) -> None:
        """Sleeps, unless somebody wants the stage to stop."""
        end = time.monotonic() + seconds
        self.check()
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.2))
            self.check()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Signals are remembered inside; the handlers of before come back after it."""
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def remember(number: int, _: FrameType | None) -> None:
            self.asked = signal.Signals(number).name
            signal.signal(number, signal.SIG_DFL)

        for number in before:
            signal.signal(number, remember)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
