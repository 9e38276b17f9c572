"""The identity API as these tests use it: JSON over connections that are kept, several at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from typing import Any, TypeVar
from urllib.parse import urlsplit

from kolla_iac.probe.identity import usable

AT_ONCE = 4
"""Connections: as many as two replicas have workers."""

Fields = dict[str, Any]
T = TypeVar("T")
R = TypeVar("R")


class Refused(AssertionError):
    """An answer other than the one wanted."""


class Api:
    """Keystone at one URL; each thread has a connection of its own."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._path = str(parts.hostname), parts.port, parts.path
        self._mine = threading.local()

    def ask(
        self,
        method: str,
        path: str,
        token: str = "",
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Fields, Mapping[str, str]]:
        """One request; what was answered, and the answer's headers.

        Raises:
            Refused: the status is no success.
        """
        sent = {"Content-Type": "application/json", **(headers or {})}
        if token:
            sent["X-Auth-Token"] = token
        connection = self._connection()
        text = None if body is None else json.dumps(body)
        try:
            connection.request(method, self._path + path, text, sent)
            answer = connection.getresponse()
            read = answer.read()
        except (OSError, HTTPException):
            connection.close()
            self._mine.connection = None
            raise
        if answer.status >= 300:
            raise Refused(f"{method} {path}: HTTP {answer.status}: {read.decode(errors='replace')[:300]}")
        return (json.loads(read) if read else {}), answer.headers

    def token(self, identity: Mapping[str, Any], scope: Any = None) -> str:
        """A token for these parts of a request for one."""
        auth = {"identity": identity} | ({"scope": scope} if scope else {})
        return str(self.ask("POST", "/auth/tokens", body={"auth": auth})[1]["X-Subject-Token"])

    def validated(self, token: str, by: str) -> Fields:
        """What a token says, asked with another, by somebody who heeds the rules of an application credential."""
        headers = {"X-Subject-Token": token, "OpenStack-Identity-Access-Rules": "1.0"}
        answer, _ = self.ask("GET", "/auth/tokens", by, headers=headers)
        said: Fields = answer["token"]
        return said

    def _connection(self) -> HTTPConnection:
        kept: HTTPConnection | None = getattr(self._mine, "connection", None)
        if kept is not None and usable(kept):
            return kept
        if kept is not None:
            kept.close()
        self._mine.connection = HTTPConnection(self._host, self._port, timeout=60)
        made: HTTPConnection = self._mine.connection
        return made


def password(user: str, secret: str) -> Fields:
    """Who signs in, by id and password."""
    return {"methods": ["password"], "password": {"user": {"id": user, "password": secret}}}


def all_of(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Does it for each, several at once; the results in the items' order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(work, items))
