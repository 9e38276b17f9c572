"""The SQL that whoever runs an external database server is asked to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kolla_iac.components.database.judge import CHARSET, account, quoted
from kolla_iac.components.database.user import GRANTS
from kolla_iac.components.schemas import Schema, of_all
from kolla_iac.model.database import ADMIN_PASSWORD, ExternalSettings


def script(
    environment: str,
    external: ExternalSettings,
    schemas: Sequence[Schema],
    passwords: Mapping[str, str] | None = None,
) -> str:
    """Statements for MariaDB's or MySQL's client; run again, they change nothing.

    Args:
        passwords: name of a secret -> value; None: placeholders stand for them.
    """
    demand = of_all(list(schemas))
    ssl = " REQUIRE SSL" if external.tls else ""
    lines = [
        f"-- What the cloud {environment} needs on {external.host}:{external.port}. Run it as an administrator:",
        f"--   kolla-iac database sql {environment} | mariadb -h {external.host} -u root -p",
    ]
    if passwords is None:
        lines.append("-- Put passwords in the places of <...>; `--show-passwords` prints them.")

    def user(name: str, secret: str, grants: Sequence[str]) -> list[str]:
        given = _literal(passwords[secret] if passwords is not None else f"<{secret}>")
        who = account(name)
        return [
            f"CREATE USER IF NOT EXISTS {who} IDENTIFIED BY {given}{ssl};",
            f"ALTER USER {who} IDENTIFIED BY {given}{ssl};",
            *(f"GRANT {grant};" for grant in grants),
        ]

    if external.admin:
        who, all_of = account(external.admin.user), ", ".join(GRANTS)
        lines += [
            "",
            f"-- The administrator {external.admin.user} makes schemas and users; it may do no more than this:",
            *user(
                external.admin.user,
                ADMIN_PASSWORD.name,
                [
                    f"CREATE USER ON *.* TO {who}",
                    f"SELECT ON mysql.user TO {who}",
                    *(f"{all_of} ON {quoted(one.name)}.* TO {who} WITH GRANT OPTION" for one in schemas),
                ],
            ),
        ]
    else:
        for one in schemas:
            grant = f"{', '.join(GRANTS)} ON {quoted(one.name)}.* TO {account(one.user)}"
            lines += [
                "",
                f"-- {one.name}",
                f"CREATE DATABASE IF NOT EXISTS {quoted(one.name)} {CHARSET};",
                *user(one.user, one.secret, [grant]),
            ]
    lines += [
        "",
        "-- The server's settings; write them into my.cnf too, so that they outlast a restart.",
        "SET GLOBAL log_bin_trust_function_creators = ON; -- where changes are logged: expansions make triggers",
        f"SET GLOBAL wait_timeout = GREATEST(@@GLOBAL.wait_timeout, {max(600, 2 * demand.recycle)});",
        f"SET GLOBAL max_connections = GREATEST(@@GLOBAL.max_connections, {demand.connections});",
    ]
    return "\n".join(lines) + "\n"


def _literal(text: str) -> str:
    """
    >>> print(_literal("it's"), _literal("a\\\\b"))
    'it''s' 'a\\\\b'
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
