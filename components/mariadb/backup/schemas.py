"""Backups of schemas on a server of somebody else's, with the schemas' own users: dumps, each of one moment.

All of them are one stream, in which a line says whose each part is. There are no binary logs, and no users: those are
the server's owner's.
"""

import concurrent.futures
import contextlib
import datetime
import pathlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from .making import Backup, alone, opened, told
from .repository import chosen, command, environment, every, reason, restic, tidy
from .tables import Table, between, differing, revisions, survey
from .throwaway import server
from .tools import FORM, HERE, RESTORED, WORK, Orders, Trouble, last, lines, quoted, run, series, version

KIND, FILE = "schemas", "schemas.sql"
MARK = b"-- kolla-iac schema: "
AUTHOR = re.compile(rb"^(/\*!50003 CREATE\*/ )/\*!50017 DEFINER=`[^`]*`@`[^`]*`\*/ ?")
"""Of a trigger in a dump: who wrote it, such as a user of an earlier password. Only an administrator may name one."""
DUMP = ["--single-transaction", "--quick", "--skip-lock-tables", "--skip-dump-date", "--order-by-primary"]
DUMP += ["--triggers", "--routines", "--events", "--hex-blob", "--default-character-set=utf8mb4"]


def login(schema: str) -> str:
    return f"--defaults-file={HERE}/{schema}.cnf"


def query(schema: str) -> list[str]:
    """A client that is logged in as the schema's user."""
    return ["mariadb", login(schema), "-N", "-B"]


def looked(orders: Orders) -> tuple[dict[str, Table], str]:
    """Rows and checksums of all schemas' tables, and the moment of each."""
    tables, moments = dict[str, Table](), list[str]()
    for schema in orders["schemas"]:
        found, moment = survey(query(schema), more=())
        tables |= {name: one for name, one in found.items() if name.startswith(f"{schema}.")}
        moments.append(moment)
    return tables, " ".join(moments)


def create(orders: Orders) -> Iterator[str]:
    began = time.monotonic()
    first, *_ = clients = [query(schema) for schema in orders["schemas"]]
    for client in clients:
        lines(client, "SELECT 1")  # said in the server's own words
    with alone(first):
        yield from opened(orders)
        backup = Backup(orders, KIND)
        with concurrent.futures.ThreadPoolExecutor() as beside:
            surveyed = beside.submit(looked, orders)
            streamed = backup.stream(FILE, [sys.executable, "-m", "backup", "stream"])
            before, moment = surveyed.result()
        after, later = looked(orders)
        tables = between(before, before if moment and later == moment else after)
        made_by = series(lines(first, "SELECT VERSION()")[0][0])
        if made_by != version():  # another version may compute them otherwise
            tables = {name: {**table, "checksum": None} for name, table in tables.items()}
        whole = f"{datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1):{FORM}}"
        manifest = {
            "kind": KIND,
            "server": made_by,
            "tools": {"mariadb-dump": version(), "restic": series(restic(orders, "version"))},
            "gtid": "",
            "log": None,
            "revisions": {
                one: found
                for schema in orders["schemas"]
                for one, found in revisions(query(schema), among(tables, schema)).items()
            },
            "tables": tables,
        }
        sealed = backup.seal(streamed, every(orders), manifest, [f"whole:{whole}"])
        yield f"{told(sealed)}, {time.monotonic() - began:.1f} s"
        yield "of a server of somebody else's: schemas alone, no users, no moments between backups"
        yield tidy(orders, lambda *_: ([], []))


def among(tables: dict[str, Any], schema: str) -> list[str]:
    return [name for name in tables if name.startswith(f"{schema}.")]


def stream(orders: Orders) -> Iterator[str]:
    """The dumps, on standard output.

    Raises:
        Trouble: one of them is not whole.
    """
    for schema in orders["schemas"]:
        sys.stdout.buffer.write(MARK + schema.encode() + b"\n")
        sys.stdout.flush()
        end = b""
        with subprocess.Popen(["mariadb-dump", login(schema), *DUMP, schema], stdout=subprocess.PIPE) as dump:
            assert dump.stdout is not None
            while block := dump.stdout.read(2**20):
                sys.stdout.buffer.write(block)
                end = (end + block)[-200:]
        sys.stdout.flush()
        if dump.returncode or b"-- Dump completed" not in end:
            raise Trouble(f"schema {schema} was not dumped")
    yield from ()


@contextlib.contextmanager
def restored(orders: Orders, manifest: dict[str, Any], data: pathlib.Path) -> Iterator[list[str]]:
    """A server of this container's own, on an empty folder, with a backup's schemas."""
    run(["mariadb-install-db", "--no-defaults", "--user=mysql", f"--datadir={data}", "--skip-test-db"])
    (data / "backup-my.cnf").write_text("[mysqld]\n")
    with server(data) as own:

        def client(schema: str) -> list[str]:
            run([*own, "-e", f"CREATE DATABASE {quoted(schema)} CHARACTER SET utf8mb4"])
            return own

        load(orders, manifest, client)
        yield own


def load(orders: Orders, manifest: dict[str, Any], client: Any) -> None:
    """Runs a backup's statements.

    Args:
        client: a schema -> the command line of who loads it; called when its part comes.
    """
    line = command(orders, "dump", manifest["data"]["snapshot"], f"/{FILE}")
    with (WORK / "said").open("w+") as said:
        source = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=said, env=environment(orders))
        assert source.stdout is not None
        loading: subprocess.Popen[bytes] | None = None
        try:
            for text in source.stdout:
                if text.startswith(MARK):
                    ended(loading)
                    schema = text.removeprefix(MARK).decode().strip()
                    loading = subprocess.Popen(
                        [*client(schema), "--max-allowed-packet=1G", schema],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.PIPE,
                    )
                elif loading and loading.stdin:
                    loading.stdin.write(AUTHOR.sub(rb"\1", text))
            ended(loading)
        except BrokenPipeError:
            ended(loading)
        finally:
            source.stdout.close()
            code = source.wait()
        said.seek(0)
        if code:
            raise Trouble(f"{manifest['backup']} is damaged in the repository: {reason(code, said.read())}")


def ended(loading: subprocess.Popen[bytes] | None) -> None:
    """
    Raises:
        Trouble: a schema could not be loaded.
    """
    if loading is None:
        return
    _, said = loading.communicate()
    if loading.returncode:
        raise Trouble(f"the dump cannot be loaded: {last(said.decode(errors='replace'))}")


def restore(orders: Orders, name: str) -> Iterator[str]:
    """A backup in the place of what the schemas hold; users and grants stay."""
    _, manifest = chosen(orders, name, every(orders))
    if manifest.get("kind") != KIND:
        raise Trouble(f"{manifest['backup']} is of a whole server: a data directory, which nobody can load")

    def client(schema: str) -> list[str]:
        again = f"DROP DATABASE IF EXISTS {quoted(schema)}; CREATE DATABASE {quoted(schema)} CHARACTER SET utf8mb4"
        run([*query(schema), "-e", f"{again} COLLATE utf8mb4_general_ci"])
        return query(schema)

    load(orders, manifest, client)
    found, _ = looked(orders)
    if wrong := differing(manifest["tables"], found):
        raise Trouble(f"{manifest['backup']} is loaded and not what was backed up: {'; '.join(wrong[:5])}")
    rows = sum(table["rows"] for table in found.values())
    yield f"{manifest['backup']} is given back: {len(found)} tables, {rows} rows"


def into(orders: Orders, manifest: dict[str, Any]) -> Iterator[str]:
    """A backup's statements, as a file for a look."""
    restic(orders, "restore", manifest["data"]["snapshot"], "--target", str(RESTORED), "--no-lock")
    yield f"{manifest['backup']} is restored: {FILE}, which the client mariadb reads"
