"""Dumps a schema onto the volume of backups, proves that the dump can be read, or gives one back.

Runs as ``dump.py make``, ``list``, ``check NAME`` or ``restore NAME`` inside the image of MariaDB, whose clients it
uses. Reads /etc/kolla-iac/dump.json: ``schema``; ``required``: whether a failure ends the stage; ``trial``: whether the
dump is restored into a server of its own, in this container, and compared; ``keep``: how many dumps stay. Logs in with
/etc/kolla-iac/client.cnf.

A dump is ``SCHEMA-SERIES-TIME.sql.gz`` with a manifest beside it, ``.json``: schema, series, made, sha256, tables (name
-> rows), revisions, trial. One that was not completed has another name, and goes with the next run.
"""

import contextlib
import datetime
import gzip
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

FOLDER = pathlib.Path("/backups")
CLIENT = "/etc/kolla-iac/client.cnf"
TRIAL = pathlib.Path("/var/tmp/trial")
SPARE = 64 * 2**20
"""Bytes that must stay free on the volume."""
START_SECONDS = 60
Rows = dict[str, int]
"""Table -> rows."""
Query = list[str]
"""A client's command line, which statements are appended to."""


class Trouble(Exception):
    """There is no backup, or it cannot be given back."""


def run(command: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing was said"]
        raise Trouble(f"{pathlib.Path(command[0]).name}: {said[-1]}")
    return done


def lines(query: Query, statement: str) -> list[list[str]]:
    """What a statement answers, a list of columns for each row."""
    return [line.split("\t") for line in run([*query, "-e", statement]).stdout.splitlines()]


def name(text: str) -> str:
    """
    >>> name("keystone")
    '`keystone`'
    """
    return "`" + text.replace("`", "``") + "`"


def tables(query: Query, schema: str) -> list[str]:
    found = lines(query, f"SHOW FULL TABLES FROM {name(schema)} WHERE Table_type = 'BASE TABLE'")
    return sorted(table for table, _ in found)


def rows(query: Query, schema: str, which: list[str]) -> Rows:
    if not which:
        return {}
    each = (
        f"SELECT {number}, COUNT(*) FROM {name(schema)}.{name(table)}" for number, table in enumerate(which)
    )
    return {which[int(number)]: int(count) for number, count in lines(query, " UNION ALL ".join(each))}


def column(query: Query, schema: str, table: str, what: str, among: list[str]) -> list[str]:
    """One column of a small table; empty where the table is not."""
    if table not in among:
        return []
    return sorted(row[0] for row in lines(query, f"SELECT {what} FROM {name(schema)}.{table}"))


def differing(source: Rows, still: Rows, restored: Rows) -> list[str]:
    """Where a restored dump is not what was dumped. A table whose rows changed meanwhile may have either number.

    >>> differing({"a": 1, "b": 2}, {"a": 1, "b": 3}, {"a": 1, "b": 3})
    []
    >>> differing({"a": 1, "b": 2}, {"a": 1, "b": 2}, {"a": 0})
    ['a: 1 rows, restored 0', 'b is not there']
    """
    found = [f"{table} is not there" for table in source if table not in restored]
    for table, count in restored.items():
        low, high = sorted((source.get(table, 0), still.get(table, 0)))
        if not low <= count <= high:
            found.append(f"{table}: {low if low == high else f'{low} to {high}'} rows, restored {count}")
    return sorted(found)


@contextlib.contextmanager
def server() -> Iterator[Query]:
    """A server of this container's own, empty, that nobody reaches over a network."""
    data, socket = TRIAL / "data", TRIAL / "socket"
    shutil.rmtree(TRIAL, ignore_errors=True)
    TRIAL.mkdir(parents=True)
    shutil.chown(TRIAL, "mysql", "mysql")
    base = ["--no-defaults", "--user=mysql", f"--datadir={data}"]
    install = ["mariadb-install-db", *base, "--auth-root-authentication-method=normal", "--skip-test-db"]
    run([*install, "--skip-name-resolve"])
    quick = ["--skip-networking", "--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0", "--skip-log-bin"]
    log = (TRIAL / "log").open("w")
    process = subprocess.Popen(["mariadbd", *base, f"--socket={socket}", *quick], stdout=log, stderr=log)
    query = ["mariadb", "--no-defaults", "--user=root", f"--socket={socket}", "-N", "-B"]
    try:
        end = time.monotonic() + START_SECONDS
        while subprocess.run([*query, "-e", "SELECT 1"], capture_output=True, check=False).returncode:
            if process.poll() is not None or time.monotonic() > end:
                last = (TRIAL / "log").read_text().strip().splitlines()[-1:]
                raise Trouble(f"the server for the trial does not start: {' '.join(last)}")
            time.sleep(0.1)
        yield query
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(TRIAL, ignore_errors=True)


def load(query: Query, schema: str, dump: pathlib.Path) -> None:
    """Runs a dump's statements in a schema that is there."""
    with gzip.open(dump) as text:
        client = subprocess.Popen(
            [*query, "--max-allowed-packet=1G", schema],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert client.stdin is not None and client.stderr is not None
        with contextlib.suppress(BrokenPipeError):
            shutil.copyfileobj(text, client.stdin)
        with contextlib.suppress(BrokenPipeError):
            client.stdin.close()
        said = client.stderr.read().decode(errors="replace").strip()
        if client.wait():
            raise Trouble(f"the dump cannot be loaded: {said}")


def write(schema: str, file: pathlib.Path) -> str:
    """The dump, of one moment, without holding anybody up; its SHA-256."""
    command = [
        "mariadb-dump",
        f"--defaults-file={CLIENT}",
        "--single-transaction",
        "--quick",
        "--skip-lock-tables",
    ]
    command += [
        "--triggers",
        "--routines",
        "--events",
        "--hex-blob",
        "--default-character-set=utf8mb4",
        schema,
    ]
    last = b""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        with gzip.open(file, "wb", compresslevel=6) as packed:
            while block := process.stdout.read(2**20):
                packed.write(block)
                last = (last + block)[-200:]
        said = process.stderr.read().decode(errors="replace").strip()
        if process.wait():
            raise Trouble(f"mariadb-dump: {said}")
    if b"-- Dump completed" not in last:
        raise Trouble("mariadb-dump ended early: its last line is not that of a whole dump")
    with file.open("rb") as whole:
        return hashlib.file_digest(whole, "sha256").hexdigest()


def make(orders: dict[str, Any]) -> str:
    """A dump of the schema with its manifest; what to tell the operator."""
    schema, began = orders["schema"], time.monotonic()
    query = ["mariadb", f"--defaults-file={CLIENT}", "-N", "-B"]
    for left in FOLDER.glob("*.partial"):
        left.unlink()
    which = tables(query, schema)
    if not which:
        return f"nothing to back up: schema {schema} has no tables yet"
    size = lines(
        query,
        f"SELECT COALESCE(SUM(data_length), 0) FROM information_schema.tables WHERE table_schema = '{schema}'",
    )
    needed, free = int(size[0][0]) + SPARE, shutil.disk_usage(FOLDER).free
    if free < needed:
        raise Trouble(f"{free // 2**20} MiB are free on the volume of backups, {needed // 2**20} are needed")
    series = "".join(column(query, schema, "kolla_iac_series", "series", which)[:1])
    for phase, of in (
        lines(query, f"SELECT phase, series FROM {name(schema)}.kolla_iac_series") if series else []
    ):
        series = of if phase == "contract" else series
    now = datetime.datetime.now(datetime.UTC)
    stem = "-".join(part for part in (schema, series, f"{now:%Y%m%dT%H%M%SZ}") if part)
    partial = FOLDER / f"{stem}.sql.gz.partial"
    before = rows(query, schema, which)
    digest = write(schema, partial)
    after = rows(query, schema, which)
    told, restored = "not restored on trial", before
    if orders["trial"]:
        tried = time.monotonic()
        with server() as own:
            run([*own, "-e", f"CREATE DATABASE {name(schema)} CHARACTER SET utf8mb4"])
            load(own, schema, partial)
            restored = rows(own, schema, tables(own, schema))
            if wrong := differing(before, after, restored):
                raise Trouble(f"the dump is not what was dumped: {'; '.join(wrong[:5])}")
        told = f"restored on trial in {time.monotonic() - tried:.1f} s"
    manifest = {
        "schema": schema,
        "series": series,
        "made": now.isoformat(timespec="seconds"),
        "sha256": digest,
        "tables": restored,
        "revisions": column(query, schema, "alembic_version", "version_num", which),
        "trial": bool(orders["trial"]),
    }
    dump = FOLDER / f"{stem}.sql.gz"
    manifest_of(dump).write_text(json.dumps(manifest, indent=1))
    partial.rename(dump)
    prune(schema, orders["keep"], orders.get("spare", ""))
    kib = dump.stat().st_size // 1024
    counts = f"{len(restored)} tables, {sum(restored.values())} rows, {kib} KiB"
    return f"backup {dump.name}: {counts}, {time.monotonic() - began:.1f} s, {told}"


def manifest_of(dump: pathlib.Path) -> pathlib.Path:
    return dump.with_name(dump.name.removesuffix(".sql.gz") + ".json")


def prune(schema: str, keep: int, spare: str) -> None:
    """The oldest dumps go; ``spare`` stays whatever its age."""
    dumps = sorted(FOLDER.glob(f"{schema}-*.sql.gz"), key=lambda one: one.stat().st_mtime)
    for old in dumps[:-keep]:
        if old.name != spare:
            old.unlink()
            manifest_of(old).unlink(missing_ok=True)


def listed(orders: dict[str, Any]) -> str:
    """The dumps that are there, the newest first, a line each."""
    found = []
    for file in sorted(FOLDER.glob(f"{orders['schema']}-*.sql.gz"), key=lambda one: -one.stat().st_mtime):
        said = json.loads(manifest_of(file).read_text())
        rows_in, kib = sum(said["tables"].values()), file.stat().st_size // 1024
        tried = "restored on trial" if said["trial"] else "not tried"
        found.append(f"{file.name}  of {said['made']}, {rows_in} rows, {kib} KiB, {tried}")
    return "\nnote: ".join(found or ["no backup is there"])


def checked(schema: str, dump: str) -> dict[str, Any]:
    """The manifest of a dump that is whole."""
    file = FOLDER / dump
    if not file.is_file() or not manifest_of(file).is_file():
        there = ", ".join(sorted(one.name for one in FOLDER.glob(f"{schema}-*.sql.gz"))) or "none"
        raise Trouble(f"no backup {dump} on the volume; there: {there}")
    manifest: dict[str, Any] = json.loads(manifest_of(file).read_text())
    with file.open("rb") as whole:
        if hashlib.file_digest(whole, "sha256").hexdigest() != manifest["sha256"]:
            raise Trouble(f"{dump} is damaged: its SHA-256 is not that of its manifest")
    return manifest


def restore(orders: dict[str, Any], dump: str) -> str:
    """Puts a dump in the place of what the schema holds, of which a dump is made before; what to tell the operator."""
    schema, file = orders["schema"], FOLDER / dump
    manifest = checked(schema, dump)
    said = make({**orders, "spare": dump})
    query = ["mariadb", f"--defaults-file={CLIENT}", "-N", "-B"]
    again = f"DROP DATABASE {name(schema)}; CREATE DATABASE {name(schema)} CHARACTER SET utf8mb4"
    run([*query, "-e", f"{again} COLLATE utf8mb4_general_ci"])
    load(query, schema, file)
    restored = rows(query, schema, tables(query, schema))
    if wrong := differing(manifest["tables"], manifest["tables"], restored):
        raise Trouble(f"{dump} is loaded and not what was dumped: {'; '.join(wrong[:5])}; before it: {said}")
    return f"{dump} is given back: {len(restored)} tables, {sum(restored.values())} rows; before that: {said}"


def done(phase: str, orders: dict[str, Any], *words: str) -> str:
    match phase:
        case "make":
            return make(orders)
        case "list":
            return listed(orders)
        case "check":
            return f"{words[0]} is whole, of {checked(orders['schema'], words[0])['made']}"
        case "restore":
            return restore(orders, words[0])
    raise Trouble(f"no phase {phase}")


def main(phase: str, *words: str) -> None:
    orders = json.loads(pathlib.Path("/etc/kolla-iac/dump.json").read_text())
    try:
        print(f"note: {done(phase, orders, *words)}")
    except (Trouble, OSError) as error:
        if phase != "make" or orders["required"]:
            sys.exit(f"no backup, so nothing goes on: {error}" if phase == "make" else str(error))
        print(
            f"note: NO BACKUP WAS MADE ({error}); the upgrade goes on, since backup.before_upgrade is optional"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
