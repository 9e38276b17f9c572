"""The probe as a process: its orders as JSON on standard input, its report as JSON on standard output.

Orders: ``{"identity": {url, user, project, password}, "load": {rate, seconds, ...}}`` on one line. It prints
``ready`` when it asks and is answered, and ends when standard input is closed or a bound of the load is reached.
"""

from __future__ import annotations

import json
import os
import sys
import threading

from kolla_iac.errors import KollaError
from kolla_iac.probe.identity import Identity, Wrong
from kolla_iac.probe.load import Load, run


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Runs to the end; 0 whatever was counted, 1 where it could not begin."""
    orders = json.loads(sys.stdin.readline())
    over = threading.Event()

    def until_closed() -> None:
        while os.read(0, 4096):
            pass
        over.set()

    threading.Thread(target=until_closed, daemon=True).start()
    try:
        report = run(
            Identity(**orders["identity"]), Load(**orders["load"]), over, ready=lambda: _say("ready")
        )
    except (KollaError, Wrong, OSError) as error:
        sys.stderr.write(f"the probe could not begin: {error}\n")
        return 1
    _say(json.dumps(report.data()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
