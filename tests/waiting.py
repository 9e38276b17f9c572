"""Waiting for what comes by itself."""

from __future__ import annotations

import time
from collections.abc import Callable


def eventually(condition: Callable[[], bool], seconds: float, what: str, every: float = 0.2) -> float:
    """Waits until it holds; how long that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(every)
    return time.monotonic() - began
