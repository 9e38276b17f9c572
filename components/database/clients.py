"""What MariaDB's own clients are given to log in with: an option file, never an argument."""

from __future__ import annotations


def quoted(text: str) -> str:
    """``text`` for use between double quotes in an option file. Source: MariaDB, "Option File Syntax"."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def option_file(host: str, port: int, user: str, password: str) -> str:
    """An option file for ``--defaults-file``.

    >>> print(option_file("mariadb.internal", 3306, "keystone", 'a"b'))
    [client]
    host=mariadb.internal
    port=3306
    user=keystone
    password="a\\"b"
    <BLANKLINE>
    """
    return f'[client]\nhost={host}\nport={port}\nuser={user}\npassword="{quoted(password)}"\n'
