"""The probe against a server of the test's own, of which it is known what it does."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kolla_iac.errors import KollaError
from kolla_iac.probe import Identity, Load, Report, Sample, run
from kolla_iac.probe.identity import SILENT, _pieces
from kolla_iac.probe.report import summary


class Server(ThreadingHTTPServer):
    """Issues and validates tokens; may pause, refuse, or drop kept connections."""

    daemon_threads = True
    request_queue_size = 128
    paused_until = 0.0
    refuse_every = 0
    close_kept = False
    asked = 0
    connections = 0

    def finish_request(self, request: object, client_address: object) -> None:
        self.connections += 1
        super().finish_request(request, client_address)  # type: ignore[arg-type]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _answer(self, status: int, body: bytes) -> None:
        time.sleep(max(self.server.paused_until - time.time(), 0))
        self.server.asked += 1
        if self.server.refuse_every and self.server.asked % self.server.refuse_every == 0:
            status, body = 503, b"busy"
        self.send_response(status)
        self.send_header("X-Subject-Token", "token")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        # closes without having said so, as a load balancer does with a connection that was idle
        self.close_connection = self.close_connection or self.server.close_kept

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(201, b"{}")

    def do_GET(self) -> None:
        self._answer(200, json.dumps({"token": {"user": {"name": "admin"}}}).encode())

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as one:
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield one
        one.shutdown()


def _identity(server: Server) -> Identity:
    return Identity(f"http://127.0.0.1:{server.server_port}/v3", "admin", "admin", "x", timeout=10)


def _run(server: Server, **load: float) -> Report:
    return run(_identity(server), Load(**load), threading.Event())  # type: ignore[arg-type]


def test_counts_what_it_sends_at_its_rate(server: Server) -> None:
    report = _run(server, rate=100, seconds=1)
    assert report.failed == 0, str(report)
    assert report.total == 100
    assert 0.9 < report.lasted < 3
    assert report.p50 <= report.p99 <= report.longest


def test_ends_after_its_number_of_requests(server: Server) -> None:
    assert _run(server, rate=200, seconds=60, requests=30).total == 30


def test_half_of_the_connections_are_kept(server: Server) -> None:
    report = _run(server, rate=50, requests=40)
    # one to begin with, one for each of 20 requests, and few for the other 20
    assert report.failed == 0
    assert 22 <= server.connections < 35


def test_a_pause_of_the_server_is_counted_in_full_by_those_who_met_it(server: Server) -> None:
    server.paused_until = 0
    threading.Timer(0.5, lambda: setattr(server, "paused_until", time.time() + 1)).start()
    report = _run(server, rate=40, seconds=2)
    assert report.failed == 0, str(report)
    assert report.total == 80, "an open loop goes on asking while nobody answers"
    assert 0.9 < report.longest < 2.5
    assert report.p50 < 0.5


def test_refusals_are_failures_and_told_with_their_reason(server: Server) -> None:
    server.refuse_every = 10
    report = _run(server, rate=100, requests=50)
    assert report.failed == 5, str(report)
    assert "HTTP 503" in report.failures[0]
    assert "busy" in str(report)


def test_a_kept_connection_that_the_other_side_closed_is_no_failure(server: Server) -> None:
    server.close_kept = True
    report = _run(server, rate=20, requests=20)
    assert report.failed == 0, str(report)


def test_nobody_there_is_a_failure_of_every_request(server: Server) -> None:
    over = threading.Event()
    threading.Timer(0.3, server.socket.close).start()
    threading.Timer(0.3, server.shutdown).start()
    report = run(_identity(server), Load(rate=50, seconds=1.5), over)
    assert report.failed > 20, str(report)
    assert "Connection" in str(report) or "refused" in str(report)


def test_slow_requests_are_counted_apart(server: Server) -> None:
    report = _run(server, rate=20, seconds=1, slow_seconds=0.4)
    assert report.total == 20
    assert 2 <= report.slow_total <= 5
    assert report.slow_failed == 0


def test_the_slow_request_that_outlasts_all_others_is_sent_at_once_in_the_end(server: Server) -> None:
    began = time.monotonic()
    report = _run(server, rate=20, seconds=1, slow_seconds=300)
    assert (report.slow_total, report.slow_failed) == (1, 0)
    assert time.monotonic() - began < 100


def test_a_slow_body_never_pauses_for_long_whatever_time_it_takes() -> None:
    over = threading.Event()
    over.set()
    body = b"x" * 1000
    for seconds in (4, 50, 600):
        pieces = list(_pieces(body, seconds, over, lambda: False))
        assert b"".join(pieces) == body
        assert seconds / len(pieces) <= max(SILENT, 0.5)


def test_an_answer_before_the_body_is_over_is_seen_at_once() -> None:
    began = time.monotonic()
    assert list(_pieces(b"x" * 1000, 600, threading.Event(), lambda: True)) == [b"xxx"]
    assert time.monotonic() - began < 2


def test_says_when_it_could_not_keep_its_rate() -> None:
    samples = [Sample("issue new", float(n), 0.0 if n % 10 else 2.0, 2.1) for n in range(100)]
    report = summary(samples, rate=20, started=0, ended=100)
    assert (report.late, report.latest, report.kept_rate) == (10, 2.0, False)
    assert "could not keep its rate" in str(report)


@pytest.mark.parametrize("url", ["http://192.0.2.1:5000/v3", "https://127.0.0.1/v3", "http://example.org/v3"])
def test_asks_this_machine_only(url: str) -> None:
    with pytest.raises(KollaError, match="this machine only"):
        Identity(url, "admin", "admin", "x")


def test_runs_as_a_process_until_its_input_ends(server: Server) -> None:
    orders = {"identity": asdict(_identity(server)), "load": asdict(Load(rate=50, seconds=30))}
    with subprocess.Popen(
        [sys.executable, "-m", "kolla_iac.probe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(orders) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.5)
        process.stdin.close()
        report = Report.of_data(json.loads(process.stdout.readlines()[-1]))
    assert process.returncode == 0
    assert report.failed == 0
    assert 10 <= report.total <= 200
