"""A stage whose shell is killed, as the provider does on Ctrl-C, is told so by the kernel."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from kolla_iac.resources.stage import COMMAND


def test_a_stage_ends_with_the_shell_that_runs_it() -> None:
    # standard input stays open, so that the stage waits for its specification
    with subprocess.Popen(["sh", "-c", COMMAND], stdin=subprocess.PIPE) as shell:
        children = Path(f"/proc/{shell.pid}/task/{shell.pid}/children")
        _until(lambda: children.read_text().strip() != "")
        stage = int(children.read_text().split()[0])
        _until(lambda: _state(stage) == "S" and _state(stage, after=0.5) == "S")
        shell.kill()
        shell.wait()
        _until(lambda: _state(stage) in ("gone", "Z"))


def _until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def _state(pid: int, after: float = 0) -> str:
    """The kernel's letter for what a process does; ``gone`` if there is none."""
    time.sleep(after)
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0]
    except (OSError, IndexError):
        return "gone"
