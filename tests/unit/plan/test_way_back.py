"""What the plan of an upgrade says of the backup that a way back would take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kolla_iac.components.rollouts import needs, rollouts
from kolla_iac.model.environment import load_environment
from kolla_iac.plan.diff import Step, plan
from kolla_iac.plan.rollout import Rollout
from kolla_iac.plan.standing import Standing, cut_off, whole


def wanted(release: str, **policy: Any) -> list[Rollout]:
    return rollouts(load_environment({"release": release, "backup": policy}, "the test"), name="dev")


def steps(before: list[Standing], after: list[Rollout]) -> dict[str, Step]:
    (change,) = [one for one in plan(before, after, needs()) if one.service == "keystone"]
    return {step.name: step for step in change.steps}


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("required", "the dump that stage backup makes: kolla-iac backup restore dev keystone-..."),
        (
            "optional",
            "the dump that stage backup makes, if it can: kolla-iac backup restore dev keystone-...",
        ),
        ("never", "a dump of your own: backup.before_upgrade is never, so none is made"),
    ],
)
def test_the_stage_of_no_return_names_what_remains(policy: str, words: str) -> None:
    stands = [whole(one) for one in wanted("2025.2", before_upgrade=policy)]
    found = steps(stands, wanted("2026.1", before_upgrade=policy))
    assert found["contract"].no_way_back == words
    assert ("backup" in found) == (policy != "never")


def test_the_dump_is_said_to_be_where_it_will_be() -> None:
    found = steps([whole(one) for one in wanted("2025.2")], wanted("2026.1", verified=False))
    where = "volume kolla-dev-keystone-backups of host local"
    assert found["backup"].what == f"schema keystone is dumped to {where}, not tried"


def test_a_dump_that_was_made_already_is_named() -> None:
    after = wanted("2026.1", before_upgrade="required")
    restore = "kolla-iac backup restore dev keystone-2025.2-20261126T010849Z.sql.gz"

    def half_done(*done: str) -> list[Standing]:
        """An upgrade that came so far, and the dump that was made last, by it or by the one before."""
        stands = {one.service: whole(one) for one in wanted("2025.2", before_upgrade="required")}
        (rollout,) = [one for one in after if one.service == "keystone"]
        stands["keystone"] = replace(cut_off(stands["keystone"], rollout, done), way_back=restore)
        return list(stands.values())

    found = steps(half_done("backup"), after)
    assert "backup" not in found
    assert found["contract"].no_way_back == f"the dump that stage backup made: {restore}"
    found = steps(half_done(), after)
    assert "backup" in found
    assert found["contract"].no_way_back.endswith("keystone-...")
