"""Watches the arguments of every process on this machine for words that must not be there."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Arguments:
    """What was seen."""

    looks: int = 0
    """How often all processes were looked at."""
    processes: set[str] = field(default_factory=set)
    """Names of the programs that were seen."""
    found: list[str] = field(default_factory=list)
    """Command lines that had one of the words."""


@contextmanager
def watching(words: Sequence[str], every: float = 0.1) -> Iterator[Arguments]:
    """Looks again and again while the block runs."""
    seen, over = Arguments(), threading.Event()
    wanted = [word.encode() for word in words]

    def look() -> None:
        # no glob: it looks into folders, and fails where a process has just gone
        for process in Path("/proc").iterdir():
            if not process.name.isdecimal():
                continue
            try:
                text = (process / "cmdline").read_bytes()
            except OSError:
                continue
            seen.processes.add(text.split(b"\0")[0].rpartition(b"/")[2].decode(errors="replace"))
            if any(word in text for word in wanted):
                seen.found.append(text.replace(b"\0", b" ").decode(errors="replace"))
        seen.looks += 1

    def loop() -> None:
        while not over.is_set():
            look()
            time.sleep(every)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
