"""One builder at a time per user and machine: the second waits and says so."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kolla_iac.waiting import waiting


def cache_folder() -> Path:
    """``${XDG_CACHE_HOME:-~/.cache}/kolla-iac``, made if need be."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kolla-iac"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def one_at_a_time(what: str, say: Callable[[str], None], folder: Path | None = None) -> Iterator[None]:
    """Holds the lock ``<what>.lock``; the kernel gives it back however this process ends.

    Args:
        what: name of the lock and of what it guards, e.g. ``images``.
        say: told once when another process holds it.
        folder: where the lock's file is; the cache folder by default.
    """
    with ((folder or cache_folder()) / f"{what}.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip()
            say(
                f"waiting for another kolla-iac that works on {what}"
                + (f" (process {holder})" if holder else "")
            )
            with waiting(f"the lock of {what}", say):
                fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield
