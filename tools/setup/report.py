"""Progress: one line when a step begins and ends, and at the end what took how long."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_SHOWN_FROM = 0.05
"""Seconds from which a step is worth a line of its own in the table."""


class Report:
    """Prints to stderr, so that nothing mixes with output meant for programs."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._steps: list[tuple[str, str, float]] = []

    def say(self, text: str) -> None:
        print(f"  {text}", file=sys.stderr, flush=True)

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Time a step; what the body appends to the list is its outcome."""
        outcome: list[str] = []
        began = time.monotonic()
        try:
            yield outcome
        except BaseException:
            outcome.append("failed")
            raise
        finally:
            seconds = time.monotonic() - began
            said = ", ".join(outcome) or "done"
            self._steps.append((name, said, seconds))
            if seconds >= _SHOWN_FROM:
                print(f"{name:<10} {seconds:7.1f} s  {said}", file=sys.stderr, flush=True)

    def table(self) -> str:
        """What took how long, longest names first aligned."""
        rows = [*self._steps, ("all", "", time.monotonic() - self._began)]
        return "\n".join(f"{name:<10} {seconds:7.1f} s  {said}".rstrip() for name, said, seconds in rows)
