"""Makes a schema and its user on a database server, or takes its former users away. Needs only PyMySQL.

Runs as ``database.py PHASE`` inside a service's image, in a stage of its own. Reads /etc/kolla-iac/database.json:
host, port, admin_user, admin_password, schema, user, password.

make    what is there already stays; the user's password and grants are brought to what is wanted
retire  users of the schema's earlier passwords go: those named as the schema, or so with a number
"""

import json
import pathlib
import re
import sys
import time
from typing import Any

import pymysql

GRANTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, "
    "CREATE TEMPORARY TABLES, LOCK TABLES, TRIGGER, CREATE VIEW, SHOW VIEW, "
    "CREATE ROUTINE, ALTER ROUTINE, EXECUTE, EVENT"
)


def connect(want: dict[str, Any], user: str, password: str) -> Any:
    return pymysql.connect(
        host=want["host"],
        port=want["port"],
        user=user,
        password=password.encode(),  # PyMySQL makes Latin-1 of text
        charset="utf8mb4",
        connect_timeout=5,
    )


def patiently(want: dict[str, Any], seconds: float = 60) -> Any:
    """Connects as administrator; a server that is starting is waited for."""
    end = time.monotonic() + seconds
    while True:
        try:
            return connect(want, want["admin_user"], want["admin_password"])
        except pymysql.err.OperationalError as error:
            if error.args[0] not in (2003, 2013, 1040, 1053) or time.monotonic() > end:
                raise
            time.sleep(1)


def make(cursor: Any, want: dict[str, Any]) -> None:
    schema = "`" + want["schema"].replace("`", "``") + "`"
    user = (want["user"], want["password"])
    cursor.execute(f"CREATE DATABASE IF NOT EXISTS {schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    cursor.execute("CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s", user)
    cursor.execute("ALTER USER %s@'%%' IDENTIFIED BY %s", user)
    cursor.execute(f"GRANT {GRANTS} ON {schema}.* TO %s@'%%'", (want["user"],))


def retire(cursor: Any, want: dict[str, Any]) -> None:
    cursor.execute("SELECT User FROM mysql.user WHERE Host = '%'")
    pattern = re.compile(re.escape(want["schema"]) + r"(_\d+)?")
    gone = [name for (name,) in cursor.fetchall() if pattern.fullmatch(name) and name != want["user"]]
    for name in gone:
        cursor.execute("DROP USER %s@'%%'", (name,))
    print(f"note: users that went: {', '.join(gone) or 'none'}")


def main(phase: str) -> None:
    want = json.loads(pathlib.Path("/etc/kolla-iac/database.json").read_text())
    where = f"{want['host']}:{want['port']}"
    try:
        admin = patiently(want)
    except pymysql.err.MySQLError as error:
        sys.exit(f"cannot log in to {where} as {want['admin_user']}: {error}")
    try:
        with admin, admin.cursor() as cursor:
            PHASES[phase](cursor, want)
    except pymysql.err.MySQLError as error:
        sys.exit(f"schema {want['schema']} on {where}: {error}")
    try:
        with connect(want, want["user"], want["password"]) as own, own.cursor() as cursor:
            cursor.execute("USE `" + want["schema"].replace("`", "``") + "`")
    except pymysql.err.MySQLError as error:
        sys.exit(f"user {want['user']} cannot use its schema on {where}: {error}")
    print(f"schema {want['schema']} with its user {want['user']} stands on {where}")


PHASES = {"make": make, "retire": retire}

if __name__ == "__main__":
    main(sys.argv[1])
