"""A server that keeps comments of pull and merge requests, as the hosts' APIs do."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "token-of-the-test"
MERGED = "4f2a81c0" * 5
"""The commit that the merge of request 7 made."""
LISTS = r"/repos/me/it/issues/7/comments|/projects/3/merge_requests/7/notes"
COMMITS = r"(?:/repos/me/it/commits|/projects/3/repository/commits)/([0-9a-f]{40})/(?:pulls|merge_requests)"
REQUESTS = [
    {"number": 5, "iid": 5, "merged_at": None},
    {"number": 7, "iid": 7, "merged_at": "2026-11-26T01:02:03Z"},
]
"""One was closed unmerged; both hosts list it too."""


class Host(ThreadingHTTPServer):
    """GitHub and GitLab, as far as comments go: pages of 100, and a token that must be right."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.comments: list[dict[str, Any]] = [{"id": n, "body": f"comment {n}"} for n in range(150)]
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Host

    def _answer(self, status: int, data: Any) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _handle(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        sent = json.loads(self.rfile.read(size)) if size else {}
        self.server.asked.append(f"{self.command} {self.path}")
        if TOKEN not in (
            self.headers.get("Authorization", "").removeprefix("Bearer "),
            self.headers.get("PRIVATE-TOKEN"),
        ):
            return self._answer(403, {"message": "Resource not accessible by integration"})
        parts = urlsplit(self.path)
        if self.command == "GET" and re.fullmatch(LISTS, parts.path):
            asked = parse_qs(parts.query)
            page, size = int(asked["page"][0]), int(asked["per_page"][0])
            return self._answer(200, self.server.comments[(page - 1) * size : page * size])
        if self.command == "POST" and re.fullmatch(LISTS, parts.path):
            self.server.comments.append({"id": 1000 + len(self.server.comments), **sent})
            return self._answer(201, self.server.comments[-1])
        if self.command == "GET" and (asked := re.fullmatch(COMMITS, parts.path)):
            return self._answer(200, REQUESTS if asked[1] == MERGED else [])
        one = re.fullmatch(rf"(?:/repos/me/it/issues/comments|{LISTS.split('|')[1]})/(\d+)", parts.path)
        if one and self.command == ("PATCH" if "repos" in parts.path else "PUT"):
            (found,) = (each for each in self.server.comments if each["id"] == int(one[1]))
            found.update(sent)
            return self._answer(200, found)
        return self._answer(404, {"message": "Not Found"})

    do_GET = do_POST = do_PATCH = do_PUT = _handle

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def comments() -> Iterator[Host]:
    """The server, for the block."""
    server = Host()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
