"""`kolla-iac probe` around real commands, on the real engine: a server answers like Keystone, no container is made."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from .test_environments import Checkout, another

NAME = "t-probe"
PROGRAM = """\
import os, pulumi
pulumi.export("keystone", os.environ["T_URL"])
pulumi.export("admin", pulumi.Output.secret({"username": "admin", "project": "admin", "password": "x"}))
"""
STAGE = """\
import sys, time
from kolla_iac.runtime import timeline
record = timeline.started("t-probe", "keystone", "keystone-1-handover", "handover", "2025.2")
timeline.append(record)
print("in the stage", flush=True)
time.sleep(float(sys.argv[1]))
timeline.append(timeline.ended(record, "done"))
sys.exit(int(sys.argv[2]))
"""


class Identity(ThreadingHTTPServer):
    """Issues and validates tokens; every fifth is not validated for as long as a file is there."""

    daemon_threads = True
    request_queue_size = 128
    asked = validations = 0
    broken: Path


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Identity

    def _answer(self, status: int, body: bytes) -> None:
        self.server.asked += 1
        self.send_response(status)
        self.send_header("X-Subject-Token", "token")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(201, b"{}")

    def do_GET(self) -> None:
        self.server.validations += 1
        if self.server.broken.exists() and self.server.validations % 5 == 0:
            self._answer(503, b"no server is available")
        else:
            self._answer(200, b'{"token": {"user": {"name": "admin"}}}')

    def log_message(self, *_: object) -> None:
        """Silent."""


class Bench:
    """A deployed environment whose endpoint is the test's server."""

    def __init__(self, checkout: Checkout, server: Identity) -> None:
        self.checkout, self.server = checkout, server
        self.home = checkout.shared / "kolla"
        self.entered = {
            "KOLLA_IAC_HOME": str(self.home),
            "T_URL": f"http://127.0.0.1:{server.server_port}/v3",
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        done = self.checkout.run("kolla-iac", "probe", NAME, *words, **self.entered)
        print(done.stdout, done.stderr)
        return done

    def stage(self, seconds: float, status: int = 0) -> tuple[str, ...]:
        """A command that is one stage."""
        return ("--", sys.executable, "-c", STAGE, str(seconds), str(status))

    def report(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((self.checkout.folder / "report.json").read_text())
        return read

    def start(self, *words: str) -> subprocess.Popen[str]:
        """The command in a process group of its own, as a terminal has it."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI")}
        environment |= {
            "PULUMI_BACKEND_URL": f"file://{self.checkout.shared / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.checkout.shared / "passphrase"),
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            **self.entered,
        }
        return subprocess.Popen(
            ["kolla-iac", "probe", NAME, *words],
            cwd=self.checkout.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("probe")
    (folder / "shared" / "state").mkdir(parents=True)
    (folder / "shared" / "passphrase").write_text("correct horse")
    checkout = another(folder / "checkout", folder / "shared")
    (checkout.folder / "stacks" / "__main__.py").write_text(PROGRAM)
    with Identity(("127.0.0.1", 0), Handler) as server:
        server.broken = folder / "broken"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        made = Bench(checkout, server)
        checkout.done("kolla-iac", "init", NAME)
        up = ("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", NAME)
        done = checkout.run(*up, **made.entered)
        assert done.returncode == 0, done.stdout + done.stderr
        yield made
        server.shutdown()


@pytest.fixture
def broken(bench: Bench) -> Iterator[Path]:
    """While this file is there, every fifth validation is refused."""
    yield bench.server.broken
    bench.server.broken.unlink(missing_ok=True)


def until(process: subprocess.Popen[str], words: str) -> str:
    """Reads until a line holds the words."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if words in line:
            return seen
    raise AssertionError(f"{words!r} never came:\n{seen}")


def probes(parent: int) -> list[int]:
    """Processes of the probe that a process has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status, line = (folder / "stat").read_text(), (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if int(status.rpartition(")")[2].split()[1]) == parent and b"kolla_iac.probe" in line:
            found.append(int(folder.name))
    return found


def test_a_stage_is_found_in_the_report_and_every_request_in_the_samples(bench: Bench) -> None:
    written = bench.checkout.folder / "samples.jsonl"
    words = ("--rate", "20", "--around", "1", "--max-failed", "0", "--samples", str(written))
    done = bench.run(*words, "-o", "report.json", "-o", "report.html", "-o", "report.md", *bench.stage(2))
    report = bench.report()
    # a machine that is too busy to ask in time says so by its own exit code; nothing may have failed all the same
    assert done.returncode == (0 if report["valid"] else 4), done.stderr
    assert report["failed"] == report["unannounced"] == 0
    names = [one["name"] for one in report["stages"]]
    assert names == ["before the command", "keystone-1-handover", "between stages", "after the command"]
    stage = report["stages"][1]
    assert stage["asked"] >= 35, "20 requests/s for 2 s, and the slow one"
    assert 1.9 < stage["end"] - stage["start"] < 10
    lines = [json.loads(line) for line in written.read_text().splitlines()]
    assert len(lines) == report["total"] + report["slow_total"]
    kinds = {one["kind"] for one in lines}
    assert kinds == {"issue new", "validate new", "issue kept", "validate kept", "issue slow"}
    assert "keystone-1-handover" in done.stdout
    assert "<svg" in (bench.checkout.folder / "report.html").read_text()
    assert (bench.checkout.folder / "report.md").read_text().startswith("## ")
    # the plan has all services as new, since nothing of them is in the state
    assert {"mariadb-1-ready", "keystone-2-handover"} <= set(report["unseen"])
    assert report["unplanned"] == []
    assert [one["service"] for one in report["predicted"] if not one["kept"]] == []


def test_a_stage_that_fails_requests_makes_it_red_and_shuts_the_gate(bench: Bench, broken: Path) -> None:
    broken.touch()
    done = bench.run("--around", "1", "--max-failed", "0", "-o", "report.json", *bench.stage(2))
    report = bench.report()
    assert done.returncode == 3
    assert (report["verdict"], report["exit_code"]) == ("worse", 0)
    assert "keystone-1-handover" in [one["name"] for one in report["stages"] if one["unannounced"]]
    assert "HTTP 503" in report["failures"][0]["failure"]
    assert "keystone-1-handover: " in done.stdout
    assert "predicted: clients feel nothing" in done.stdout


def test_without_a_gate_and_before_it_the_command_s_exit_code_counts(bench: Bench, broken: Path) -> None:
    broken.touch()
    assert bench.run("--around", "0", *bench.stage(1)).returncode == 0
    assert bench.run("--around", "0", "--max-failed", "0", *bench.stage(1, 7)).returncode == 7


def test_without_a_command_it_watches_for_its_time(bench: Bench) -> None:
    done = bench.run("--rate", "10", "--duration", "2", "--format", "json")
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert (report["total"], report["command"], report["exit_code"]) == (20, [], None)
    assert [one["name"] for one in report["stages"]] == ["while watched"]


def test_ctrl_c_ends_the_command_and_the_report_is_printed(bench: Bench) -> None:
    process = bench.start("--around", "0", *bench.stage(60))
    until(process, "in the stage")
    time.sleep(1)
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout is not None
    rest = process.stdout.read()
    assert process.wait(60) == 128 + signal.SIGINT
    assert "keystone-1-handover (cut off)" in rest
    assert "Traceback" not in rest.rpartition("KeyboardInterrupt")[2]


def test_a_job_that_is_ended_ends_the_command_and_reports(bench: Bench) -> None:
    process = bench.start("--around", "0", *bench.stage(60))
    until(process, "in the stage")
    process.terminate()
    assert process.stdout is not None
    rest = process.stdout.read()
    assert process.wait(60) == 128 + signal.SIGTERM
    assert "keystone-1-handover (cut off)" in rest


def test_a_probe_that_was_held_up_says_that_its_result_is_not_valid(bench: Bench) -> None:
    words = ("--around", "0", "--max-failed", "0", "-o", "report.json")
    process = bench.start(*words, *bench.stage(4))
    until(process, "in the stage")
    (asking,) = probes(process.pid)
    os.kill(asking, signal.SIGSTOP)
    time.sleep(2)
    os.kill(asking, signal.SIGCONT)
    assert process.stdout is not None
    rest = process.stdout.read()
    assert process.wait(60) == 4
    assert "INVALID" in rest
    assert "could not keep its rate" in rest
    report = bench.report()
    assert (report["verdict"], report["valid"], report["failed"]) == ("invalid", False, 0)


def test_a_probe_that_died_leaves_what_it_saw_and_no_valid_result(bench: Bench) -> None:
    process = bench.start("--around", "0", "--max-failed", "0", "-o", "report.json", *bench.stage(3))
    until(process, "in the stage")
    (asking,) = probes(process.pid)
    time.sleep(1)
    os.kill(asking, signal.SIGKILL)
    assert process.stdout is not None
    rest = process.stdout.read()
    assert process.wait(60) == 4
    assert "the probe died" in rest
    assert bench.report()["total"] > 5


def test_no_load_outlives_the_command(bench: Bench) -> None:
    process = bench.start("--around", "0", *bench.stage(60))
    until(process, "in the stage")
    (asking,) = probes(process.pid)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
    end = time.monotonic() + 30
    while Path(f"/proc/{asking}").exists() and time.monotonic() < end:
        time.sleep(0.1)
    assert not Path(f"/proc/{asking}").exists()
    before = bench.server.asked
    time.sleep(0.5)
    assert bench.server.asked == before


def test_an_environment_that_is_not_there_is_named(bench: Bench) -> None:
    done = bench.checkout.run("kolla-iac", "probe", "t-prode", **bench.entered)
    assert done.returncode == 1
    assert "no environment 't-prode'" in done.stderr
    assert NAME in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--format", "pdf"), "no such form"),
        (("-o", "report.pdf"), "does not say which form"),
        (("-o", "nowhere/report.md"), "no such folder"),
        (("--", "no-such-command-anywhere"), "no such command"),
        (("--rate", "5000"), "--rate"),
    ],
)
def test_what_is_wrong_with_the_call_is_said_before_anything_is_done(
    bench: Bench, words: tuple[str, ...], said: str
) -> None:
    before = bench.server.asked
    done = bench.run(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert bench.server.asked == before
