"""Steps between releases that no update may make."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kolla_iac.errors import KollaError
from kolla_iac.plan.diff import plan
from kolla_iac.plan.rollout import Act, Rollout
from kolla_iac.plan.standing import Standing, cut_off, whole


def _rollout(release: str) -> Rollout:
    inputs = {"release": release}
    return Rollout(
        service="api",
        release=release,
        form="surge",
        image=f"api:{release}",
        placement=("one", "one"),
        configuration={},
        before=(Act("expand", "expanded", inputs),),
        after=(Act("contract", "contracted", inputs, irreversible=True, way_back="a dump"),),
    )


def _refused(standing: Standing, release: str) -> dict[str, object]:
    with pytest.raises(KollaError) as error:
        plan([standing], [_rollout(release)])
    return {"headline": error.value.headline, **error.value.facts}


def test_a_release_is_not_left_out() -> None:
    assert _refused(whole(_rollout("2024.2")), "2026.1") == {
        "headline": "api 2024.2 -> 2026.1 is refused",
        "why": "no step leads from 2024.2 to 2026.1",
        "next": "first 2025.1, then 2026.1",
    }


@pytest.mark.parametrize(("old", "new"), [("2025.1", "2025.2"), ("2025.1", "2026.1"), ("2025.2", "2026.1")])
def test_the_next_release_and_the_next_slurp_are_allowed(old: str, new: str) -> None:
    (change,) = plan([whole(_rollout(old))], [_rollout(new)])
    assert change.headline == f"api {old} -> {new}"
    assert change.reversible_until == "contract"


def test_no_step_leads_down_once_contracted() -> None:
    found = _refused(whole(_rollout("2026.1")), "2025.2")
    assert found["headline"] == "api 2026.1 -> 2025.2 is refused"
    assert "a dump" in str(found["remains"])


@pytest.mark.parametrize("done", [[], ["expand"], ["expand", "start"], ["expand", "start", "1-handover"]])
def test_the_way_back_is_open_until_contracted(done: list[str]) -> None:
    old, new = _rollout("2025.1"), _rollout("2025.2")
    half = cut_off(whole(old), new, done)
    assert [change.headline for change in plan([half], [old])] == (
        ["api 2025.2 -> 2025.1 (back)"] if done else []
    )


def test_an_upgrade_half_done_is_completed_or_gone_back_from_and_nothing_else() -> None:
    half = cut_off(whole(_rollout("2025.1")), _rollout("2025.2"), ["expand", "start"])
    assert _refused(half, "2026.1") == {
        "headline": "api 2025.1 -> 2026.1 is refused",
        "why": "an upgrade to 2025.2 is half done",
        "next": 'release: "2025.2" in the settings completes it, "2025.1" goes back',
    }


def test_the_same_release_contracted_again_is_no_point_of_no_return() -> None:
    old = _rollout("2025.2")
    (change,) = plan([whole(old)], [replace(old, image="api:other")])
    assert "contract" in [step.name for step in change.steps]
    assert change.reversible_until == ""
