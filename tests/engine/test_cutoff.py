"""An update that is cut off: what Pulumi prints, what to type then, and that the next update completes it."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import docker

from .conftest import containers
from .harness import Stack

Make = Callable[[str], Stack]
SLOW = {"stage_takes": 90}


def cut_off(
    it: Stack, number: signal.Signals, when: Callable[[], bool], **settings: object
) -> tuple[str, float]:
    """Start an update, send the engine a signal as soon as ``when`` holds; what it printed, and how long it took."""
    process = it.start("up", "--yes", "--skip-preview", "--stack", "t", **settings)
    until = time.monotonic() + 60
    while not when():
        assert process.poll() is None and time.monotonic() < until, process.communicate()[0]
        time.sleep(0.1)
    began = time.monotonic()
    process.send_signal(number)
    process.wait(timeout=60)
    took = time.monotonic() - began
    assert process.returncode != 0
    assert process.stdout is not None
    return (process.stdout.read() if number == signal.SIGINT else ""), took


def begun(it: Stack) -> Callable[[], bool]:
    log = it.folder / "log"
    it.settings["log"] = str(log)
    return log.exists


def test_interrupted_while_a_stage_runs(stack: Make) -> None:
    it = stack("slow.py")
    said, took = cut_off(it, signal.SIGINT, begun(it), **SLOW)
    assert "cancelling" in said and took < 30
    again = it.up()
    assert again.counts == {"created": 1, "unchanged": 2}, again.text
    assert it.up().counts == {"unchanged": 3}
    assert Path(it.settings["log"]).read_text().split() == ["begun", "begun", "ended"]


GENTLE = """
import ctypes, os, signal, sys, time
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: a SIGTERM when the shell above is killed
open(sys.argv[1], "w").write("begun")
while not asked:
    time.sleep(0.1)
time.sleep(1)
open(sys.argv[1], "w").write("ended between two steps")
sys.exit(3)
"""


def test_interrupted_stage_that_is_told_through_its_shell(stack: Make) -> None:
    """The plugin kills the shell, not what runs below it; it waits for that, since it holds the output open."""
    it = stack("command.py")
    log, script = it.folder / "log", it.folder / "gentle.py"
    script.write_text(GENTLE)
    command = {"create": f"python3 {script} {log} || exit $?"}
    said, _ = cut_off(it, signal.SIGINT, log.exists, command=command)
    assert "signal: killed" in said
    assert log.read_text() == "ended between two steps"


def test_engine_killed_while_a_stage_runs(stack: Make) -> None:
    it = stack("slow.py")
    cut_off(it, signal.SIGKILL, begun(it), **SLOW)

    locked = it.up(fails=True)
    assert "the stack is currently locked" in locked.text and "`pulumi cancel`" in locked.text
    it.pulumi("cancel", "--yes", "--stack", "t")

    again = it.up()
    assert again.counts == {"created": 1, "unchanged": 2}, again.text
    assert "1 pending operations" in again.text and "interrupted while creating" in again.text

    it.pulumi("refresh", "--yes", "--clear-pending-creates", "--stack", "t")
    clean = it.up()
    assert clean.counts == {"unchanged": 3} and "pending" not in clean.text
    assert "ended" in Path(it.settings["log"]).read_text()


def test_engine_killed_while_a_container_is_created(stack: Make, daemon: docker.DockerClient) -> None:
    it = stack("slow.py")
    cut_off(it, signal.SIGKILL, lambda: bool(containers(daemon, it.name)), healthy_after=60, log="/dev/null")
    it.pulumi("cancel", "--yes", "--stack", "t")
    again = it.up(log="/dev/null")
    assert again.counts["created"] >= 2 and "pending operations" in again.text
    current = it.outputs(f"{it.name}-slow")["name"]
    assert daemon.containers.get(current).attrs["State"]["Health"]["Status"] == "healthy"


def test_two_updates_at_once(stack: Make) -> None:
    it = stack("slow.py")
    first: subprocess.Popen[str] | None = None
    try:
        when = begun(it)
        first = it.start("up", "--yes", "--skip-preview", "--stack", "t", stage_takes=8)
        until = time.monotonic() + 60
        while not when():
            assert first.poll() is None and time.monotonic() < until
            time.sleep(0.1)
        assert "the stack is currently locked" in it.up(fails=True).text
        assert first.wait(timeout=60) == 0
    finally:
        if first is not None and first.poll() is None:
            first.kill()
    it.up()
