"""A shell that a person types into: one command after the other, in one session."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from .support import Running

DONE = "-- done, exit code "


class Terminal:
    """A shell of its own session, as a terminal gives one."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.running = Running(self.process)

    def type(self, text: str) -> None:
        """Types, and does not wait."""
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def run(self, command: str, answer: str = "", seconds: float = 900) -> str:
        """Types a command and waits for its end, which must be a success; what it printed.

        Args:
            answer: to what it asks.
        """
        before = len(self.running.text)
        given = f"<<< '{answer}'" if answer else "< /dev/null"
        # in braces: what it reads must not be what is typed next, and what it exports must stay
        self.type(f'{{ {command}\n}} {given}\necho "{DONE}$?"\n')
        self.running.until(lambda: DONE in self.running.text[before:], seconds)
        said = self.running.text[before:]
        assert f"{DONE}0\n" in said, f"$ {command}\n{said}"
        return said

    def end(self) -> None:
        """Ctrl-C, and the window is closed."""
        if self.process.poll() is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            self.running.end(signal.SIGINT, group=True)
