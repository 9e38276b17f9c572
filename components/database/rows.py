"""Makes a table on one server hold the rows that it has on another: what differs is found by checksums, and copied.

Needs only PyMySQL. Rows travel as the server writes them, so that no value is changed on its way: connections are
those of ``raw``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

CHUNK = 2000
"""Rows that are compared, and copied where they differ, at once."""


@dataclass(frozen=True)
class Table:
    """A table as both servers have it."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    """Columns of the primary key; empty where it has none."""
    made: tuple[str, ...] = ()
    """Columns that the server computes, which cannot be written."""


@dataclass(frozen=True)
class Digest:
    """What a server says of rows: equal where they are."""

    rows: int
    sums: tuple[str, str]


def name(text: str) -> str:
    """
    >>> name("user")
    '`user`'
    """
    return "`" + text.replace("`", "``") + "`"


def names(columns: Iterable[str]) -> str:
    return ", ".join(name(column) for column in columns)


def raw(opened: Any) -> Any:
    """The connection, with values as text or bytes, and with zeros and times as they are stored.

    Each statement is a transaction, unless one is begun: what a connection sees is what there is.
    """
    opened.decoders = {}
    opened.autocommit(True)
    ask(opened, "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00'")
    return opened


def ask(opened: Any, statement: str, values: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    with opened.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def after(key: Sequence[str], values: Sequence[Any]) -> tuple[str, list[Any]]:
    """A condition: the row comes after the one with this key. Written out, so that an index serves it.

    >>> after(["a", "b"], [1, 2])
    ('((`a` > %s) OR (`a` = %s AND `b` > %s))', [1, 1, 2])
    """
    parts, told = [], []
    for index, column in enumerate(key):
        equal = [f"{name(one)} = %s" for one in key[:index]]
        parts.append("(" + " AND ".join([*equal, f"{name(column)} > %s"]) + ")")
        told += [*values[:index], values[index]]
    return f"({' OR '.join(parts)})", told


@dataclass(frozen=True)
class Chunk:
    """Rows after one key, up to another and with it; None: from the first, to the last."""

    low: tuple[Any, ...] | None = None
    high: tuple[Any, ...] | None = None

    def where(self, key: Sequence[str]) -> tuple[str, list[Any]]:
        conditions, values = [], list[Any]()
        if self.low is not None:
            condition, told = after(key, self.low)
            conditions.append(condition)
            values += told
        if self.high is not None:
            condition, told = after(key, self.high)
            conditions.append(f"NOT {condition}")
            values += told
        return (f" WHERE {' AND '.join(conditions)}" if conditions else ""), values


ALL = Chunk()


def digest(opened: Any, table: Table, chunk: Chunk = ALL) -> Digest:
    """Of the rows of a chunk, whatever their order: their number, and the halves of their MD5 put together."""
    row = f"MD5(CONCAT_WS(',', {', '.join(f'QUOTE({name(column)})' for column in table.columns)}))"
    halves = (f"CAST(CONV({side}({row}, 16), 16, 10) AS UNSIGNED)" for side in ("LEFT", "RIGHT"))
    sums = ", ".join(f"CAST(BIT_XOR({half}) AS CHAR)" for half in halves)
    where, values = chunk.where(table.key)
    ((rows, *told),) = ask(opened, f"SELECT COUNT(*), {sums} FROM {name(table.name)}{where}", values)
    return Digest(int(rows), (str(told[0]), str(told[1])))


def chunks(opened: Any, table: Table) -> Iterable[Chunk]:
    """The table in parts, as the server that has the rows sees it; the last has no end."""
    low: tuple[Any, ...] | None = None
    while table.key:
        where, values = Chunk(low).where(table.key)
        order = f"ORDER BY {names(table.key)} LIMIT 1 OFFSET {CHUNK - 1}"
        found = ask(opened, f"SELECT {names(table.key)} FROM {name(table.name)}{where} {order}", values)
        if not found:
            break
        yield Chunk(low, found[0])
        low = found[0]
    yield Chunk(low)


def fetch(opened: Any, table: Table, chunk: Chunk) -> list[tuple[Any, ...]]:
    where, values = chunk.where(table.key)
    return ask(opened, f"SELECT {names(table.columns)} FROM {name(table.name)}{where}", values)


def put(opened: Any, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Writes rows over those of the same keys."""
    kept = [index for index, column in enumerate(table.columns) if column not in table.made]
    columns = names(table.columns[index] for index in kept)
    statement = f"REPLACE INTO {name(table.name)} ({columns}) VALUES ({', '.join(['%s'] * len(kept))})"
    with opened.cursor() as cursor:
        cursor.executemany(statement, [[row[index] for index in kept] for row in rows])


def drop(opened: Any, table: Table, keys: Sequence[tuple[Any, ...]]) -> None:
    each = " AND ".join(f"{name(column)} = %s" for column in table.key)
    with opened.cursor() as cursor:
        for key in keys:
            cursor.execute(f"DELETE FROM {name(table.name)} WHERE {each}", key)


def same(source: Any, target: Any, table: Table) -> tuple[int, Digest]:
    """Makes the target's table what the source's is; how many rows were written or taken away, and what the source says
    of it: without any, the target says the same."""
    wanted = digest(source, table)
    if wanted == digest(target, table):
        return 0, wanted
    changed = 0
    for chunk in chunks(source, table):
        target.begin()
        changed += _same(source, target, table, chunk)
        target.commit()
    return changed, wanted


def _same(source: Any, target: Any, table: Table, chunk: Chunk) -> int:
    wanted_digest, there_digest = digest(source, table, chunk), digest(target, table, chunk)
    if wanted_digest == there_digest:
        return 0
    wanted = fetch(source, table, chunk)
    if not table.key:
        ask(target, f"DELETE FROM {name(table.name)}")
        put(target, table, wanted)
        return len(wanted)
    there = set(fetch(target, table, chunk)) if there_digest.rows else set()
    places = [table.columns.index(column) for column in table.key]

    def key(row: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(row[place] for place in places)

    keys = {key(row) for row in wanted}
    gone = [key(row) for row in there if key(row) not in keys]
    fresh = [row for row in wanted if row not in there]
    drop(target, table, gone)
    put(target, table, fresh)
    return len(gone) + len(fresh)
