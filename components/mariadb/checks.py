"""What `kolla-iac doctor` asks the database server. Its own socket needs no password."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from kolla_iac.components.mariadb.settings import MariaDBSettings
from kolla_iac.runtime.checks import CannotLook, Check, Fact, Finding, Look, Said
from kolla_iac.runtime.containers import Found, tidy
from kolla_iac.runtime.execute import run
from kolla_iac.runtime.status import moment

SECONDS = 30.0
SERVICE = "mariadb"
SYSTEM = "('information_schema', 'performance_schema', 'mysql', 'sys')"
READY = "ready for connections"
RECOVERY = "Starting crash recovery"
KEPT_SECONDS = 604800
"""For how long binary logs are kept. Source: binlog_expire_logs_seconds in templates/galera.cnf.j2."""


def ask(found: Found, sql: str) -> list[list[str]]:
    """Rows of a query.

    Raises:
        CannotLook: the server does not answer it.
    """
    said = run(found, ["mariadb", "--protocol=socket", "-N", "-B"], stdin=sql, user="root", timeout=SECONDS)
    if said.exit_code != 0:
        raise CannotLook(f"{found.name} does not answer", {"saw": " ".join(tidy(said.errors, 2))})
    return [line.split("\t") for line in said.output.splitlines()]


def typed(look: Look, found: Found, sql: str) -> str:
    """The command that has a statement carried out."""
    return f'{look.inside(found)} mariadb --protocol=socket -e "{sql}"'


class Server(Check):
    """Whether it takes connections and changes."""

    name = "database"
    title = "the database takes connections and changes"

    def run(self, look: Look) -> Iterator[Said]:
        for one in look.running(SERVICE):
            where = f"{one.name} on {one.host}"
            sql = "SELECT @@version, @@read_only, @@max_connections; SHOW GLOBAL STATUS LIKE 'Threads_connected'"
            (version, read_only, most), (_, used) = ask(one, sql)
            yield Fact(f"{one.name}: {version}, {used} of {most} connections in use")
            if read_only not in ("0", "OFF"):
                mend = typed(look, one, "SET GLOBAL read_only = OFF")
                yield Finding("error", where, "is read-only: every change fails", mend)
            if int(used) > int(most) * look.bounds.connections:
                wanted = look.settings.service(SERVICE, MariaDBSettings).max_connections
                saw = f"{used} of {most} connections are in use; further ones are refused"
                mend = typed(look, one, f"SET GLOBAL max_connections = {wanted}")
                if int(most) >= wanted:
                    mend = look.set(f"a higher services.{SERVICE}.max_connections")
                yield Finding("error", where, saw, mend)


class CharacterSet(Check):
    """Whether every text can be stored. Keystone's own migrations make its schema utf8mb3, which is Unicode too."""

    name = "charset"
    title = "schemas and tables are in Unicode"

    def run(self, look: Look) -> Iterator[Said]:
        for one in look.running(SERVICE):
            where = f"{one.name} on {one.host}"
            (server,), *schemas = ask(
                one,
                "SELECT @@character_set_server; SELECT schema_name, default_character_set_name "
                f"FROM information_schema.schemata WHERE schema_name NOT IN {SYSTEM}",
            )
            tables = ask(
                one,
                "SELECT t.table_schema, t.table_name, c.character_set_name FROM information_schema.tables t "
                "JOIN information_schema.collation_character_set_applicability c "
                "ON c.full_collation_name = t.table_collation "
                f"WHERE t.table_type = 'BASE TABLE' AND t.table_schema NOT IN {SYSTEM}",
            )
            names = ", ".join(name for name, _ in schemas) or "no schema"
            yield Fact(f"{one.name}: {len(tables)} tables in {names}; new ones are {server}")
            to = "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
            if server != "utf8mb4":
                mend = typed(look, one, "SET GLOBAL character_set_server = utf8mb4")
                yield Finding("warning", where, f"new schemas would be {server}", mend)
            for schema, charset in schemas:
                if not unicode(charset):
                    mend = typed(look, one, f"ALTER DATABASE {schema} {to}")
                    yield Finding("warning", where, f"schema {schema} is {charset}", mend)
            for schema, table, charset in tables:
                if not unicode(charset):
                    mend = typed(look, one, f"ALTER TABLE {schema}.{table} CONVERT TO {to}")
                    yield Finding("warning", where, f"table {schema}.{table} is {charset}", mend)


def unicode(charset: str) -> bool:
    """Whether a character set holds every language's letters.

    >>> unicode("utf8mb4"), unicode("utf8mb3"), unicode("latin1")
    (True, True, False)
    """
    return charset.startswith("utf8")


class BinaryLog(Check):
    """Whether changes are logged, and for how long."""

    name = "binlog"
    title = "changes are logged, and old logs go"

    def run(self, look: Look) -> Iterator[Said]:
        for one in look.running(SERVICE):
            where = f"{one.name} on {one.host}"
            ((on, kept),) = ask(one, "SELECT @@log_bin, @@binlog_expire_logs_seconds")
            if on != "1":
                saw = "logs no changes: nothing can be restored to a moment"
                mend = look.set(f"services.{SERVICE}.overrides without an option that turns log_bin off")
                yield Finding("warning", where, saw, mend)
                continue
            logs = ask(one, "SHOW BINARY LOGS")
            size = sum(int(row[1]) for row in logs) / 1e9
            yield Fact(
                f"{one.name}: files {len(logs)}, {size:.2f} GB, kept for {int(float(kept)) // 86400} d"
            )
            if float(kept) == 0:
                mend = typed(look, one, f"SET GLOBAL binlog_expire_logs_seconds = {KEPT_SECONDS}")
                yield Finding("warning", where, "keeps binary logs for ever: the disk fills", mend)
            if size > look.bounds.binlog_gb:
                mend = typed(look, one, "PURGE BINARY LOGS BEFORE NOW() - INTERVAL 1 DAY")
                yield Finding("warning", where, f"binary logs take {size:.1f} GB", mend)


class SlowStart(Check):
    """How long its latest start took: for so long an outage lasts when it is replaced or its host reboots.

    Measured in its log, from the container's start to "ready for connections". A recovery after a crash is told and
    is no finding: it is what a database does.
    """

    name = "start"
    title = "the database's latest start was quick"

    def run(self, look: Look) -> Iterator[Said]:
        for one in look.running(SERVICE):
            began = moment(one.container.attrs["State"]["StartedAt"])
            if began is None:
                raise CannotLook(f"Docker does not say when {one.name} started")
            # Docker takes whole seconds, and gives whole seconds of logs
            since, until = int(began.timestamp()), int(look.now.timestamp()) + 1
            log = one.container.logs(timestamps=True, since=since, until=until).decode(errors="replace")
            took = seconds_to_start(log, began)
            if took is None:
                yield Fact(f"{one.name}: its log does not reach back to its start")
                continue
            recovered = ", after a crash" if RECOVERY in log else ""
            yield Fact(f"{one.name}: took connections {took:.1f} s after its start{recovered}")
            if took > look.bounds.start_seconds:
                saw = f"needed {took:.0f} s to start{recovered}: so long every replacement of it is felt"
                mend = look.set(f"a higher services.{SERVICE}.buffer_pool")
                yield Finding("warning", f"{one.name} on {one.host}", saw, mend)


def seconds_to_start(log: str, began: datetime) -> float | None:
    """From the container's start to the first connection that would be taken; None if the log does not say.

    Args:
        log: lines that begin with Docker's timestamps.

    >>> began = datetime.fromisoformat("2026-05-04T03:00:00+00:00")
    >>> seconds_to_start("2026-05-04T03:00:02.500000000Z mariadbd: ready for connections.", began)
    2.5
    """
    for line in log.splitlines():
        if READY in line:
            ready = moment(re.split(r"\s", line, maxsplit=1)[0])
            return max((ready - began) / timedelta(seconds=1), 0.0) if ready else None
    return None
