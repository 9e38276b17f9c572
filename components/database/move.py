"""Brings a schema and its rows from one database server to another, while it is in use. Needs only PyMySQL.

Runs inside a service's image. ``python -m database.move copy`` makes the copy, and catches up until little is left.
``python -m database.move serve`` takes orders on standard input, a word a line, and answers each with a line of JSON:

where   how far a move has come: ``copied``, ``left`` (the source says that it was left), ``moved``, ``none``
catch   catches up while the source is in use
last    shuts the source to all who would write, until the next order; the last changes; compares every table
leave   writes into the source that it was left for the target
back    takes that back
keep    the target is a copy no more; the source's user may only read from now on, where an administrator is known

Reads /etc/kolla-iac/move.json: ``environment``, ``schema``, ``user``, ``password``; ``source`` and ``target``: host,
port, tls as ``login.py`` has them, and for the source ``admin_user`` and ``admin_password``, which may be empty.

A table of ours, ``kolla_iac_move``, says in each schema what it is: a ``copy`` of another server's, or ``left``.
"""

import contextlib
import json
import pathlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pymysql

from . import login
from .mark import MARK, mark
from .rows import Table, ask, digest, name, raw, same

ORDERS = "/etc/kolla-iac/move.json"
READ_SECONDS = 3600
"""For which one statement may keep silent: a checksum of a large table does."""
LOCK_SECONDS = 5
SHORT = 1.0
"""Seconds of a pass after which catching up ends: the last one, for which requests wait, will take no longer."""
PASSES = 10


class Trouble(Exception):
    """The move cannot go on; nothing was exchanged."""


class Move:
    """Two connections to each server: to the source one that shuts it, and one that writes nonetheless."""

    def __init__(self, orders: dict[str, Any]) -> None:
        self.schema, self.user = str(orders["schema"]), str(orders["user"])
        self._orders = orders
        self.source, self.beside, self.target = (
            self._open(which) for which in ("source", "source", "target")
        )
        for opened in (self.source, self.target):
            ask(opened, "SET SESSION foreign_key_checks = 0, wait_timeout = 28800")
        ask(self.source, f"SET SESSION lock_wait_timeout = {LOCK_SECONDS}")

    def _open(self, which: str) -> Any:
        opened = raw(self._connect(which, self.user, self._orders["password"], READ_SECONDS))
        try:
            ask(opened, f"USE {name(self.schema)}")
        except pymysql.err.MySQLError as error:
            raise Trouble(f"no schema {self.schema} on {self.address(which)}: {error}") from None
        return opened

    def _connect(self, which: str, user: str, password: str, seconds: int = 30) -> Any:
        try:
            return login.connect(self._orders[which], user, password, seconds)
        except (pymysql.err.MySQLError, login.NotEncrypted) as error:
            done = "; if the schema has left it, let go of it: kolla-iac database release"
            more = done if which == "source" else ""
            raise Trouble(f"cannot log in to {self.address(which)} as {user}: {error}{more}") from None

    def address(self, which: str) -> str:
        server = self._orders[which]
        return f"{server['host']}:{server['port']}"

    def called(self, which: str) -> str:
        """The server in a mark: every environment has a service mariadb of one and the same address."""
        return f"{self.address(which)} of {self._orders['environment']}"

    # what the schemas say of themselves

    def mark(self, opened: Any) -> tuple[str, str]:
        return mark(opened, self.schema)

    def set_mark(self, opened: Any, what: str, server: str) -> None:
        # of the schema's own engine and character set: made before the source is shut, filled while it is
        ask(opened, f"DELETE FROM {name(MARK)}")
        if what:
            values = (what, server)
            ask(
                opened,
                f"INSERT INTO {name(MARK)} (what, server, since) VALUES (%s, %s, UTC_TIMESTAMP())",
                values,
            )

    def make_mark(self, opened: Any) -> None:
        columns = (
            "what VARCHAR(16) NOT NULL PRIMARY KEY, server VARCHAR(255) NOT NULL, since DATETIME NOT NULL"
        )
        if MARK not in all_tables(opened):  # an "IF NOT EXISTS" that is not needed is a warning, and locks
            ask(opened, f"CREATE TABLE {name(MARK)} ({columns}) ENGINE = InnoDB")

    def where(self) -> str:
        left = self.mark(self.beside) == ("left", self.called("target"))
        if self.mark(self.target) == ("copy", self.called("source")):
            return "left" if left else "copied"
        return "moved" if left else "none"

    # structure

    def tables(self) -> list[Table]:
        """The source's tables.

        Raises:
            Trouble: there is something in the schema that is no table, which a move does not carry.
        """
        kinds = ask(self.source, "SHOW FULL TABLES")
        others = [f"{kind.lower()} {one}" for one, kind in kinds if kind != "BASE TABLE"]
        others += [f"{kind.lower()} {one}" for one, kind in ask(self.source, ROUTINES, (self.schema,))]
        others += [f"event {one}" for (one,) in ask(self.source, EVENTS, (self.schema,))]
        if others:
            raise Trouble(f"schema {self.schema} holds what a move does not carry: {', '.join(others)}")
        return [self._table(one) for one, _ in kinds if one != MARK]

    def _table(self, table: str) -> Table:
        rows = ask(self.source, f"SHOW COLUMNS FROM {name(table)}")
        made = tuple(row[0] for row in rows if any(word in row[5].upper() for word in ("VIRTUAL", "STORED")))
        keys = ask(self.source, f"SHOW KEYS FROM {name(table)} WHERE Key_name = 'PRIMARY'")
        key = tuple(row[4] for row in sorted(keys, key=lambda row: int(row[3])))
        return Table(table, tuple(row[0] for row in rows), key, made)

    def build(self, tables: list[Table]) -> None:
        """Makes the target's tables what the source's are; they are empty where they were otherwise."""
        wanted, there = {one.name for one in tables}, set(all_tables(self.target)) - {MARK}
        for trigger in triggers(self.target):
            ask(self.target, f"DROP TRIGGER {name(trigger)}")
        gone = {table for table in there if table not in wanted or self._differs(table)}
        for table in gone:
            ask(self.target, f"DROP TABLE {name(table)}")
        for one in tables:
            if one.name not in there - gone:
                ask(self.target, definition(self.source, one.name))

    def _differs(self, table: str) -> bool:
        """Whether columns differ; the words of SHOW CREATE TABLE are each server's own."""
        sides = (ask(opened, f"SHOW COLUMNS FROM {name(table)}") for opened in (self.source, self.target))
        left, right = ([(row[0], str(row[1]).lower(), row[2], row[3]) for row in rows] for rows in sides)
        return left != right

    def finish(self, tables: list[Table]) -> None:
        """What only a table that is in use needs: the next numbers, and triggers."""
        numbers = dict(ask(self.beside, NUMBERS, (self.schema,)))
        theirs = dict(ask(self.target, NUMBERS, (self.schema,)))
        for one in tables:
            if one.name in numbers and numbers[one.name] != theirs.get(one.name):
                ask(self.target, f"ALTER TABLE {name(one.name)} AUTO_INCREMENT = {int(numbers[one.name])}")
        there = triggers(self.target)
        for trigger, (statement, mode) in triggers(self.source).items():
            if trigger not in there:
                ask(self.target, "SET SESSION sql_mode = %s", (mode,))
                ask(self.target, statement)
                raw(self.target)

    # rows

    def rows(self, tables: list[Table]) -> int:
        return sum(same(self.source, self.target, table)[0] for table in tables)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """What the source holds at one moment, whatever is written meanwhile."""
        ask(self.source, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        ask(self.source, "START TRANSACTION WITH CONSISTENT SNAPSHOT")
        yield
        self.source.rollback()

    def catch(self) -> dict[str, Any]:
        """Passes until one is short, or none gets shorter."""
        passes = list[tuple[int, float]]()
        while len(passes) < PASSES and (not passes or passes[-1][1] > SHORT):
            began = time.monotonic()
            with self.snapshot():
                changed = self.rows(self.tables())
            passes.append((changed, time.monotonic() - began))
            if not changed:
                break
        return {"passes": len(passes), "rows": passes[-1][0], "seconds": round(passes[-1][1], 2)}

    def copy(self) -> str:
        """The target's schema as a copy of the source's, nearly as it is now; what to tell the operator."""
        where = self.where()
        if where in ("left", "moved"):
            return f"schema {self.schema} has left {self.address('source')} already: nothing was copied"
        mark, server = self.mark(self.beside)
        if mark:
            raise Trouble(
                f"schema {self.schema} on {self.address('source')} is not in use: it is {mark}, {server}"
            )
        mark, server = self.mark(self.target)
        there = [one for one in all_tables(self.target) if one != MARK]
        ours = mark in ("copy", "left") and server == self.called("source")
        if there and not ours:
            whose = f" ({mark}, {server})" if mark else ""
            raise Trouble(
                f"schema {self.schema} on {self.address('target')} has {len(there)} tables already{whose}, which "
                "are no copy of ours: nothing was touched. If nobody needs them, its administrator drops them: "
                f"DROP DATABASE {name(self.schema)}"
            )
        self.make_mark(self.target)
        self.set_mark(self.target, "copy", self.called("source"))
        self.make_mark(self.beside)
        began = time.monotonic()
        tables = self.tables()
        self.build(tables)
        with self.snapshot():
            copied = self.rows(tables)
        seconds, last = time.monotonic() - began, self.catch()
        return (
            f"schema {self.schema}: {len(tables)} tables, {copied} rows copied in {seconds:.1f} s; "
            f"the last pass took {last['seconds']} s"
        )

    def last(self) -> dict[str, Any]:
        """The rest, while nobody writes; whether both are the same then."""
        began, tables, there = time.monotonic(), self.tables(), set(all_tables(self.target))
        different = [one.name for one in tables if one.name not in there or self._differs(one.name)]
        if different:
            raise Trouble(
                f"tables of the copy have other columns than the source's ({', '.join(different)}): it was copied for "
                "another release; a move goes alone"
            )
        ask(self.source, "LOCK TABLES " + ", ".join(f"{name(one.name)} READ" for one in tables))
        told = {one: same(self.source, self.target, one) for one in tables}
        # where nothing was to be copied, both have said the same already
        differs = [
            one.name for one, (count, wanted) in told.items() if count and digest(self.target, one) != wanted
        ]
        if differs:
            raise Trouble(f"source and copy differ after the last pass: {', '.join(differs)}")
        self.finish(tables)
        return {
            "tables": len(tables),
            "rows": sum(wanted.rows for _, wanted in told.values()),
            "changed": sum(count for count, _ in told.values()),
            "seconds": round(time.monotonic() - began, 2),
        }

    # the exchange

    def leave(self) -> dict[str, Any]:
        self.set_mark(self.beside, "left", self.called("target"))
        return {}

    def back(self) -> dict[str, Any]:
        self.set_mark(self.beside, "", "")
        self.unlock()
        return {}

    def unlock(self) -> None:
        ask(self.source, "UNLOCK TABLES")

    def keep(self) -> dict[str, Any]:
        """The source is read from now on, and not written; what a DBA has to do where we may not."""
        if self.mark(self.target)[0]:
            ask(self.target, f"DROP TABLE {name(MARK)}")
        self.unlock()
        source = self._orders["source"]
        among = f"{name(self.schema)}.*"
        if not source["admin_user"]:
            user = f"'{self.user}'@'%'"
            sql = f"REVOKE ALL ON {among} FROM {user}; GRANT SELECT, SHOW VIEW ON {among} TO {user};"
            return {"sql": sql}
        with self._connect("source", source["admin_user"], source["admin_password"]) as admin:
            ask(admin, f"REVOKE ALL PRIVILEGES ON {among} FROM %s@'%%'", (self.user,))
            ask(admin, f"GRANT SELECT, SHOW VIEW ON {among} TO %s@'%%'", (self.user,))
            ours = {int(ask(one, "SELECT CONNECTION_ID()")[0][0]) for one in (self.source, self.beside)}
            for (number,) in ask(
                admin, "SELECT id FROM information_schema.processlist WHERE user = %s", (self.user,)
            ):
                if int(number) not in ours:  # what it was allowed holds for a connection until its end
                    with contextlib.suppress(pymysql.err.MySQLError):
                        ask(admin, f"KILL {int(number)}")
        return {"sql": ""}


ROUTINES = "SELECT routine_name, routine_type FROM information_schema.routines WHERE routine_schema = %s"
EVENTS = "SELECT event_name FROM information_schema.events WHERE event_schema = %s"
NUMBERS = (
    "SELECT table_name, auto_increment FROM information_schema.tables "
    "WHERE table_schema = %s AND auto_increment IS NOT NULL"
)


def all_tables(opened: Any) -> list[str]:
    return [row[0] for row in ask(opened, "SHOW TABLES")]


def definition(opened: Any, table: str) -> str:
    return str(ask(opened, f"SHOW CREATE TABLE {name(table)}")[0][1])


def triggers(opened: Any) -> dict[str, tuple[str, str]]:
    """Name -> statement, without its author, who may not exist elsewhere, and the mode that it is read in."""
    return {
        row[0]: (
            f"CREATE TRIGGER {name(row[0])} {row[4]} {row[1]} ON {name(row[2])} FOR EACH ROW {row[3]}",
            row[6],
        )
        for row in ask(opened, "SHOW TRIGGERS")
    }


def serve(move: Move) -> None:
    """Orders and answers, until there are no more: then what was shut is open again."""
    orders: dict[str, Callable[[], dict[str, Any]]] = {
        "where": lambda: {"where": move.where()},
        "catch": move.catch,
        "last": move.last,
        "leave": move.leave,
        "back": move.back,
        "keep": move.keep,
    }
    for line in sys.stdin:
        try:
            answer = orders[line.strip()]()
        except (Trouble, pymysql.err.MySQLError) as error:
            answer = {"trouble": str(error)}
        print(json.dumps(answer), flush=True)


def main(phase: str) -> None:
    try:
        move = Move(json.loads(pathlib.Path(ORDERS).read_text()))
        if phase == "serve":
            print(json.dumps({"ready": True}), flush=True)
            serve(move)
        else:
            print(f"note: {move.copy()}")
    except (Trouble, pymysql.err.MySQLError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1])
