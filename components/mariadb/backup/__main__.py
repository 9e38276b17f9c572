"""Backs the database server up into a restic repository, and proves that a backup can be restored.

Runs as ``python3 -m backup PHASE`` in MariaDB's image, which has mariadb-backup and restic:

create              a backup of the running server and ``logs``, then what the policy does not keep goes
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
unlock              the repository's locks go, whoever holds them
serve EVERY VERIFY LOGS
                    these by the clock, until it is ended: see ``schedule``

Reads /etc/kolla-iac/backup.json: ``environment``, ``release``, ``repository`` as restic takes it, ``options`` as its
``-o`` takes them, ``keep`` (last, daily, weekly, monthly), ``volumes``: for ``room`` and ``swap``, names of the three
in /volumes, or none. Logs in with /etc/kolla-iac/client.cnf, opens the repository with
/etc/kolla-iac/repository.password. What lies in /etc/kolla-iac/cloud goes into each backup.

A backup is two snapshots of one name: ``data``, the stream of mariadb-backup, and then ``manifest``, with
manifest.json and what came from /etc/kolla-iac/cloud. One without a manifest was cut off and counts for nothing.
A moment is written as in a backup's name, 20261126T101500Z. How binary logs are kept: ``logs.py``.
"""

import concurrent.futures
import contextlib
import datetime
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from . import cloud, logs
from .repository import (
    NO_REPOSITORY,
    Snapshot,
    attempt,
    chosen,
    every,
    kind,
    policy,
    reason,
    restic,
    tagged,
    tidy,
    verified_last,
)
from .restoring import cloud_into, restore_into, room, show, swap
from .schedule import serve
from .tables import between, differing, revisions, survey
from .throwaway import STREAM, server, unpack
from .tools import CLIENT, DATA, FORM, HERE, QUERY, WORK, Orders, Trouble, last, lines, run, series, version


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """The only backup of this server: a lock in the server, which goes with its holder."""
    line = [*QUERY, "--unbuffered"]
    with subprocess.Popen(
        line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as client:
        assert client.stdin and client.stdout and client.stderr
        try:
            with contextlib.suppress(BrokenPipeError):
                client.stdin.write("SELECT GET_LOCK('kolla-iac backup', 0);\n")
                client.stdin.flush()
            answer = client.stdout.readline().strip()
            if answer == "0":
                raise Trouble("another backup of this server is being made; nothing was touched")
            if answer != "1":
                raise Trouble(f"the server is not reached: {last(client.stderr.read())}")
            yield
        finally:
            client.kill()


def create(orders: Orders) -> Iterator[str]:
    began = time.monotonic()
    with alone():
        opened = attempt(orders, "unlock")  # of locks, those whose holder is gone
        if opened.returncode == NO_REPOSITORY:
            restic(orders, "init")
            yield "a new repository of backups was made"
        elif opened.returncode:
            raise Trouble(reason(opened.returncode, opened.stderr))
        now = datetime.datetime.now(datetime.UTC)
        name = f"mariadb-{now:{FORM}}"
        common = ["--json", "--host", orders["environment"], "--tag", f"backup:{name}"]
        with concurrent.futures.ThreadPoolExecutor() as beside:
            surveyed = beside.submit(survey, QUERY)
            line = ["mariadb-backup", f"--defaults-file={CLIENT}", "--backup", "--stream=mbstream"]
            line += [f"--datadir={DATA}", f"--target-dir={WORK / 'stream'}"]
            stream = [
                "backup",
                *common,
                "--tag",
                "data",
                "--stdin-filename",
                STREAM,
                "--stdin-from-command",
                "--",
            ]
            done = attempt(orders, *stream, *line)
            if done.returncode:
                raise Trouble(f"no backup was made: {reason(done.returncode, done.stderr)}")
            whole = f"{datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1):{FORM}}"
            before, moment = surveyed.result()
        after, later = survey(QUERY)
        tables = between(before, after if later != moment else before)
        summary = json.loads(done.stdout.splitlines()[-1])
        found = every(orders)
        (stored,) = (one for one in found if one["id"] == summary["snapshot_id"])
        gtid = re.search(r"GTID of the last change '([^']*)'", done.stderr)
        position = re.search(r"binlog position: filename '([^']*)', position '(\d+)'", done.stderr)
        on, up_to = followed(orders, found) if position else ("", "the server writes no binary logs")
        manifest = {
            "backup": name,
            "environment": orders["environment"],
            "release": orders["release"],
            "made": now.isoformat(timespec="seconds"),
            "server": series(lines(QUERY, "SELECT VERSION()")[0][0]),
            "tools": {"mariadb-backup": version(), "restic": series(restic(orders, "version"))},
            "gtid": gtid[1] if gtid else "",
            "log": {"line": on, "file": position[1], "position": int(position[2])} if position else None,
            "revisions": revisions(QUERY, tables),
            "bytes": summary["total_bytes_processed"],
            "added": summary["data_added_packed"],
            "data": {"snapshot": stored["id"], "tree": stored["tree"]},
            "tables": tables,
        }
        folder = WORK / "manifest"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        if (HERE / "cloud").is_dir():
            shutil.copytree(HERE / "cloud", folder, dirs_exist_ok=True)
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))
        tags = f"manifest,release:{orders['release']},whole:{whole}" + (f",line:{on}" if on else "")
        restic(orders, "backup", *common, "--tag", tags, str(folder))
        rows = sum(table["rows"][1] for table in tables.values())
        size = f"{manifest['bytes'] / 1e6:.1f} MB, {manifest['added'] / 1e6:.1f} MB of it new"
        yield f"backup {name}: {len(tables)} tables, {rows} rows, {size}, {time.monotonic() - began:.1f} s"
        yield up_to if on else f"no point in time after this backup can be restored: {up_to}"
        yield tidy(orders, logs.superfluous)


def followed(orders: Orders, found: list[Snapshot]) -> tuple[str, str]:
    """``logs.store``, which never fails a backup."""
    try:
        return logs.store(orders, found)
    except Trouble as error:
        return "", str(error)


def store_logs(orders: Orders) -> Iterator[str]:
    with alone():
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
    try:
        unpack(orders, manifest, data)
        with server(data) as query:
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
            found, _ = survey(query, snapshot=False)
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


def unlock(orders: Orders) -> Iterator[str]:
    restic(orders, "unlock", "--remove-all")
    yield "no lock is left in the repository"


PHASES: dict[str, Callable[..., Iterator[str]]] = {
    "create": create,
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
