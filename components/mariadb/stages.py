"""MariaDB's deployment as data."""

from __future__ import annotations

import hashlib

from kolla_iac.components.database.clients import option_file
from kolla_iac.components.mariadb.settings import SERVICE, MariaDBSettings
from kolla_iac.model.environment import Environment
from kolla_iac.model.rotation import NONE, Counts
from kolla_iac.model.waits import AllOf, ExecWait
from kolla_iac.plan.rollout import Act, Impact, Rollout
from kolla_iac.render import ini
from kolla_iac.render.templates import render

LOCAL = ("mariadb", "--protocol=socket", "-N")
DATA = "/var/lib/mysql"
CONFIG = "/etc/mysql/my.cnf"

BOOTSTRAP = f"""#!/bin/bash
# Makes the data directory of a new server; leaves one that exists alone. A run that was cut off left its mark
# and nothing else of value, so the next one starts over. One that a newer server wrote is refused.
set -o errexit -o nounset -o pipefail
mark={DATA}/.kolla-iac-bootstrap
if [ -e "$mark" ]; then
    find {DATA} -mindepth 1 ! -path "$mark" -delete
elif [ -n "$(ls -A {DATA} | grep -v '^lost+found$' || true)" ]; then
    made=$(grep -hoE '^[0-9]+\\.[0-9]+' {DATA}/mariadb_upgrade_info {DATA}/mysql_upgrade_info 2> /dev/null || true)
    mine=$(mariadbd --version | grep -oE 'Ver [0-9]+\\.[0-9]+' | cut -d ' ' -f 2)
    if [ "$(printf '%s\\n' "${{made:-$mine}}" "$mine" | sort -V | tail -1)" != "$mine" ]; then
        echo "ERROR: the volume was written by MariaDB $made, newer than this server, $mine; nothing was touched." >&2
        echo "ERROR: an older server damages what a newer one wrote: set the image or the release back" >&2
        exit 1
    fi
    echo "a data directory exists: left as it is"
    exit 0
fi
touch "$mark"
chown mysql:mysql {DATA}
mkdir -p /run/mysqld && chown mysql:mysql /run/mysqld
mariadb-install-db --no-defaults --user=mysql --datadir={DATA} --skip-test-db --skip-name-resolve > /dev/null
mariadbd --no-defaults --user=mysql --datadir={DATA} --bootstrap < /etc/mysql/bootstrap.sql
sync
rm "$mark"
echo "a new data directory"
"""


def bootstrap_sql(root_password: str) -> str:
    """Makes the administrator that may connect over the network; the local one needs no password."""
    return (
        "FLUSH PRIVILEGES;\n"
        f"CREATE OR REPLACE USER 'root'@'%' IDENTIFIED BY '{quote(root_password)}';\n"
        "GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION;\n"
    )


def quote(text: str) -> str:
    """``text`` for use between single quotes in SQL (sql_mode without NO_BACKSLASH_ESCAPES)."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


def configuration(environment: Environment, host: str, replica: int = 1) -> ini.Sections:
    """``my.cnf`` of one member."""
    settings = environment.service("mariadb", MariaDBSettings)
    text = render("mariadb", "galera.cnf", settings=settings, replica=replica)
    return ini.override(ini.parse(text), environment.overrides_for("mariadb", host, "galera.cnf"))


def ready() -> ExecWait:
    """The server answers on its own socket, where nobody needs a password."""
    return ExecWait(what="the server answers", command=(*LOCAL, "-e", "SELECT 1"), timeout=120)


def administrator(root_password: str) -> AllOf:
    """The administrator has this password, whatever it was before, and logs in over the network as services will.

    The first command needs no password, so that a new one can follow an old one that is not known any more.
    """
    login = ExecWait(
        what="the administrator logs in over TCP",
        command=("mariadb", "--defaults-file=/dev/stdin", "--protocol=tcp", "-N", "-e", "SELECT 1"),
        stdin=option_file("127.0.0.1", 3306, "root", root_password),
    )
    told = ExecWait(
        what="the administrator's password is set", command=LOCAL, stdin=password_sql(root_password)
    )
    return AllOf(
        what="the administrator logs in over TCP with the password of the settings",
        waits=(told, login),
        timeout=120,
    )


def password_sql(root_password: str) -> str:
    """Brings the administrator's password to this one; the statement holds its hash alone.

    Source: MariaDB, mysql_native_password: SHA-1 of SHA-1.
    """
    inner = hashlib.sha1(root_password.encode(), usedforsecurity=False).digest()
    digest = hashlib.sha1(inner, usedforsecurity=False).hexdigest().upper()
    return f"ALTER USER 'root'@'%' IDENTIFIED BY PASSWORD '*{digest}';\n"


def rollout(environment: Environment, image: str, rotations: Counts = NONE) -> Rollout:
    """One member on its volume, stopped before its successor starts."""
    settings = environment.service("mariadb", MariaDBSettings)
    rotated = rotations.get(SERVICE.secrets[0].name, 0)
    password = {"password": f"rotation {rotated}"}
    placement = tuple(host.name for host in environment.place("mariadb"))
    return Rollout(
        service="mariadb",
        release="",
        form="singleton",
        image=image,
        placement=placement,
        configuration={"galera.cnf": ini.readable(configuration(environment, placement[0]))},
        container={"limits": str(settings.limits), "health_check": str(settings.health_check)},
        before=(
            Act(
                "bootstrap",
                "a data directory is made where there is none",
                {"volume": "mariadb-1", **password},
            ),
        ),
        after=(
            Act(
                "administrator",
                "the administrator's password is that of the settings",
                password,
                follows_containers=True,
                in_image=False,
            ),
        ),
        rotations={SERVICE.secrets[0].name: rotated},
        left=environment.database.external is not None,
        impact=Impact("fails", 15, "one member: it stops before its successor starts", "every API"),
    )
