"""What the variables of a database server must not say: rules as data. Pure; ``check.py`` asks."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .judge import RESTART, Finding, Orders

PACKET = 16 * 2**20
"""Bytes of a statement; MariaDB's own default. A larger row cannot be restored."""
OTHER_MEANING = ("ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "PIPES_AS_CONCAT")
"""Modes in which the same statement says something else."""


def version(text: str, comment: str) -> tuple[str, tuple[int, ...]]:
    """Flavour and version.

    >>> version("11.8.3-MariaDB-log", "Debian"), version("8.0.36-28", "Percona Server (GPL)")
    (('MariaDB', (11, 8, 3)), ('MySQL', (8, 0, 36)))
    """
    numbers = re.search(r"^(?:5\.5\.5-)?(\d+(?:\.\d+)+)", text)
    flavour = "MariaDB" if "mariadb" in f"{text} {comment}".lower() else "MySQL"
    return flavour, tuple(int(one) for one in numbers[1].split(".")) if numbers else ()


def _on(value: str) -> bool:
    return value.upper() not in ("0", "OFF", "NO", "")


@dataclass(frozen=True)
class Rule:
    """What a variable of the server must not be."""

    option: str
    level: str
    name: str
    wrong: Callable[[str, Orders], bool]
    saw: str
    """With ``{value}`` and the orders' fields."""
    wanted: str
    """The value that it should have."""
    running: bool = True
    """Whether it can be changed in a running server."""

    def ask(self, known: dict[str, str], orders: Orders) -> Iterator[Finding]:
        value = known.get(self.option)
        if value is None or not self.wrong(value, orders):
            return
        fields = {**orders, "value": value, "twice": max(600, 2 * orders["recycle"])}
        wanted = self.wanted.format(**fields)
        now = f"SET GLOBAL {self.option} = {wanted}; -- and " if self.running else ""
        last = f"my.cnf: {self.option} = {wanted}{'' if self.running else RESTART}"
        yield Finding(self.level, self.name, self.saw.format(**fields), now + last)


RULES = (
    *(
        Rule(
            option,
            "error",
            "read-only",
            lambda value, _: _on(value),
            f"{option} is {{value}}: a replica, by mistake? Every change fails",
            "OFF",
            option != "innodb_read_only",
        )
        for option in ("read_only", "super_read_only", "innodb_read_only")
    ),
    Rule(
        "innodb_force_recovery",
        "error",
        "read-only",
        lambda value, _: value != "0",
        "innodb_force_recovery is {value}: changes fail",
        "0",
        running=False,
    ),
    Rule(
        "default_storage_engine",
        "error",
        "engine",
        lambda value, _: value.lower() != "innodb",
        "new tables are of {value}, which has no transactions",
        "InnoDB",
    ),
    Rule(
        "enforce_storage_engine",
        "error",
        "engine",
        lambda value, _: value.lower() not in ("innodb", ""),
        "every table is made of {value}, whatever is asked for",
        "InnoDB",
    ),
    Rule(
        "innodb_default_row_format",
        "error",
        "row-format",
        lambda value, _: value.lower() != "dynamic",
        "new tables have the row format {value}: an index over 255 letters is too long for it",
        "dynamic",
    ),
    Rule(
        "wait_timeout",
        "error",
        "wait-timeout",
        lambda value, orders: int(value) <= orders["recycle"],
        "idle connections are closed after {value} s, services open theirs anew after {recycle} s: requests fail",
        "{twice}",
    ),
    Rule(
        "max_connections",
        "error",
        "connections",
        lambda value, orders: int(value) < orders["connections"],
        "{value} connections at most; {connections} may be opened while both generations run",
        "{connections}",
    ),
    Rule(
        "max_user_connections",
        "error",
        "connections",
        lambda value, orders: 0 < int(value) < orders["connections"],
        "{value} connections per user at most; {connections} may be opened while both generations run",
        "{connections}",
    ),
    Rule(
        "max_allowed_packet",
        "warning",
        "packet",
        lambda value, _: int(value) < PACKET,
        "statements of {value} bytes at most: a row of a dump may be larger",
        str(PACKET),
    ),
    *(
        Rule(
            option,
            "error",
            "isolation",
            lambda value, _: value.upper() == "READ-UNCOMMITTED",
            "transactions see what others have not committed",
            "'REPEATABLE-READ'",
        )
        for option in ("tx_isolation", "transaction_isolation")
    ),
)
"""Source: oslo.db's engine options, Alembic's statements in OpenStack's migrations, and MariaDB's "Server System
Variables"; the bounds are this file's."""


def of_server(known: dict[str, str], orders: Orders) -> Iterator[Finding]:
    """What the server's variables say.

    Args:
        known: as SHOW GLOBAL VARIABLES has them.
    """
    flavour, at = version(known["version"], known.get("version_comment", ""))
    oldest = ".".join(map(str, orders["supported"][flavour]))
    if at < tuple(orders["supported"][flavour]):
        saw = f"the server is {flavour} {known['version']}; the release needs {oldest} at least"
        yield Finding("error", "version", saw, f"{flavour} {oldest} or later")
    twice = {"tx_isolation"} if "transaction_isolation" in known else set()  # one variable with two names
    for rule in RULES:
        if rule.option not in twice:
            yield from rule.ask(known, orders)
    trusted = "log_bin_trust_function_creators"
    if _on(known.get("log_bin", "OFF")) and not _on(known.get(trusted, "ON")):
        saw = f"changes are logged and {trusted} is off: an expansion that makes triggers is refused"
        mend = f"SET GLOBAL {trusted} = ON; -- and my.cnf: {trusted} = ON"
        yield Finding("error", "triggers", saw, mend)
    yield from _of_sql_mode([one for one in known.get("sql_mode", "").upper().split(",") if one])


def _of_sql_mode(modes: list[str]) -> Iterator[Finding]:
    wrong = [mode for mode in modes if mode in OTHER_MEANING]
    strict = {"STRICT_TRANS_TABLES", "STRICT_ALL_TABLES"} & set(modes)
    wanted = [mode for mode in modes if mode not in (*OTHER_MEANING, "ANSI")]
    wanted += [] if strict else ["STRICT_TRANS_TABLES"]
    mend = f"SET GLOBAL sql_mode = '{','.join(wanted)}'; -- and my.cnf: sql_mode = {','.join(wanted)}"
    if wrong:
        saw = f"sql_mode has {', '.join(wrong)}: statements of migrations mean something else then"
        yield Finding("error", "sql-mode", saw, mend)
    elif not strict:
        saw = "sql_mode is not strict: what does not fit into a column is cut off without a word"
        yield Finding("warning", "sql-mode", saw, mend)
