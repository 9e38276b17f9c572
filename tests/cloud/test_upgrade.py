"""Keystone from 2025.2 to 2026.1: cut off, gone back from, completed; and no way back from then on. Under load."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any

from .probing import probing
from .support import Cloud

NEW = {"release": "2026.1"}


def _plan(cloud: Cloud) -> list[dict[str, Any]]:
    """What the plan for the settings as they stand says of each service."""
    text = cloud.kolla("plan", "--json").text
    changes: list[dict[str, Any]] = json.loads(text[text.index("{") :])["changes"]
    return changes


def _releases(cloud: Cloud) -> set[str]:
    return {str(one.labels["kolla_iac.release"]) for one in cloud.containers("keystone")}


def test_cut_off_back_and_completed(another: Callable[[], Cloud]) -> None:
    cloud = another()
    cloud.make()
    cloud.up()
    assert _plan(cloud) == []
    with probing(cloud) as probe:
        running = cloud.start(NEW)
        running.until(running.says(r"keystone-1-handover updated"))
        assert running.end(signal.SIGINT, group=True) != 0, running.text

        # the plan goes on from where it was cut off
        (left,) = _plan(cloud)
        assert left["headline"] == "keystone 2025.2 -> 2026.1"
        assert {"expand", "handover keystone-1"} <= set(left["done"])
        assert left["reversible_until"] == "contract"
        names = [step["name"] for step in left["steps"]]
        assert "start" not in names
        assert names[-4:] == ["contract", "verify", "users", "credentials"]

        # back: an older expansion meets the newer schema and does nothing
        cloud.write()
        (back,) = _plan(cloud)
        assert back["headline"] == "keystone 2026.1 -> 2025.2 (back)"
        gone_back = cloud.up()
        print(gone_back)
        assert "the schema is expanded for a later release already" in gone_back.text
        assert _releases(cloud) == {"2025.2"}
        cloud.whole()
        assert _plan(cloud) == []

        # and to the end
        print(cloud.up(NEW))
        assert _releases(cloud) == {"2026.1"}
        cloud.whole()
        assert _plan(cloud) == []
    probe.none_failed()

    cloud.write()
    refused = cloud.kolla("plan", fails=True)
    assert "keystone 2026.1 -> 2025.2 is refused" in refused.text
    there = cloud.ids("keystone")
    down = cloud.up(fails=True)
    assert "refused: no step leads down from 2026.1 to 2025.2" in down.text
    assert cloud.ids("keystone") == there
    cloud.up(NEW)
    assert cloud.ids("keystone") == there
    cloud.kolla("purge", "--yes")
