"""What is built is kept outside the checkout, by the hash of all that goes in; a second checkout finds it.

A thing is built under a temporary name and renamed when it is whole, so what is there is whole.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .report import Report


def cache_root() -> Path:
    """``$XDG_CACHE_HOME/kolla-iac``, by default ``~/.cache/kolla-iac``."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "kolla-iac"


def key(parts: Iterable[str | bytes | Path]) -> str:
    """16 hex digits over ``parts``; of a Path its name and content, of a folder all source files in it."""
    digest = hashlib.sha256()
    for part in parts:
        for piece in _pieces(part):
            digest.update(len(piece).to_bytes(8, "big") + piece)
    return digest.hexdigest()[:16]


def _pieces(part: str | bytes | Path) -> Iterator[bytes]:
    if isinstance(part, Path):
        files = sorted(part.rglob("*")) if part.is_dir() else [part]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                yield file.relative_to(part.parent).as_posix().encode()
                yield file.read_bytes()
    else:
        yield part if isinstance(part, bytes) else part.encode()


def kept(kind: str, name: str, build: Callable[[Path], None]) -> tuple[Path, bool]:
    """The folder ``kind/name`` of the cache, built by ``build(folder)`` where it is not there yet.

    To be called by one process at a time (``only_one``): what a set-up that was cut off left is removed.

    Returns:
        The folder, and whether it was there already.
    """
    final = cache_root() / kind / name
    if final.is_dir():
        return final, True
    final.parent.mkdir(parents=True, exist_ok=True)
    for leftover in final.parent.glob(f".{name}.*"):
        shutil.rmtree(leftover, ignore_errors=True)
    new = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=final.parent))
    try:
        new.chmod(0o755)
        build(new)
        new.rename(final)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    return final, False


@contextmanager
def only_one(path: Path, report: Report) -> Iterator[None]:
    """Hold the lock ``path`` meanwhile; say so where another set-up holds it, and wait for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            report.say(
                f"another set-up is running (process {handle.read().strip() or 'unknown'}); waiting for it"
            )
            fcntl.flock(handle, fcntl.LOCK_EX)
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        yield
