"""The requests of the probe: a token issued, a token validated, each on a connection of its caller's choice."""

from __future__ import annotations

import http.client
import ipaddress
import json
import math
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from kolla_iac.errors import KollaError

SILENT = 2.0
"""Seconds between two pieces of a slow body. uWSGI gives up after 4 s without a byte (``socket-timeout``)."""
LOOK = 0.1
"""Seconds between two looks for an answer that comes before the body is over."""


class Wrong(Exception):
    """An answer that a client would call a failure."""


@dataclass(frozen=True)
class Identity:
    """Whom to ask, and as whom.

    Raises:
        KollaError: the URL is not plain HTTP on a loopback address: a probe is load, and only one's own machine
            is asked for it.
    """

    url: str
    """Of the identity API: ``http://127.0.0.1:5000/v3``."""
    user: str
    project: str
    password: str
    timeout: float = 30
    """Seconds without a byte of answer until a request counts as failed."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "http" or not parts.hostname or not _loopback(parts.hostname):
            raise KollaError(
                "the probe asks this machine only",
                {"wanted": "http:// and a loopback address, such as 127.0.0.1", "saw": self.url},
            )

    def connection(self) -> http.client.HTTPConnection:
        """A connection that is not open yet."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        return http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=self.timeout)

    def issue(
        self,
        connection: http.client.HTTPConnection,
        slowly: float = 0,
        over: threading.Event | None = None,
    ) -> str:
        """A new token.

        Args:
            slowly: seconds over which the request's body is sent, in pieces.
            over: once it is set, what is left of the body is sent at once.

        Raises:
            Wrong, OSError, http.client.HTTPException: there is none.
        """
        body = json.dumps(self._credentials()).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        sent: Any = body
        if slowly:
            sent = _pieces(body, slowly, over or threading.Event(), lambda: not usable(connection))
        connection.request("POST", f"{self._path}/auth/tokens", sent, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 201:
            raise Wrong(f"HTTP {answer.status} to POST auth/tokens: {_start(text)}")
        return answer.headers["X-Subject-Token"]

    def validate(self, connection: http.client.HTTPConnection, token: str) -> None:
        """The token is valid, and says whose it is.

        Raises:
            Wrong, OSError, http.client.HTTPException: it is not, or nobody says so.
        """
        headers = {"X-Auth-Token": token, "X-Subject-Token": token}
        connection.request("GET", f"{self._path}/auth/tokens", headers=headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise Wrong(f"HTTP {answer.status} to GET auth/tokens: {_start(text)}")
        name = json.loads(text)["token"]["user"]["name"]
        if name != self.user:
            raise Wrong(f"the token of {self.user} came back as that of {name}")

    @property
    def _path(self) -> str:
        return urlsplit(self.url).path.rstrip("/")

    def _credentials(self) -> dict[str, Any]:
        domain = {"id": "default"}
        user = {"name": self.user, "domain": domain, "password": self.password}
        return {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"name": self.project, "domain": domain}},
            }
        }


def usable(connection: http.client.HTTPConnection) -> bool:
    """Whether a kept connection may be used again: the other side has not closed it.

    Source: urllib3 asks the same before each use (``wait_for_read``), so clients of OpenStack do.
    """
    sock: socket.socket | None = connection.sock
    return sock is not None and not select.select([sock], [], [], 0)[0]


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _pieces(
    body: bytes, seconds: float, over: threading.Event, answered: Callable[[], bool]
) -> Iterator[bytes]:
    """At least ten pieces; more, where nothing would be sent for longer than `SILENT`. None after an early answer."""
    size = max(len(body) // max(10, math.ceil(seconds / SILENT)), 1)
    starts = range(0, len(body), size)
    for start in starts:
        yield body[start : start + size]
        following = time.monotonic() + seconds / len(starts)
        while (left := following - time.monotonic()) > 0 and not over.wait(min(left, LOOK)):
            if answered():
                # or cut off: when that was is to be known, and not only when the next piece is refused
                return


def _start(text: bytes) -> str:
    return " ".join(text.decode(errors="replace").split())[:200]
