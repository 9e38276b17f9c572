"""What is wrong with a database server that somebody else runs: the way to it, who may do what, schemas, clock, room.

Pure; ``check.py`` asks. What its variables say is in ``variables.py``.
"""

import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CLOCK_SECONDS = 5.0
"""Beyond this, times in tables and times of tokens disagree."""
FREE_BYTES = 2**30
"""Beside what the schemas hold: an expansion copies tables."""
CHARSET = "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
RESTART = "; then restart the server"

Orders = dict[str, Any]
"""What ``check.py`` reads."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong."""

    level: str
    """``error``: a deployment or an upgrade would fail; ``warning``: it may."""
    name: str
    saw: str
    mend: str
    """SQL for an administrator, or a setting."""


def quoted(name: str) -> str:
    """
    >>> quoted("keystone")
    '`keystone`'
    """
    return "`" + name.replace("`", "``") + "`"


def account(user: str) -> str:
    """
    >>> account("it's")
    "'it''s'@'%'"
    """
    return "'" + user.replace("'", "''") + "'@'%'"


def not_encrypted() -> Finding:
    """TLS is asked for, and the server has none."""
    mend = f"my.cnf: ssl_cert, ssl_key{RESTART}; or no services.database.external.tls"
    return Finding("error", "tls", "TLS is asked for, and the server offers none", mend)


def unreachable(error: OSError | ValueError, orders: Orders) -> Finding:
    """Why there is no connection."""
    host, port = orders["host"], orders["port"]
    if isinstance(error, socket.gaierror):
        saw = f"{host} does not resolve in the containers' network: {error.strerror}"
        mend = f"a record of {host} in the DNS that containers ask; or its address as services.database.external.host"
        return Finding("error", "name", saw, mend)
    mend = (
        f"let the server listen there (my.cnf: bind_address, port), and containers through to {host}:{port}"
    )
    said = getattr(error, "strerror", None) or error
    return Finding("error", "reachable", f"{host}:{port} cannot be reached: {said}", mend)


EXPIRED, NAMES, ISSUERS = {10}, {62, 64}, {18, 19, 20, 21}
"""OpenSSL's codes, ``X509_V_ERR_...``."""


def of_tls(error: ssl.SSLError, orders: Orders) -> Finding:
    """What is wrong with the server's certificate, or with the versions of TLS that it speaks."""
    at = "services.database.external"
    if not isinstance(error, ssl.SSLCertVerificationError):
        reason = (getattr(error, "reason", None) or str(error)).replace("_", " ").lower()
        saw = f"no version or cipher of TLS in common, of 1.2 or later: {reason}"
        return Finding("error", "tls", saw, f"my.cnf: tls_version = TLSv1.2,TLSv1.3{RESTART}")
    code, said = error.verify_code, error.verify_message
    if code in EXPIRED:
        mend = "a new certificate (my.cnf: ssl_cert, ssl_key); then: FLUSH SSL; (MySQL: ALTER INSTANCE RELOAD TLS;)"
        return Finding("error", "tls", f"the server's certificate is refused: {said}", mend)
    if code in NAMES:
        mend = f"a certificate for {orders['host']}; or the name that it is for as {at}.host; or {at}.tls.verify: ca"
        return Finding("error", "tls", f"the server's certificate is not for this name: {said}", mend)
    if code in ISSUERS:
        mend = f"the certificate of the authority that signed it as {at}.tls.ca"
        return Finding("error", "tls", f"the server's certificate is not signed by tls.ca: {said}", mend)
    return Finding(
        "error", "tls", f"the server's certificate is refused: {said}", "another one (my.cnf: ssl_cert)"
    )


def of_login(number: int, said: str, user: str, schema: str, orders: Orders) -> Finding:
    """Why a login is refused. Source: the servers' lists of error numbers.

    Args:
        schema: empty for the administrator.
    """
    who, where = account(user), f"{user} at {orders['host']}"
    secret = f"<{schema}_database_password>" if schema else "<database_admin_password>"
    anew = f"ALTER USER {who} IDENTIFIED BY '{secret}';"
    if "nsecure transport" in said or number == 3159:
        saw, mend = (
            "the server takes encrypted connections alone",
            "services.database.external.tls, with its ca",
        )
    elif number == 1040:
        saw, mend = "too many connections are open", "SET GLOBAL max_connections = 500;"
    elif number == 1129:
        saw, mend = "the containers' host is blocked after too many errors", "FLUSH HOSTS;"
    elif number == 1130:
        saw, mend = (
            "nobody may log in from the containers' network",
            f"CREATE USER {who} IDENTIFIED BY '{secret}';",
        )
    elif number in (1820, 1862):
        saw, mend = "its password has expired", anew
    elif number in (3118, 4151):
        saw, mend = "the account is locked", f"ALTER USER {who} ACCOUNT UNLOCK;"
    elif number in (1045, 1698):
        saw = f"no such user, another password, or a certificate is asked for: {said}"
        mend = f"CREATE USER IF NOT EXISTS {who} IDENTIFIED BY '{secret}'; {anew}"
    else:
        saw, mend = f"refused with error {number}: {said}", "see the server's error log"
    return Finding("error", "connections" if number == 1040 else "login", f"{where}: {saw}", mend)


def granted(lines: list[str], schema: str) -> tuple[set[str], set[str]]:
    """What ``SHOW GRANTS`` allows in a schema, and which of it may be given on. An empty schema: everywhere.

    >>> lines = ["GRANT USAGE ON *.* TO `k`@`%`", "GRANT SELECT, DROP ON `keystone`.* TO `k`@`%`"]
    >>> may, give = granted(lines, "keystone")
    >>> sorted(may), sorted(give)
    (['DROP', 'SELECT', 'USAGE'], [])
    """
    may: set[str] = set()
    give: set[str] = set()
    for line in lines:
        match = re.match(r"GRANT (.+?) ON (\*|`(?:[^`]|``)+`)\.\* (.*)", line)
        if not match or not _matches(match[2], schema):
            continue
        names = {one.strip().upper() for one in match[1].split(",")}
        may |= names
        if "WITH GRANT OPTION" in match[3]:
            give |= names
    return may, give


def _matches(pattern: str, schema: str) -> bool:
    """Whether a grant's level holds for a schema: ``_`` and ``%`` stand for any, unless escaped.

    >>> _matches("`key_tone`", "keystone"), _matches("`a\\\\_b`", "a_b"), _matches("`a\\\\_b`", "axb")
    (True, True, False)
    """
    if pattern == "*":
        return True
    parts = re.findall(r"\\.|.", pattern.strip("`").replace("``", "`"))
    any_of = {"_": ".", "%": ".*"}
    return bool(re.fullmatch("".join(any_of.get(part) or re.escape(part[-1]) for part in parts), schema))


def _missing(may: set[str], wanted: list[str]) -> list[str]:
    return [] if may & {"ALL", "ALL PRIVILEGES"} else [one for one in wanted if one not in may]


def of_grants(seen: dict[str, list[str]], orders: Orders) -> Iterator[Finding]:
    """What users, or the administrator for them, may not do.

    Args:
        seen: user -> lines of SHOW GRANTS, of those who could log in.
    """
    admin, wanted = orders["admin"], list(orders["grants"])
    if not admin:
        for one in orders["schemas"]:
            if one["user"] in seen and (
                lack := _missing(granted(seen[one["user"]], one["schema"])[0], wanted)
            ):
                mend = f"GRANT {', '.join(lack)} ON {quoted(one['schema'])}.* TO {account(one['user'])};"
                saw = f"{one['user']} may not in schema {one['schema']}: {', '.join(lack)}"
                yield Finding("error", "grants", saw, mend)
    elif admin["user"] in seen:
        user, lines = admin["user"], seen[admin["user"]]
        everywhere = granted(lines, "")[0]
        if _missing(everywhere, ["CREATE USER"]):
            mend = f"GRANT CREATE USER ON *.* TO {account(user)};"
            yield Finding("error", "grants", f"{user} may not make users", mend)
        if _missing(everywhere, ["SELECT"]) and not any(" ON `mysql`." in line for line in lines):
            mend = f"GRANT SELECT ON mysql.user TO {account(user)};"
            yield Finding("error", "grants", f"{user} may not see which users there are", mend)
        for one in orders["schemas"]:
            if lack := _missing(granted(lines, one["schema"])[1], wanted):
                mend = f"GRANT {', '.join(wanted)} ON {quoted(one['schema'])}.* TO {account(user)} WITH GRANT OPTION;"
                saw = f"{user} may not give on in schema {one['schema']}: {', '.join(lack)}"
                yield Finding("error", "grants", saw, mend)


def of_schemas(seen: dict[str, tuple[str, str]], orders: Orders) -> Iterator[Finding]:
    """What is wrong with the schemas.

    Args:
        seen: schema -> character set and collation, of those that are there.
    """
    for one in orders["schemas"]:
        schema = one["schema"]
        charset, collation = seen.get(schema, ("", ""))
        mend = f"ALTER DATABASE {quoted(schema)} {CHARSET};"
        if not charset:
            if not orders["admin"]:
                saw = f"there is no schema {schema}, or {one['user']} may not see it"
                yield Finding(
                    "error", "schema", saw, f"CREATE DATABASE IF NOT EXISTS {quoted(schema)} {CHARSET};"
                )
        elif not charset.startswith("utf8"):
            saw = f"schema {schema} is {charset}: not every name can be stored"
            yield Finding("error", "character-set", saw, mend)
        elif collation.endswith(("_bin", "_cs")):
            saw = (
                f"schema {schema} has the collation {collation}: names that differ in case alone would be two"
            )
            yield Finding("error", "collation", saw, mend)


def of_clock(difference: float) -> Iterator[Finding]:
    """``difference``: the server's clock less that of the host who asks, seconds."""
    if abs(difference) > CLOCK_SECONDS:
        way = "ahead" if difference > 0 else "behind"
        saw = f"the server's clock is {abs(difference):.0f} s {way} of this host's"
        yield Finding(
            "error", "clock", saw, "one source of time for both, such as chrony; then: chronyc makestep"
        )


def of_space(free: int | None, used: int) -> Iterator[Finding]:
    """``free``: bytes on the disk of the server's data, None where it does not say; ``used``: by the schemas."""
    if free is not None and free < FREE_BYTES + used:
        saw = f"{free >> 20} MiB are free on the disk of the server's data; {(FREE_BYTES + used) >> 20} are needed"
        mend = "a larger disk; of old binary logs: PURGE BINARY LOGS BEFORE NOW() - INTERVAL 1 DAY;"
        yield Finding("error", "space", saw, mend)
