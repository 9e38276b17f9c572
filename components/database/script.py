"""Makes a schema and its user on a database server, or takes its former users away. Needs only PyMySQL.

Runs as ``python -m database.script PHASE`` inside a service's image, in a stage of its own. Reads
/etc/kolla-iac/database.json: host, port, tls, admin_user, admin_password, schema, user, password, grants. Without an
administrator, ``make`` sees whether they are there, and ``retire`` leaves users to whoever made them.

make    what is there already stays; the user's password and grants are brought to what is wanted; refused where the
        schema has left the server
target  the same, where the schema goes, whatever it was there before
retire  users of the schema's earlier passwords go: those named as the schema, or so with a number
"""

import json
import pathlib
import re
import sys
import time
from typing import Any

import pymysql

from . import login
from .mark import mark


def patiently(want: dict[str, Any], seconds: float = 60) -> Any:
    """Connects as administrator; a server that is starting is waited for."""
    end = time.monotonic() + seconds
    while True:
        try:
            return login.connect(want, want["admin_user"], want["admin_password"])
        except pymysql.err.OperationalError as error:
            if error.args[0] not in (2003, 2013, 1040, 1053) or time.monotonic() > end:
                raise
            time.sleep(1)


def make(admin: Any, want: dict[str, Any]) -> None:
    refuse_left(admin, want)
    target(admin, want)


def refuse_left(opened: Any, want: dict[str, Any]) -> None:
    """Ends with 1 where the schema has moved away from the server: what is there is old."""
    what, where = mark(opened, want["schema"])
    if what == "left":
        sys.exit(
            f"schema {want['schema']} has moved from {want['host']}:{want['port']} to {where}: what is here is old, "
            f"and nothing was touched. Set services.database back; or move it, with {where} as services.database.source"
        )


def target(admin: Any, want: dict[str, Any]) -> None:
    schema, user = quoted(want["schema"]), (want["user"], want["password"])
    with admin.cursor() as cursor:
        cursor.execute(
            f"CREATE DATABASE IF NOT EXISTS {schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
        )
        cursor.execute("CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s", user)
        cursor.execute("ALTER USER %s@'%%' IDENTIFIED BY %s", user)
        cursor.execute(f"GRANT {', '.join(want['grants'])} ON {schema}.* TO %s@'%%'", (want["user"],))


def quoted(schema: str) -> str:
    return "`" + schema.replace("`", "``") + "`"


def retire(admin: Any, want: dict[str, Any]) -> None:
    with admin.cursor() as cursor:
        cursor.execute("SELECT User FROM mysql.user WHERE Host = '%'")
        pattern = re.compile(re.escape(want["schema"]) + r"(_\d+)?")
        gone = [name for (name,) in cursor.fetchall() if pattern.fullmatch(name) and name != want["user"]]
        for name in gone:
            cursor.execute("DROP USER %s@'%%'", (name,))
    print(f"note: users that went: {', '.join(gone) or 'none'}")


def administer(phase: str, want: dict[str, Any], where: str) -> None:
    """The phase, as administrator."""
    try:
        admin = patiently(want)
    except (pymysql.err.MySQLError, login.NotEncrypted) as error:
        sys.exit(f"cannot log in to {where} as {want['admin_user']}: {error}")
    try:
        with admin:
            PHASES[phase](admin, want)
    except pymysql.err.MySQLError as error:
        sys.exit(f"schema {want['schema']} on {where}: {error}")


def main(phase: str) -> None:
    want = json.loads(pathlib.Path("/etc/kolla-iac/database.json").read_text())
    where = f"{want['host']}:{want['port']}"
    if want["admin_user"]:
        administer(phase, want, where)
    elif phase == "retire":
        print("note: users of earlier passwords stay until whoever runs the server takes them away")
    try:
        with login.connect(want, want["user"], want["password"]) as own:
            own.select_db(want["schema"])
            if phase == "make":
                refuse_left(own, want)
    except (pymysql.err.MySQLError, login.NotEncrypted) as error:
        sys.exit(f"user {want['user']} cannot use its schema on {where}: {error}")
    print(f"schema {want['schema']} with its user {want['user']} stands on {where}")


PHASES = {"make": make, "target": target, "retire": retire}

if __name__ == "__main__":
    main(sys.argv[1])
