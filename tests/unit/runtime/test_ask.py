"""The exchange of requests that runs inside containers, against a server on the loopback address."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from kolla_iac.runtime.inside import ask

PASSWORD = "hunter2-and-more"


class Handler(http.server.BaseHTTPRequestHandler):
    refuse = 0

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if Handler.refuse:
            Handler.refuse -= 1
            self.answer(500, {"error": f"no such password: {sent['password']}"})
        else:
            self.answer(201, {"token": {"user": [{"id": "u-1"}]}}, {"X-Subject-Token": "a-long-token"})

    def do_GET(self) -> None:
        held = self.headers["X-Auth-Token"]
        self.answer(200 if held == "a-long-token" else 401, {"path": self.path, "token": held})

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    Handler.refuse = 0
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        yield server.server_address[1]
        server.shutdown()


def request(port: int, *steps: dict[str, Any], seconds: float = 0.3) -> dict[str, Any]:
    common = {"method": "GET", "headers": {}, "body": None, "expect": [200], "capture": {}, "timeout": 2}
    return {
        "steps": [{**common, "url": f"http://{{container}}:{port}/", **step} for step in steps],
        "names": {"container": "127.0.0.1"},
        "seconds": seconds,
        "interval": 0.05,
    }


ISSUE = {
    "method": "POST",
    "body": {"password": PASSWORD},
    "expect": [201],
    "capture": {"token": "header:X-Subject-Token", "user": "json:token.user.0.id"},
}


def test_later_steps_use_what_earlier_ones_captured(port: int) -> None:
    validate = {"url": f"http://{{container}}:{port}/v3/{{user}}", "headers": {"X-Auth-Token": "{token}"}}
    assert ask.main(request(port, ISSUE, validate)) == {"ok": True, "tries": 1}


def test_it_is_tried_again_until_it_succeeds(port: int) -> None:
    Handler.refuse = 2
    assert ask.main(request(port, ISSUE, seconds=5)) == {"ok": True, "tries": 3}


def test_the_last_answer_is_told_without_what_was_sent(port: int) -> None:
    Handler.refuse = 1000
    answer = ask.main(request(port, ISSUE))
    assert answer["saw"] == "HTTP 500 from POST /"
    assert answer["times"] == answer["tries"] >= 3
    assert "no such password: ***" in answer["body"]
    assert PASSWORD not in json.dumps(answer)


def test_captured_secrets_are_not_told_either(port: int) -> None:
    wrong = {"headers": {"X-Auth-Token": "{token}"}, "expect": [204]}
    answer = ask.main(request(port, ISSUE, wrong))
    assert answer["saw"] == "HTTP 200 from GET /"
    assert "a-long-token" not in json.dumps(answer)


def test_an_answer_without_what_was_to_be_captured(port: int) -> None:
    answer = ask.main(request(port, {**ISSUE, "capture": {"x": "json:token.project.id"}}))
    assert answer["saw"] == "HTTP 201 from POST / without json:token.project.id"


def test_nobody_there(port: int) -> None:
    answer = ask.main(request(1, {}))
    assert answer["saw"].startswith("no answer to GET / (ConnectionRefusedError")


def test_names_that_are_not_known_stay() -> None:
    assert ask.fill({"a": ["{x} {y}"]}, {"x": "1"}) == {"a": ["1 {y}"]}


def test_long_answers_are_cut() -> None:
    assert len(ask.blot("x " * 1000, [])) < 310
