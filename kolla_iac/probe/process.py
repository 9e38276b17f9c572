"""The probe's process, from the side of whoever starts it."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from kolla_iac.errors import KollaError
from kolla_iac.probe.identity import Identity
from kolla_iac.probe.load import Load
from kolla_iac.probe.report import Report, Sample

FIRST_ANSWER = 60
"""Seconds until the first request must have been answered."""


class Probe:
    """Asks from its own process, in a session of its own: Ctrl-C on the terminal does not reach it.

    It ends when this process does, whatever ended that.
    """

    def __init__(self, identity: Identity, load: Load, samples: Path) -> None:
        """Starts it.

        Args:
            samples: the file that gets a JSON line a request.
        """
        self.samples = samples
        self._last_answers = identity.timeout + load.slow_seconds + 30
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._errors = ""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "kolla_iac.probe"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=read, daemon=True) for read in (self._read, self._read_errors)
        ]
        for reader in self._readers:
            reader.start()
        orders = {"identity": asdict(identity), "load": asdict(load), "samples": str(samples)}
        assert self._process.stdin is not None
        # if it has ended already, it says why to whoever waits for its first answer
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(orders) + "\n")
            self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        self._errors = self._process.stderr.read()[-4000:]

    def wait_for_first_answer(self) -> None:
        """Returns when it asks at its rate and is answered.

        Raises:
            KollaError: it could not begin, or nobody answers.
        """
        try:
            line = self._lines.get(timeout=FIRST_ANSWER)
        except queue.Empty:
            line = None
        if line != "ready\n":
            self.stop()
            said = self._errors.strip() or f"no answer within {FIRST_ANSWER} s"
            raise KollaError(
                "the probe could not begin", {"saw": said.removeprefix("the probe could not begin: ")}
            )

    @property
    def runs(self) -> bool:
        """False when a bound of its load is reached, or it died."""
        return self._process.poll() is None

    def stop(self) -> tuple[Report | None, str]:
        """Has it ask no more, and waits for what is on its way.

        Returns:
            what it counted, None if it did not come to say so; and why it cannot be relied on, else an empty text.
        """
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(self._last_answers)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for reader in self._readers:
            reader.join()
        last = ""
        while not self._lines.empty():
            last = self._lines.get() or last
        report = Report.of_data(json.loads(last)) if last.startswith("{") else None
        if self._process.returncode:
            said = self._errors.strip().splitlines()
            return report, said[-1] if said else f"the probe died (exit code {self._process.returncode})"
        return report, ""


def read_samples(file: Path) -> list[Sample]:
    """What a file of samples holds; a last line that is half written is left out."""
    found = []
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                found.append(Sample(**json.loads(line)))
            except (ValueError, TypeError):
                continue
    return found
