"""Backs the database server up into a restic repository, and proves that a backup can be restored.

Runs as ``python3 -m backup PHASE`` in MariaDB's image, which has mariadb-backup and restic:

create              a backup of the running server and ``logs``, or of the schemas in the orders; then what the policy
                    does not keep goes
logs                the server's binary logs up to now
list                the backups, as one line of JSON
verify NAME         restores a backup into a server of this container's own and compares; NAME may be ``newest``
restore-into NAME [MOMENT]
                    the same data directory, prepared and owned by mysql, into /restored, which must be empty or hold
                    what a run that was cut off has left; with what was committed since and before the moment, if one
                    is given, from the binary logs
cloud-into NAME     settings, secrets and state, as files, into /restored
show NAME [MOMENT]  what a backup is of, as one line of JSON; whether the moment can be reached from it
room                whether ``swap`` has the room that it needs
swap                what is in /restored takes the place of the server's data, which is in /kept from then on; the
                    server must not run. Cut off, it goes on when it runs again
restore NAME        a backup of schemas in the place of what they hold
stream              of ``create``: dumps of the schemas, on standard output
unlock              the repository's locks go, whoever holds them
serve EVERY VERIFY LOGS
                    these by the clock, until it is ended: see ``schedule``

Reads /etc/kolla-iac/backup.json: ``environment``, ``release``, ``repository`` as restic takes it, ``options`` as its
``-o`` takes them, ``keep`` (last, daily, weekly, monthly), ``volumes``: for ``room`` and ``swap``, names of the three
in /volumes, or none; ``schemas``: those of a server of somebody else's, or none where the whole server is backed up.
Logs in with /etc/kolla-iac/client.cnf, or as a schema's user with /etc/kolla-iac/SCHEMA.cnf; opens the repository with
/etc/kolla-iac/repository.password. What lies in /etc/kolla-iac/cloud goes into each backup.

A backup is two snapshots of one name: ``data``, the stream of mariadb-backup or dumps, and then ``manifest``, with
manifest.json and what came from /etc/kolla-iac/cloud. One without a manifest was cut off and counts for nothing.
A moment is written as in a backup's name, 20261126T101500Z. How binary logs are kept: ``logs.py``.
"""

import concurrent.futures
import contextlib
import datetime
import json
import pathlib
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from . import cloud, logs, schemas
from .making import Backup, alone, opened, told
from .repository import Snapshot, chosen, every, kind, policy, restic, tagged, tidy, verified_last
from .restoring import cloud_into, restore_into, room, show, swap
from .schedule import serve
from .tables import LOGINS, between, differing, revisions, survey
from .throwaway import STREAM, server, unpack
from .tools import CLIENT, DATA, FORM, HERE, QUERY, WORK, Orders, Trouble, lines, run, series, version


def create(orders: Orders) -> Iterator[str]:
    if orders["schemas"]:
        yield from schemas.create(orders)
        return
    began = time.monotonic()
    with alone(QUERY):
        yield from opened(orders)
        backup = Backup(orders, "mariadb")
        with concurrent.futures.ThreadPoolExecutor() as beside:
            surveyed = beside.submit(survey, QUERY)
            line = ["mariadb-backup", f"--defaults-file={CLIENT}", "--backup", "--stream=mbstream"]
            line += [f"--datadir={DATA}", f"--target-dir={WORK / 'stream'}"]
            streamed = backup.stream(STREAM, line)
            whole = f"{datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1):{FORM}}"
            before, moment = surveyed.result()
        after, later = survey(QUERY)
        tables = between(before, after if later != moment else before)
        found = every(orders)
        gtid = re.search(r"GTID of the last change '([^']*)'", streamed.said)
        position = re.search(r"binlog position: filename '([^']*)', position '(\d+)'", streamed.said)
        on, up_to = followed(orders, found) if position else ("", "the server writes no binary logs")
        manifest = {
            "server": series(lines(QUERY, "SELECT VERSION()")[0][0]),
            "tools": {"mariadb-backup": version(), "restic": series(restic(orders, "version"))},
            "gtid": gtid[1] if gtid else "",
            "log": {"line": on, "file": position[1], "position": int(position[2])} if position else None,
            "revisions": revisions(QUERY, tables),
            "tables": tables,
        }
        sealed = backup.seal(streamed, found, manifest, [f"whole:{whole}", *([f"line:{on}"] if on else [])])
        yield f"{told(sealed)}, {time.monotonic() - began:.1f} s"
        yield up_to if on else f"no point in time after this backup can be restored: {up_to}"
        yield tidy(orders, logs.superfluous)


def followed(orders: Orders, found: list[Snapshot]) -> tuple[str, str]:
    """``logs.store``, which never fails a backup."""
    try:
        return logs.store(orders, found)
    except Trouble as error:
        return "", str(error)


def store_logs(orders: Orders) -> Iterator[str]:
    with alone(QUERY):
        yield logs.store(orders, every(orders))[1]


def listed(orders: Orders) -> Iterator[str]:
    found = every(orders)
    manifests, data = kind(found, "manifest"), kind(found, "data")
    options = policy(orders, verified_last(manifests))
    told = json.loads(restic(orders, "forget", "--dry-run", "--no-lock", "--json", *options) or "[]")
    why = {one["snapshot"]["id"]: one["matches"] for group in told or () for one in group["reasons"] or ()}
    stored = {tagged(one, "backup"): one.get("summary") or {} for one in data}
    rows = [
        {
            "backup": (name := tagged(one, "backup")),
            "made": one["time"],
            "release": tagged(one, "release"),
            "verified": tagged(one, "verified"),
            "bytes": stored[name].get("total_bytes_processed", 0),
            "added": stored[name].get("data_added_packed", 0),
            "kept_as": [kept_as(match) for match in why.get(one["id"], ())],
        }
        for one in manifests
        if tagged(one, "backup") in stored
    ]
    yield json.dumps({"backups": rows, "cut_off": len(data) - len(rows), "moments": logs.ranges(found)})


def kept_as(match: str) -> str:
    """
    >>> kept_as("daily snapshot"), kept_as("has tags [verified:20261126T010203Z]")
    ('daily', 'verified')
    """
    return "verified" if "verified:" in match else match.removesuffix(" snapshot")


def verify(orders: Orders, name: str) -> Iterator[str]:
    began = time.monotonic()
    snapshot, manifest = chosen(orders, name, every(orders))
    data = WORK / "data"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    logical = bool(manifest.get("kind"))
    try:
        with (
            schemas.restored(orders, manifest, data) if logical else unpacked(orders, manifest, data) as query
        ):
            check = [
                "mariadb-check",
                "--no-defaults",
                f"--socket={data / 'socket'}",
                "--all-databases",
                "--check",
            ]
            checked = run(check).stdout
            bad = [line for line in checked.splitlines() if re.match(r"(error|warning)\s*:", line, re.I)]
            if bad:
                raise Trouble(f"mariadb-check finds in {manifest['backup']}: {'; '.join(bad[:3])}")
            found, _ = survey(query, snapshot=False, more=() if logical else LOGINS)
            keys = cloud.opened(query, found, cloud.secrets(orders, snapshot))
        if wrong := differing(manifest["tables"], found):
            raise Trouble(f"{manifest['backup']} is not what was backed up: {'; '.join(wrong[:5])}")
    finally:
        shutil.rmtree(data, ignore_errors=True)
    now = f"{datetime.datetime.now(datetime.UTC):{FORM}}"
    words = ["--add", f"verified:{now}"]
    if before := tagged(snapshot, "verified"):
        words += ["--remove", f"verified:{before}"]
    restic(orders, "tag", *words, snapshot["id"])
    rows = sum(table["rows"] for table in found.values())
    yield (
        f"{manifest['backup']} is verified: restored, checked and compared, {len(found)} tables, {rows} rows"
        f"{keys}, {time.monotonic() - began:.1f} s"
    )


@contextlib.contextmanager
def unpacked(orders: Orders, manifest: dict[str, Any], data: pathlib.Path) -> Iterator[list[str]]:
    """A server of this container's own on a backup's data directory."""
    unpack(orders, manifest, data)
    with server(data) as query:
        yield query


def unlock(orders: Orders) -> Iterator[str]:
    restic(orders, "unlock", "--remove-all")
    yield "no lock is left in the repository"


PHASES: dict[str, Callable[..., Iterator[str]]] = {
    "create": create,
    "stream": schemas.stream,
    "restore": schemas.restore,
    "logs": store_logs,
    "list": listed,
    "verify": verify,
    "restore-into": restore_into,
    "cloud-into": cloud_into,
    "show": show,
    "room": room,
    "swap": swap,
    "unlock": unlock,
    "serve": serve,
}


def main(phase: str, *words: str) -> None:
    orders = json.loads((HERE / "backup.json").read_text())
    try:
        for told in PHASES[phase](orders, *words):
            print(f"note: {told}", flush=True)
    except (Trouble, OSError, ValueError, KeyError) as error:
        sys.exit(str(error) if isinstance(error, Trouble) else f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
