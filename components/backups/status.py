"""What came of the scheduled backups, as their container says it: for `status` and `doctor`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kolla_iac.components.mariadb.backup.schedule import LAST
from kolla_iac.errors import KollaError
from kolla_iac.model.backup import Schedule, seconds
from kolla_iac.runtime.containers import Found, tidy
from kolla_iac.runtime.execute import run

SECONDS = 15.0
TIMES = 2
"""From so many times its interval on a backup or a verification is missed."""
NAMES = {
    "look": "a look at the repository",
    "backup": "the last scheduled backup",
    "verify": "the last verification",
    "logs": "the last storing of binary logs",
}


@dataclass(frozen=True)
class Tried:
    """The last time that something was tried."""

    what: str
    """``look``, ``backup``, ``verify`` or ``logs``."""
    at: datetime
    ok: bool
    said: str


@dataclass(frozen=True)
class Result:
    """What stands in the repository, as far as the container knows, and what it tried last."""

    since: datetime
    """When the container began to keep the schedule."""
    newest: str
    """Name of the newest good backup; empty for none."""
    made: datetime | None
    verified: datetime | None
    """The latest verification of any backup."""
    tried: tuple[Tried, ...]


def ask(found: Found) -> dict[str, Any]:
    """The last result of a running container, as ``backup/schedule.py`` writes it. No repository is asked.

    Raises:
        KollaError: the container does not say it.
    """
    said = run(found, ["cat", str(LAST)], user="root", timeout=SECONDS)
    if said.exit_code != 0:
        saw = " ".join(tidy(said.errors or said.output, 1))
        raise KollaError(f"{found.name} has no result of scheduled backups yet", {"saw": saw})
    told: dict[str, Any] = json.loads(said.output)
    return told


def parse(told: dict[str, Any]) -> Result:
    """What ``ask`` answers."""
    tried = tuple(
        Tried(what, datetime.fromisoformat(one["at"]), one["ok"], one["said"])
        for what, one in told["tried"].items()
    )
    made, verified = (
        datetime.fromisoformat(told[key]) if told[key] else None for key in ("made", "verified")
    )
    return Result(datetime.fromisoformat(told["since"]), told["newest"], made, verified, tried)


def failures(result: Result) -> Iterator[Tried]:
    """What failed last and was not made good since, by the container or by hand."""
    better = {"backup": result.made, "verify": result.verified}
    for one in result.tried:
        since = better.get(one.what)
        if not one.ok and not (since and since > one.at):
            yield one


def overdue(result: Result, schedule: Schedule, now: datetime) -> Iterator[tuple[str, timedelta]]:
    """What should have come long ago, ``backup`` or ``verify``, and for how long there was none.

    What never was is counted from when the container began.
    """
    asked = {
        "backup": (result.made, seconds(schedule.every)),
        "verify": (result.verified, seconds(schedule.verify)),
    }
    for what, (last, between) in asked.items():
        missing = now - (last or result.since)
        if missing > TIMES * timedelta(seconds=between):
            yield what, missing


def line(told: dict[str, Any], now: datetime) -> str:
    """What ``ask`` answers, in a line for people."""
    result = parse(told)
    backup = f"{age(now - result.made)} ago" if result.made else "never"
    proof = f"{age(now - result.verified)} ago" if result.verified else "never"
    failed = "".join(f"; {NAMES[one.what]} failed: {one.said}" for one in failures(result))
    return f"last backup {backup}, last verified {proof}{failed}"


def age(span: timedelta) -> str:
    """
    >>> age(timedelta(hours=50)), age(timedelta(hours=47)), age(timedelta(minutes=90)), age(timedelta(seconds=9))
    ('2 d', '47 h', '90 min', '0 min')
    """
    minutes = max(int(span.total_seconds()) // 60, 0)
    for size, name in ((1440, "d"), (60, "h")):
        if minutes >= 2 * size:
            return f"{minutes // size} {name}"
    return f"{minutes} min"
