"""Which services change at once, and which after others."""

from __future__ import annotations

import json

from kolla_iac.plan.diff import plan
from kolla_iac.plan.rollout import Impact, Rollout
from kolla_iac.plan.standing import whole
from kolla_iac.plan.text import data, order

NEEDS = {"api": ("queue", "database"), "queue": ("database",), "database": (), "cache": ()}


def _rollout(service: str, image: str) -> Rollout:
    impact = Impact("delayed", 3, "it starts anew", "every API")
    return Rollout(service, "", "singleton", image, ("one",), {}, impact=impact)


def _waves(*changing: str) -> dict[str, tuple[int, tuple[str, ...]]]:
    names = ("database", "cache", "queue", "api")
    before = [whole(_rollout(name, "1")) for name in names]
    after = [_rollout(name, "2" if name in changing else "1") for name in names]
    return {change.service: (change.wave, change.after) for change in plan(before, after, NEEDS)}


def test_what_needs_nothing_that_changes_comes_first() -> None:
    assert _waves("database", "cache", "api") == {
        "database": (1, ()),
        "cache": (1, ()),
        "api": (2, ("database",)),
    }


def test_a_need_of_a_need_is_waited_for_though_what_is_between_does_not_change() -> None:
    needs = {"api": ("queue",), "queue": ("database",)}
    before = [whole(_rollout(name, "1")) for name in ("database", "queue", "api")]
    after = [_rollout(name, "1" if name == "queue" else "2") for name in ("database", "queue", "api")]
    assert [(c.service, c.wave, c.after) for c in plan(before, after, needs)] == [
        ("database", 1, ()),
        ("api", 2, ("database",)),
    ]


def test_the_order_in_words_and_the_whole_for_programs() -> None:
    before = [whole(_rollout(name, "1")) for name in ("database", "cache", "queue")]
    changes = plan(before, [_rollout(name, "2") for name in ("database", "cache", "queue")], NEEDS)
    assert order(changes) == "database and cache at once, then queue"
    first = json.loads(json.dumps(data(changes)))[0]
    assert first["impact"]["whom"] == "every API"
    assert first["steps"] == [
        {
            "number": 1,
            "name": "replace",
            "what": "database-1: replaced in place, then waited for",
            "resources": ["database-1", "database-1-ready"],
            "no_way_back_but": None,
        }
    ]
