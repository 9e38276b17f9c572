"""Which snapshots of binary logs a moment needs, and which none needs any more."""

from __future__ import annotations

from typing import Any

import pytest

from kolla_iac.components.mariadb.backup import logs
from kolla_iac.components.mariadb.backup.tools import Trouble

Snapshot = dict[str, Any]


def stored(until: int, first: int, after: int, line: str = "a") -> Snapshot:
    """Logs ``first`` up to the one before ``after``, stored in that minute."""
    return {
        "id": f"logs-{until}",
        "paths": [f"/var/lib/mysql/bin.{each:06}" for each in range(first, after)],
        "tags": ["logs", f"line:{line}", f"next:bin.{after:06}@7", f"until:{at(until)}"],
    }


def backup(made: int, line: str = "a") -> Snapshot:
    return {
        "id": f"backup-{made}",
        "tags": ["manifest", f"backup:mariadb-{at(made)}", f"whole:{at(made)}", f"line:{line}"],
    }


def at(minute: int) -> str:
    return f"20260504T10{minute:02}00Z"


def manifest(log: int) -> dict[str, Any]:
    return {"backup": "mariadb-1", "log": {"line": "a", "file": f"bin.{log:06}", "position": 4}}


THREE = [stored(10, 1, 3), stored(20, 2, 5), stored(30, 4, 7)]
"""The server has purged some of its logs between."""


def test_logs_come_from_whichever_snapshot_has_them() -> None:
    found = [
        (one["id"], [logs.number(path) for path in paths]) for one, paths in logs.needed(THREE, manifest(2))
    ]
    assert found == [("logs-20", [2, 3]), ("logs-30", [4, 5, 6])]


def test_one_that_is_missing_is_named() -> None:
    with pytest.raises(Trouble, match="of the binary logs since mariadb-1, 2 to 6, number 3 is not stored"):
        logs.needed([THREE[0], THREE[2]], manifest(2))


def test_nothing_goes_that_a_kept_backup_needs() -> None:
    found = [backup(15), *THREE]
    assert logs.superfluous(found, {f"mariadb-{at(15)}"}) == (["logs-10"], [])
    # the newest tells which line the server is on
    assert logs.superfluous(found, set()) == (["logs-10", "logs-20"], [])
    same = [backup(5), stored(10, 1, 3), stored(20, 1, 5), stored(30, 1, 7)]
    assert logs.superfluous(same, {f"mariadb-{at(5)}"}) == ([], ["logs-10", "logs-20"])
    other = [backup(5), *THREE, stored(40, 1, 2, "b")]
    assert logs.superfluous(other, {f"mariadb-{at(5)}"}) == ([], [])


def test_the_newest_backup_before_a_moment_is_taken() -> None:
    found = [backup(25), backup(15), *THREE]
    assert logs.backup_before(found, "newest", at(28)) == f"mariadb-{at(25)}"
    assert logs.backup_before(found, "newest", at(24)) == f"mariadb-{at(15)}"
    assert logs.backup_before(found, f"mariadb-{at(15)}", at(28)) == f"mariadb-{at(15)}"


@pytest.mark.parametrize(
    ("name", "minute", "why"),
    [
        ("newest", 10, "no backup is from before it"),
        (f"mariadb-{at(50)}", 45, f"mariadb-{at(50)} is not from before it"),
        (
            "newest",
            45,
            f"the binary logs that are stored after mariadb-{at(15)} end at 2026-05-04 10:30:00 UTC",
        ),
        (
            "newest",
            59,
            f"the binary logs that are stored after mariadb-{at(50)} end at 2026-05-04 10:55:00 UTC",
        ),
    ],
)
def test_moments_out_of_reach_are_refused_with_those_within(name: str, minute: int, why: str) -> None:
    found = [backup(50, "b"), backup(15), *THREE, stored(55, 1, 3, "b")]
    spans = "2026-05-04 10:15:00 UTC to 2026-05-04 10:30:00 UTC; 2026-05-04 10:50:00 UTC to 2026-05-04 10:55:00 UTC"
    with pytest.raises(Trouble, match=f"10:{minute:02}:00 UTC cannot be restored: {why}; there is: {spans}$"):
        logs.backup_before(found, name, at(minute))
