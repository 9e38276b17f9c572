"""The probe as a process: its orders as JSON on standard input, its report as JSON on standard output.

Orders: ``{"identity": {url, user, project, password}, "load": {rate, seconds, ...}, "samples": path}`` on one line;
``samples`` may be left out, else every request becomes a JSON line of that file when it is over. It prints
``ready`` when it asks and is answered, and ends when standard input is closed or a bound of the load is reached.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from kolla_iac.errors import KollaError
from kolla_iac.probe.identity import Identity, Wrong
from kolla_iac.probe.load import Load, run
from kolla_iac.probe.report import Sample

AHEAD = -10
"""Niceness, where it may be had: a probe that waits for the processor measures itself."""


class Notes:
    """A file with a line a request; one that cannot be written ends the notes, not the requests."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file
        self.trouble = ""

    def __call__(self, sample: Sample) -> None:
        if self._file is None or self.trouble:
            return
        try:
            self._file.write(json.dumps(asdict(sample)) + "\n")
            self._file.flush()
        except OSError as error:
            self.trouble = str(error)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Runs to the end; 0 whatever was counted, 1 where it could not begin or note what it counted."""
    orders = json.loads(sys.stdin.readline())
    over = threading.Event()

    def until_closed() -> None:
        while os.read(0, 4096):
            pass
        over.set()

    threading.Thread(target=until_closed, daemon=True).start()
    with ExitStack() as open_files:
        try:
            identity, load = Identity(**orders["identity"]), Load(**orders["load"])
            path = orders.get("samples")
            notes = Notes(open_files.enter_context(Path(path).open("a", encoding="utf-8")) if path else None)
            with suppress(OSError):
                os.nice(AHEAD)
            report = run(identity, load, over, ready=lambda: _say("ready"), note=notes)
        except (KollaError, Wrong, OSError) as error:
            sys.stderr.write(f"the probe could not begin: {error}\n")
            return 1
    _say(json.dumps(report.data()))
    if notes.trouble:
        sys.stderr.write(f"the samples could not be written: {notes.trouble}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
