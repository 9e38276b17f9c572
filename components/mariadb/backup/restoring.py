"""A backup on its way back: shown, restored beside what runs, put into its place."""

import json
import os
import pathlib
import shutil
from collections.abc import Iterator

from . import cloud, logs, schemas
from .repository import chosen, every, tagged
from .throwaway import SPARE, unpack
from .tools import DATA, KEPT, RESTORED, VOLUMES, Orders, Trouble, run

WHOLE = ".kolla-iac-whole"
"""In /kept when all of the server's data is there."""
PARTIAL = ".kolla-iac-restoring"
"""In /restored until all of the data is there."""


def show(orders: Orders, name: str, until: str = "") -> Iterator[str]:
    found = every(orders)
    snapshot, manifest = chosen(orders, logs.backup_before(found, name, until) if until else name, found)
    if until:
        logs.needed(found, manifest)
    rows = sum(table["rows"][1] for table in manifest["tables"].values())
    about = {key: manifest[key] for key in ("backup", "made", "release", "server", "bytes", "gtid")}
    kind = manifest.get("kind", "")
    yield json.dumps({**about, "kind": kind, "rows": rows, "verified": tagged(snapshot, "verified")})


def restore_into(orders: Orders, name: str, until: str = "") -> Iterator[str]:
    if (RESTORED / PARTIAL).exists():
        empty(RESTORED)
    if any(RESTORED.iterdir()):
        raise Trouble("the place to restore into is not empty; nothing was touched")
    found = every(orders)
    _, manifest = chosen(orders, logs.backup_before(found, name, until) if until else name, found)
    if manifest.get("kind"):
        yield from schemas.into(orders, manifest)
        return
    since = logs.needed(found, manifest) if until else []
    (RESTORED / PARTIAL).touch()
    try:
        unpack(orders, manifest, RESTORED)
        if until:
            count = logs.replay(orders, manifest, since, until, RESTORED)
            yield f"{count} binary logs since {manifest['backup']} are replayed up to {logs.told(until)}"
    except (Trouble, OSError):
        empty(RESTORED)
        raise
    (RESTORED / PARTIAL).unlink()
    yield f"{manifest['backup']} is restored: start MariaDB {manifest['server']} on it"


def cloud_into(orders: Orders, name: str) -> Iterator[str]:
    names = cloud.taken_out(orders, chosen(orders, name, every(orders))[0], RESTORED)
    yield ", ".join(names) or "none"


def size(folder: pathlib.Path) -> int:
    """Bytes that a folder takes."""
    return int(run(["du", "-s", "-B1", str(folder)]).stdout.split()[0])


def places(orders: Orders) -> tuple[pathlib.Path, pathlib.Path, pathlib.Path]:
    """The server's data, what is restored, and what is kept; side by side in /volumes where they are so on the host."""
    if not orders["volumes"]:
        return pathlib.Path(DATA), RESTORED, KEPT
    data, restored, kept = (VOLUMES / name / "_data" for name in orders["volumes"])
    return data, restored, kept


def moved(source: pathlib.Path, to: pathlib.Path) -> None:
    """All that is in a folder goes into another one of the same filesystem; a run that was cut off is gone on with."""
    owner = source.stat()
    os.chown(to, owner.st_uid, owner.st_gid)
    for one in source.iterdir():
        one.rename(to / one.name)


def copied(source: pathlib.Path, to: pathlib.Path) -> None:
    empty(to)
    run(["cp", "-a", f"{source}/.", str(to)])


def room(orders: Orders) -> Iterator[str]:
    data, restored, _ = places(orders)
    if orders["volumes"]:
        yield "what is kept is renamed, and needs no room"
        return
    needed = max(size(data), size(restored)) + SPARE
    free = shutil.disk_usage(restored).free
    if free < needed:
        told = f"{free / 1e6:.0f} MB are free, {needed / 1e6:.0f} are needed"
        raise Trouble(f"there is no room to keep what is replaced: {told}; nothing was touched")
    yield f"{free / 1e6:.0f} MB are free, {needed / 1e6:.0f} are needed"


def swap(orders: Orders) -> Iterator[str]:
    data, restored, kept = places(orders)
    put = moved if orders["volumes"] else copied
    if not (kept / WHOLE).exists():
        put(data, kept)
        run(["sync"])
        (kept / WHOLE).touch()
    put(restored, data)
    run(["sync"])
    yield f"{size(data) / 1e6:.1f} MB are in the place of {size(kept) / 1e6:.1f} MB, which are kept"


def empty(folder: pathlib.Path) -> None:
    run(["find", str(folder), "-mindepth", "1", "-delete"])
