"""Looks at a database server that somebody else runs: what would make a deployment or an upgrade fail, all at once.

Runs as ``python -m database.check PHASE`` inside a service's image. ``require`` ends with 1 where something must be
mended first; ``report`` says what it found as notes, each a JSON object, and ends with 0. It connects and asks, and
changes nothing.

Reads /etc/kolla-iac/check.json: ``host``, ``port``, ``tls`` as ``login.py`` has them; ``admin``: user and password, or
null; ``schemas``: list of schema, user, password; ``grants``: what such a user must be allowed in its schema;
``connections``: opened at once at most; ``recycle``: seconds after which a client opens an idle connection anew;
``supported``: flavour -> oldest version, as a list of numbers.
"""

import json
import pathlib
import ssl
import sys
import time
from dataclasses import asdict
from typing import Any

from . import judge, login, variables

ORDERS = "/etc/kolla-iac/check.json"


def ask(opened: Any, statement: str, *values: str) -> list[tuple[Any, ...]]:
    """Rows of a query."""
    with opened.cursor() as cursor:
        cursor.execute(statement, values or None)
        return list(cursor.fetchall())


def space(opened: Any) -> int | None:
    """Bytes free where the data are. Source: MariaDB's plugin DISKS; without it, or the grant FILE, nobody says."""
    import pymysql  # noqa: PLC0415 - unit tests have none

    where = "WHERE @@datadir LIKE CONCAT(Path, '%') ORDER BY LENGTH(Path) DESC LIMIT 1"
    try:
        rows = ask(opened, f"SELECT Available * 1024 FROM information_schema.DISKS {where}")
    except pymysql.err.MySQLError:
        return None
    return int(rows[0][0]) if rows else None


def ask_all(opened: Any, orders: judge.Orders) -> list[judge.Finding]:
    """Everything that one connection can say of the server."""
    began = time.time()
    ((now,),) = ask(opened, "SELECT UNIX_TIMESTAMP(NOW(6))")
    difference = float(now) - (began + time.time()) / 2
    known = {name: str(value) for name, value in ask(opened, "SHOW GLOBAL VARIABLES")}
    names = [one["schema"] for one in orders["schemas"]]
    among = ", ".join(["%s"] * len(names))
    columns = "schema_name, default_character_set_name, default_collation_name"
    rows = ask(
        opened, f"SELECT {columns} FROM information_schema.schemata WHERE schema_name IN ({among})", *names
    )
    size = "COALESCE(SUM(data_length + index_length), 0)"
    ((used,),) = ask(
        opened, f"SELECT {size} FROM information_schema.tables WHERE table_schema IN ({among})", *names
    )
    return [
        *variables.of_server(known, orders),
        *judge.of_schemas({name: (charset, collation) for name, charset, collation in rows}, orders),
        *judge.of_clock(difference),
        *judge.of_space(space(opened), int(used)),
    ]


def look(orders: judge.Orders) -> list[judge.Finding]:
    """Every finding, as far as can be seen: behind a door that stays shut nobody sees anything."""
    import pymysql  # noqa: PLC0415 - unit tests have none

    try:
        _, flags = login.greeting(orders["host"], orders["port"])
    except (OSError, ValueError) as error:
        return [judge.unreachable(error, orders)]
    if orders["tls"] and flags and not flags & login.SSL:
        return [judge.not_encrypted()]
    admin = orders["admin"]
    accounts = [("", admin["user"], admin["password"])] if admin else []
    accounts += [(one["schema"], one["user"], one["password"]) for one in orders["schemas"] if not admin]
    found: list[judge.Finding] = []
    grants: dict[str, list[str]] = {}
    of_all: list[judge.Finding] | None = None
    for schema, user, password in accounts:
        try:
            with login.connect(orders, user, password) as opened:
                ask(opened, "SET SESSION sql_mode = ''")  # others quote names differently
                grants[user] = [row[0] for row in ask(opened, "SHOW GRANTS")]
                of_all = ask_all(opened, orders) if of_all is None else of_all
        except login.NotEncrypted:
            return [judge.not_encrypted()]
        except pymysql.err.MySQLError as error:
            cause = getattr(error, "original_exception", None)
            if isinstance(cause, ssl.SSLError):
                return [judge.of_tls(cause, orders)]
            if isinstance(cause, OSError):
                return [judge.unreachable(cause, orders)]
            number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
            found.append(judge.of_login(number, str(error.args[-1]), user, schema, orders))
    return [*found, *judge.of_grants(grants, orders), *(of_all or [])]


def main(phase: str) -> None:
    orders = json.loads(pathlib.Path(ORDERS).read_text())
    found = look(orders)
    if phase == "report":
        for one in found:
            print(f"note: {json.dumps(asdict(one))}")
        return
    for one in found:
        print(f"{one.level}: {one.saw}\n  mend  {one.mend}" if one.level == "error" else f"note: {one.saw}")
    where = f"{orders['host']}:{orders['port']}"
    if errors := sum(one.level == "error" for one in found):
        sys.exit(f"{where}: {errors} to be mended first; on this server nothing was touched")
    print(f"{where} is as it has to be")


if __name__ == "__main__":
    main(sys.argv[1])
