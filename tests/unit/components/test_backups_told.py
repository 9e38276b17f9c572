"""What `status` and `doctor` conclude from what the container of the scheduled backups says."""

from __future__ import annotations

import doctest
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from kolla_iac.cli.status import data, text, wanted
from kolla_iac.components.backups import checks, status
from kolla_iac.errors import KollaError
from kolla_iac.model.environment import load_environment
from kolla_iac.runtime import execute
from kolla_iac.runtime.checks import Bounds, Fact, Finding, Look
from kolla_iac.runtime.containers import Found, State
from kolla_iac.runtime.status import HostSeen, ServiceSeen, Status, Wanted, container_seen

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)
SETTINGS = load_environment(
    {
        "release": "2025.2",
        "backup": {"target": {"volume": "safe"}, "schedule": {"every": "6h", "verify": "2d"}},
    },
    "the test",
)


def tried(at: str, said: str = "", ok: bool = False) -> dict[str, Any]:
    return {"at": at, "ok": ok, "said": said}


def told(**change: Any) -> dict[str, Any]:
    return {
        "since": "2026-05-01T00:00:00+00:00",
        "newest": "mariadb-20260510T100000Z",
        "made": "2026-05-10T10:00:00+00:00",
        "verified": "2026-05-09T10:00:00+00:00",
        "tried": {"look": tried("2026-05-10T11:50:00+00:00", ok=True)},
        **change,
    }


NEVER = {"newest": "", "made": "", "verified": ""}
FULL = tried("2026-05-10T11:00:00+00:00", "no space left on device")


def said(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any] | None) -> list[Any]:
    """What doctor's check says where the container answers this."""
    result = (
        execute.Result(1, "", "cat: no such file")
        if answer is None
        else execute.Result(0, json.dumps(answer), "")
    )
    monkeypatch.setattr(status, "run", lambda *_, **__: result)
    labels = {"kolla_iac.service": "backups"}
    one: Any = SimpleNamespace(name="kolla-dev-backups-1", id="1", status="running", labels=labels)
    return list(
        checks.Scheduled().run(Look("dev", SETTINGS, {}, {}, (Found("local", one, one),), Bounds(), NOW))
    )


def test_examples() -> None:
    assert doctest.testmod(status).failed == 0


@pytest.mark.parametrize(
    ("change", "severity", "saw", "mend"),
    [
        (
            {"tried": {"backup": FULL}},
            "error",
            "the last scheduled backup failed, 60 min ago: no space left",
            "create",
        ),
        (
            {"tried": {"verify": FULL}},
            "error",
            "the last verification failed, 60 min ago: no space left",
            "verify",
        ),
        (
            {"tried": {"look": FULL}},
            "error",
            "a look at the repository failed, 60 min ago: no space left",
            "list",
        ),
        (
            {"made": "2026-05-09T23:59:00+00:00"},
            "error",
            "no good backup for 12 h, and one is wanted every 6h",
            "create",
        ),
        (NEVER, "error", "no good backup for 9 d, and one is wanted every 6h", "create"),
        (
            {"verified": "2026-05-06T11:00:00+00:00"},
            "warning",
            "no backup was verified for 4 d, and one is wanted every 2d",
            "verify",
        ),
        ({"verified": ""}, "warning", "no backup was verified for 9 d, and one is wanted every 2d", "verify"),
    ],
)
def test_each_finding_says_why_and_what_to_type(
    change: dict[str, Any], severity: str, saw: str, mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (found,) = [one for one in said(monkeypatch, told(**change)) if isinstance(one, Finding)]
    assert (found.severity, found.mend) == (severity, f"kolla-iac backup {mend} dev")
    assert found.saw.startswith(saw)


def test_what_is_right_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    (fact,) = said(monkeypatch, told())
    assert fact == Fact(
        "kolla-dev-backups-1: mariadb-20260510T100000Z is 2 h old, the last was verified 26 h ago"
    )
    young = {**NEVER, "since": "2026-05-10T11:59:00+00:00"}
    assert [type(one) for one in said(monkeypatch, told(**young))] == [Fact]


def test_a_failure_that_was_made_good_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    before = tried("2026-05-10T09:59:00+00:00", "another backup of this server is being made")
    assert [type(one) for one in said(monkeypatch, told(tried={"backup": before}))] == [Fact]


def test_one_that_does_not_say_has_not_been_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KollaError, match="has no result of scheduled backups yet"):
        said(monkeypatch, None)


def seen(answer: dict[str, Any] | None) -> Status:
    container = container_seen(
        "kolla-dev-backups-1",
        State("running", "healthy", started="2026-05-10T03:00:00Z"),
        [],
        host="local",
        replica=1,
        release="",
        image="i:1",
        balanced=False,
        now=NOW,
    )
    service = ServiceSeen(Wanted("backups", "2025.2", 1, balanced=False), (container,), answer)
    return Status("dev", "2025.2", NOW, (HostSeen("local", "unix:///docker.sock"),), (service,))


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (told(), "backups: last backup 2 h ago, last verified 26 h ago"),
        (told(**NEVER), "backups: last backup never, last verified never"),
        (
            told(tried={"backup": FULL}),
            "backups: last backup 2 h ago, last verified 26 h ago; the last scheduled backup failed: no space left on "
            "device",
        ),
        (None, "backups: has not said yet what came of it"),
    ],
)
def test_a_line_of_status(answer: dict[str, Any] | None, line: str) -> None:
    assert f"  {line}" in text(seen(answer), colours=False).splitlines()
    assert data(seen(answer))["services"][0].get("told") == answer
    assert seen(answer).word == "whole"


def test_only_a_service_with_more_to_say_is_asked() -> None:
    assert [one.service for one in wanted(SETTINGS) if one.ask] == ["backups"]
