"""What clients of the database server are given to log in with: an option file or a URL, never an argument."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

FOLDER = "/etc/kolla-iac/database"
CA, CERTIFICATE, KEY = f"{FOLDER}/ca.pem", f"{FOLDER}/client.pem", f"{FOLDER}/client-key.pem"
SOURCE_CA = f"{FOLDER}/source-ca.pem"
"""Of the server that a schema leaves."""


def quoted(text: str) -> str:
    """``text`` for use between double quotes in an option file. Source: MariaDB, "Option File Syntax"."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def option_file(host: str, port: int, user: str, password: str, tls: Mapping[str, Any] | None = None) -> str:
    """An option file for ``--defaults-file``.

    Args:
        tls: as ``DatabaseServer.login`` has it. MariaDB's clients verify the name with the signature or neither, so
            ``verify: ca`` is for them as ``none``: encrypted, with whoever answers.

    >>> print(option_file("mariadb.internal", 3306, "keystone", 'a"b'))
    [client]
    host=mariadb.internal
    port=3306
    user=keystone
    password="a\\"b"
    <BLANKLINE>
    """
    text = f'[client]\nhost={host}\nport={port}\nuser={user}\npassword="{quoted(password)}"\n'
    if tls:
        options = {"ssl-ca": tls["ca"], "ssl-cert": tls["certificate"], "ssl-key": tls["key"]}
        text += "ssl\n" + "".join(f"{name}={path}\n" for name, path in options.items() if path)
        text += f"ssl-verify-server-cert={'on' if tls['verify'] == 'full' else 'off'}\n"
    return text


def connection_url(
    user: str, password: str, host: str, port: int, schema: str, tls: Mapping[str, Any] | None = None
) -> str:
    """SQLAlchemy's URL; the password is percent-encoded, so that every character is allowed in it.

    Source of the parameters: SQLAlchemy's dialect makes PyMySQL's ``ssl`` of those that begin so; a ``ca`` makes
    PyMySQL verify the signature, ``check_hostname`` the name too.

    >>> connection_url("keystone", "a/b", "db", 3306, "keystone")
    'mysql+pymysql://keystone:a%2Fb@db:3306/keystone?charset=utf8mb4'
    """
    options = {"charset": "utf8mb4"}
    if tls:
        if tls["verify"] != "none":
            options["ssl_ca"] = tls["ca"]
        if tls["certificate"]:
            options |= {"ssl_cert": tls["certificate"], "ssl_key": tls["key"]}
        options["ssl_check_hostname"] = str(tls["verify"] == "full").lower()
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    query = urlencode(options, safe="/")
    return f"mysql+pymysql://{user}:{quote(password, safe='')}@{address}/{schema}?{query}"
