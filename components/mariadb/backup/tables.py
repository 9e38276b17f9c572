"""What a server holds: rows and checksums of its tables, to be compared after a restore."""

from collections.abc import Iterable
from typing import Any

from .tools import lines, quoted

SYSTEM = ("information_schema", "performance_schema", "sys", "mysql")
LOGINS = ("mysql.global_priv", "mysql.db")
"""Of the server's own schema, the tables that say who may log in."""
Table = dict[str, Any]
"""``rows`` and ``checksum`` of a survey; ``rows`` as [least, most], ``checksum`` or null in a manifest."""


def survey(
    query: list[str], snapshot: bool = True, more: Iterable[str] = LOGINS
) -> tuple[dict[str, Table], str]:
    """Rows and checksum of each table, all of one moment, and that moment: position in the binary log and InnoDB's.

    The same moment twice: nothing was changed between.

    Args:
        more: tables beside those that are no system's.
    """
    found = lines(
        query,
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' "
        f"AND table_schema NOT IN {SYSTEM}",
    )
    names = sorted([".".join(row) for row in found]) + list(more)
    if not names:
        return {}, ""
    each = " UNION ALL ".join(f"SELECT {n}, COUNT(*) FROM {quoted(name)}" for n, name in enumerate(names))
    begin = "START TRANSACTION WITH CONSISTENT SNAPSHOT;" if snapshot else ""
    answers = lines(
        query,
        f"{begin} SHOW STATUS WHERE Variable_name IN "
        "('Binlog_snapshot_file', 'Binlog_snapshot_position', 'Innodb_lsn_current');"
        f"CHECKSUM TABLE {', '.join(map(quoted, names))};{each};",
    )
    count = len(names)
    moment = " ".join(value for _, value in answers[: -2 * count])
    sums, counts = answers[-2 * count : -count], answers[-count:]
    rows = {names[int(number)]: int(value) for number, value in counts}
    return {name: {"rows": rows[name], "checksum": value} for name, value in sums}, moment


def between(before: dict[str, Table], after: dict[str, Table]) -> dict[str, Table]:
    """What a backup that was made between two surveys must hold.

    >>> between({"a": {"rows": 1, "checksum": "7"}}, {"a": {"rows": 3, "checksum": "8"}})
    {'a': {'rows': [1, 3], 'checksum': None}}
    """
    none: Table = {"rows": 0, "checksum": None}
    result = {}
    for name in sorted({*before, *after}):
        one, other = before.get(name, none), after.get(name, none)
        same = one["checksum"] if one["checksum"] == other["checksum"] else None
        result[name] = {"rows": sorted([one["rows"], other["rows"]]), "checksum": same}
    return result


def differing(wanted: dict[str, Table], found: dict[str, Table]) -> list[str]:
    """Where a restored server is not what the manifest says.

    >>> differing({"k.a": {"rows": [1, 1], "checksum": "7"}}, {"k.a": {"rows": 1, "checksum": "8"}})
    ['k.a: other content than was backed up']
    >>> differing({"k.a": {"rows": [1, 2], "checksum": None}}, {"k.b": {"rows": 1, "checksum": "8"}})
    ['k.a is not there', 'k.b was not there']
    """
    wrong = [f"{name} was not there" for name in found if name not in wanted]
    for name, table in wanted.items():
        least, most = table["rows"]
        if name not in found:
            wrong += [f"{name} is not there"] if least else []
        elif not least <= found[name]["rows"] <= most:
            many = least if least == most else f"{least} to {most}"
            wrong.append(f"{name}: {many} rows were backed up, {found[name]['rows']} are restored")
        elif table["checksum"] not in (None, found[name]["checksum"]):
            wrong.append(f"{name}: other content than was backed up")
    return sorted(wrong)


def revisions(query: list[str], tables: Iterable[str]) -> dict[str, list[str]]:
    """Schema -> Alembic's revisions."""
    schemas = [name.removesuffix(".alembic_version") for name in tables if name.endswith(".alembic_version")]
    ask = "SELECT version_num FROM {}.alembic_version"
    return {one: sorted(row[0] for row in lines(query, ask.format(quoted(one)))) for one in schemas}
