"""Backups by the clock: ``python3 -m backup serve EVERY VERIFY LOGS``, in seconds, until SIGTERM.

It only says when; what is done are the other phases, each as a process of its own: ``list`` says what there is,
``create`` makes a backup when the newest good one is older than EVERY, ``verify`` proves the newest when none was
verified for VERIFY, ``logs`` stores the binary logs LOGS after the last time. So nothing is remembered that the
repository does not know, and whoever makes a backup by hand has it counted. Whatever fails is tried again later,
after a wait that grows and is bounded.

Writes what came of it into LAST, and touches ALIVE while it lives, whatever fails.
"""

import contextlib
import json
import math
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from .repository import NO_REPOSITORY, reason
from .tools import WORK, Orders, last

LAST, ALIVE = WORK / "last.json", WORK / "alive"
RETRY, LONGEST = 60.0, 3600.0
"""Seconds after a first failure, doubled by each further one, and at most."""
LOOK = 3600.0
"""After so many seconds at most the repository is looked at again: others make backups too."""
TICK, POLL = 5.0, 0.1
END = 8.0
"""Seconds that what runs may take to end at SIGTERM: restic takes its locks away."""
DO = {"backup": ["create"], "verify": ["verify", "newest"], "logs": ["logs"]}


def known(listed: dict[str, Any]) -> dict[str, Any]:
    """The newest good backup and the latest verification of any, from what ``list`` says; times since 1970.

    >>> one = {"backup": "b", "made": "1970-01-01T00:01:00.123456789Z", "verified": ""}
    >>> two = {"backup": "a", "made": "1970-01-01T00:00:00Z", "verified": "19700101T000030Z"}
    >>> known({"backups": [one, two]})
    {'newest': 'b', 'made': 60.123456, 'verified': 30.0}
    >>> known({"backups": []})
    {'newest': '', 'made': 0.0, 'verified': 0.0}
    """
    found = listed["backups"]
    return {
        "newest": found[0]["backup"] if found else "",
        "made": moment(found[0]["made"]) if found else 0.0,
        "verified": max((moment(one["verified"]) for one in found if one["verified"]), default=0.0),
    }


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def due(there: dict[str, Any], bounds: dict[str, float], rest: dict[str, float]) -> tuple[str, float]:
    """What is next, and when; a backup before a verification of the same moment.

    Args:
        bounds: what -> seconds between two.
        rest: what failed -> when it may be tried again.

    >>> bounds = {"backup": 100, "verify": 700, "logs": 10}
    >>> due({"newest": "", "made": 0.0, "verified": 0.0, "stored": 0.0}, bounds, {})
    ('backup', 0.0)
    >>> due({"newest": "b", "made": 1000.0, "verified": 0.0, "stored": 1000.0}, bounds, {})
    ('verify', 700.0)
    >>> due({"newest": "b", "made": 1000.0, "verified": 900.0, "stored": 1085.0}, bounds, {"logs": 1160.0})
    ('backup', 1100.0)
    """
    moments = {
        "backup": there["made"] + bounds["backup"] if there["newest"] else 0.0,
        "verify": there["verified"] + bounds["verify"] if there["newest"] else math.inf,
        "logs": there["stored"] + bounds["logs"] if there["newest"] else math.inf,
    }
    moments = {what: max(when, rest.get(what, 0.0)) for what, when in moments.items()}
    what = min(moments, key=lambda one: moments[one])
    return what, moments[what]


def pause(failures: int, bound: float) -> float:
    """Seconds until something is tried again.

    >>> [pause(failures, 86400.0) for failures in (0, 1, 2, 3, 50)], pause(3, 2.0)
    ([60.0, 60.0, 120.0, 240.0, 3600.0], 2.0)
    """
    return float(min(RETRY * 2 ** min(max(failures - 1, 0), 10), LONGEST, bound))


def serve(orders: Orders, every: str, verify: str, logs: str) -> Iterator[str]:
    signal.signal(signal.SIGTERM, _end)
    WORK.mkdir(parents=True, exist_ok=True)
    between = {"look": every, "backup": every, "verify": verify, "logs": logs}
    bounds = {what: float(each) for what, each in between.items()}
    if orders["schemas"]:
        bounds["logs"] = math.inf  # of a server of somebody else's nobody gets any
    told: dict[str, Any] = {"since": _now(), "newest": "", "made": "", "verified": "", "tried": {}}
    failures = dict.fromkeys(bounds, 0)
    rest: dict[str, float] = {}
    stored = 0.0

    def tried(what: str, ok: bool, said: str) -> float:
        failures[what] = 0 if ok else failures[what] + 1
        told["tried"][what] = {"at": _now(), "ok": ok, "said": said}
        write(LAST, json.dumps(told, indent=1))
        return pause(failures[what], bounds[what])

    yield f"a backup every {every} s, one verified every {verify} s, binary logs every {logs} s"
    while True:
        ok, said = work("list")
        if not ok and said == reason(NO_REPOSITORY, ""):
            ok, said = True, '{"backups": []}'
        if not ok:
            yield f"{_now()} look: {said}"
            sleep(tried("look", False, said))
            continue
        there = known(json.loads(said))
        told |= {"newest": there["newest"]}
        told |= {key: _iso(there[key]) if there[key] else "" for key in ("made", "verified")}
        tried("look", True, "")
        what, when = due({**there, "stored": stored}, bounds, rest)
        if (left := when - time.time()) > 0:
            sleep(min(left, LOOK))
            continue
        ok, said = work(*DO[what])
        # a backup stores them too
        stored = time.time() if ok and what != "verify" else stored
        yield f"{_now()} {what}: {said}"
        # after a success too: should the repository not show it, it is not made again and again
        rest[what] = time.time() + tried(what, ok, said)


def work(phase: str, *words: str) -> tuple[bool, str]:
    """Carries a phase out; whether it came to its end, and what it said. It ends with us, and all that it started."""
    with (WORK / "said-by-phase").open("w+") as out:
        line = [sys.executable, "-m", "backup", phase, *words]
        process = subprocess.Popen(line, stdout=out, stderr=out, text=True, start_new_session=True)
        try:
            while process.poll() is None:
                ALIVE.touch()
                time.sleep(POLL)
        finally:
            if process.poll() is None:
                end(process)
        out.seek(0)
        said = out.read()
    if process.returncode:
        return False, last(said)
    return True, "; ".join(
        line.removeprefix("note: ") for line in said.splitlines() if line.startswith("note: ")
    )


def end(process: subprocess.Popen[str]) -> None:
    """Ends a process and what it started: politely, then for good."""
    until = time.monotonic() + END
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        while time.monotonic() < until:
            process.poll()
            os.killpg(process.pid, 0)
            time.sleep(POLL)
        os.killpg(process.pid, signal.SIGKILL)


def sleep(seconds: float) -> None:
    until = time.time() + seconds
    while (left := until - time.time()) > 0:
        ALIVE.touch()
        time.sleep(min(left, TICK))


def write(file: pathlib.Path, text: str) -> None:
    """Whole or not at all."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def _end(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)


def _now() -> str:
    return _iso(time.time())


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
