"""How programs of ours in a service's image log in to the database server. Needs only PyMySQL.

Of what they read, ``host``, ``port``, ``tls`` and where that is not null: ``verify`` (full, ca, none), ``ca``,
``certificate`` and ``key``, which are paths; null where there is none.
"""

import socket
import struct
from typing import Any

CONNECT_SECONDS = 5
READ_SECONDS = 30
SSL = 0x0800
"""Capability flag. Source: MySQL's client/server protocol, ``CLIENT_SSL``."""


class NotEncrypted(Exception):
    """The server did not offer TLS, and PyMySQL would go on without."""


def greeting(host: str, port: int, seconds: float = CONNECT_SECONDS) -> tuple[str, int]:
    """What the server says to everybody who connects: version and the lower capability flags; or why it says nothing,
    and 0. Source: the protocol's ``HandshakeV10`` and ``ERR_Packet``.

    Raises:
        OSError: it cannot be reached, or says nothing.
        ValueError: it speaks another protocol.
    """
    packet = b""
    with socket.create_connection((host, port), timeout=seconds) as opened:
        opened.settimeout(seconds)
        while len(packet) < 4 or len(packet) < 4 + int.from_bytes(packet[:3], "little"):
            if not (block := opened.recv(4096)):
                break
            packet += block
    body = packet[4:]
    if body[:1] == b"\xff":
        return body[3:].decode(errors="replace"), 0
    end = body.find(0, 1)
    if body[:1] != b"\x0a" or end < 0 or len(body) < end + 16:
        raise ValueError(f"it speaks another protocol than MariaDB's: {packet[:40]!r}")
    # after the version: connection id, eight bytes of salt, a zero
    (flags,) = struct.unpack_from("<H", body, end + 1 + 4 + 8 + 1)
    return body[1:end].decode(errors="replace"), flags


def encryption(tls: dict[str, Any] | None) -> dict[str, Any]:
    """What PyMySQL is told of TLS.

    >>> encryption(None), encryption({"verify": "ca", "ca": "/ca.pem", "certificate": None, "key": None})
    ({'ssl_disabled': True}, {'ssl': {'check_hostname': False, 'verify_mode': 'required', 'ca': '/ca.pem'}})
    """
    if tls is None:
        return {"ssl_disabled": True}
    told: dict[str, Any] = {
        "check_hostname": tls["verify"] == "full",
        "verify_mode": "none" if tls["verify"] == "none" else "required",
    }
    if tls["ca"]:
        told["ca"] = tls["ca"]
    if tls["certificate"]:
        told |= {"cert": tls["certificate"], "key": tls["key"]}
    return {"ssl": told}


def connect(server: dict[str, Any], user: str, password: str, seconds: int = READ_SECONDS) -> Any:
    """A connection, encrypted where that is asked for.

    Args:
        seconds: for which the server may keep silent over a statement.

    Raises:
        pymysql.err.MySQLError: the server cannot be reached, is not who it has to be, or refuses the login.
        NotEncrypted: TLS is asked for and the server has none.
    """
    import pymysql  # noqa: PLC0415 - unit tests have none

    opened = pymysql.connect(
        host=server["host"],
        port=server["port"],
        user=user,
        password=password.encode(),  # PyMySQL makes Latin-1 of text
        charset="utf8mb4",
        connect_timeout=CONNECT_SECONDS,
        read_timeout=seconds,
        **encryption(server.get("tls")),
    )
    if server.get("tls"):
        with opened.cursor() as cursor:
            cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_version'")
            if not (cursor.fetchone() or ("", ""))[1]:
                opened.close()
                raise NotEncrypted("TLS is asked for, and the server offers none")
    return opened
