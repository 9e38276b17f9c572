"""What a schema says of itself where it moves: a table of ours in it, with one row. Needs only PyMySQL."""

from typing import Any

import pymysql

MARK = "kolla_iac_move"
NOTHING = (1044, 1049, 1142, 1146)
"""No such schema, no such table, or no grant on it yet. Source: MariaDB's error codes."""


def mark(opened: Any, schema: str) -> tuple[str, str]:
    """``copy`` or ``left``, and of or for which server; empty where it is a schema like others.

    Args:
        opened: a connection.
    """
    place = ".".join("`" + part.replace("`", "``") + "`" for part in (schema, MARK))
    try:
        with opened.cursor() as cursor:
            cursor.execute(f"SELECT what, server FROM {place}")
            found = cursor.fetchone()
    except (pymysql.err.ProgrammingError, pymysql.err.OperationalError) as error:
        if error.args[0] in NOTHING:
            return "", ""
        raise
    return (str(found[0]), str(found[1])) if found else ("", "")
