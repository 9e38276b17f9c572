"""Golden plans: settings before and after -> the text of what an update will do.

Each ``*.yaml`` beside this file holds ``given`` (settings that run now; null: nothing does), ``change`` (the
settings that follow), ``rotated`` where secrets are (name -> how often), and ``expect``. They are the readable
specification of `kolla_iac.plan`.

Half-done states: ``half_done`` holds the settings of an update that came after ``given`` and was cut off (``to``), and
the stage at which it was (``at``): those before it were completed. Where ``expect`` is a mapping of stages to texts,
the update to ``change`` itself was cut off at each of them, and the text is the plan of the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kolla_iac.components.rollouts import needs, rollouts
from kolla_iac.errors import KollaError
from kolla_iac.model.environment import load_environment
from kolla_iac.plan.diff import Change, plan
from kolla_iac.plan.rollout import Rollout
from kolla_iac.plan.standing import Standing, cut_off, whole
from kolla_iac.plan.text import text

HERE = Path(__file__).parent
CASES = sorted(HERE.glob("*.yaml"))
OPTIONAL = {"rotated", "half_done"}


def _rollouts(settings: dict[str, Any] | None, source: str, rotated: dict[str, int]) -> list[Rollout]:
    return [] if settings is None else rollouts(load_environment(settings, source), rotated)


def _stages(change: Change) -> Iterator[tuple[str, list[str]]]:
    """Each step as a reader names it (``handover keystone-1``), and the stages that it is."""
    for step in change.steps:
        of_replica = step.name in ("handover", "replace", "wait")
        named = f"{step.name} {step.what.split(':')[0]}" if of_replica else step.name
        stages = [resource.removeprefix(f"{change.service}-") for resource in step.resources]
        yield named, ["start", *stages] if step.name in ("start", "replace") else stages


def _cut_off(before: list[Standing], to: list[Rollout], at: str) -> list[Standing]:
    """What stands after an update to these rollouts was cut off at a stage; services before it are complete."""
    old = {standing.service: standing for standing in before}
    new = {rollout.service: rollout for rollout in to}
    for change in plan(before, to, needs()):
        done: list[str] = []
        for named, stages in _stages(change):
            if named == at:
                stands = cut_off(old.get(change.service), new[change.service], done)
                return list({**old, change.service: stands}.values())
            done += stages
        old[change.service] = whole(new[change.service])
    raise AssertionError(f"the update has no stage {at!r}")


def _text(before: list[Standing], after: list[Rollout]) -> str:
    try:
        return text(plan(before, after, needs()))
    except KollaError as error:
        return f"{error}\n"


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_plan_reads_as_specified(case: Path) -> None:
    written = yaml.safe_load(case.read_text())
    assert set(written) - OPTIONAL == {"given", "change", "expect"}
    before = [whole(each) for each in _rollouts(written["given"], f"{case.name}, given", {})]
    after = _rollouts(written["change"], f"{case.name}, change", written.get("rotated", {}))
    if half_done := written.get("half_done"):
        to = _rollouts(half_done["to"], f"{case.name}, half_done", {})
        before = _cut_off(before, to, half_done["at"])
    if isinstance(written["expect"], str):
        assert _text(before, after) == written["expect"]
    else:
        found = {at: _text(_cut_off(before, after, at), after) for at in written["expect"]}
        assert found == written["expect"]
        (change,) = plan(before, after, needs())
        assert list(found) == [named for named, _ in _stages(change)]


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_after_a_plan_was_carried_out_nothing_is_left(case: Path) -> None:
    written = yaml.safe_load(case.read_text())
    after = _rollouts(written["change"], f"{case.name}, change", written.get("rotated", {}))
    assert _text([whole(each) for each in after], after) == "nothing to change\n"


def test_there_are_plans() -> None:
    assert {"first-deployment", "override", "scale-up", "scale-down", "image"} <= {
        path.stem for path in CASES
    }
