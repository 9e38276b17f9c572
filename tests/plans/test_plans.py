"""Golden plans: settings before and after -> the text of what an update will do.

Each ``*.yaml`` beside this file holds ``given`` (settings that run now; null: nothing does), ``change`` (the
settings that follow), ``rotated`` where secrets are (name ->
how often), and ``expect``. They are the readable specification of `kolla_iac.plan`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kolla_iac.components.rollouts import rollouts
from kolla_iac.model.environment import load_environment
from kolla_iac.plan.diff import plan, text

HERE = Path(__file__).parent
CASES = sorted(HERE.glob("*.yaml"))


def _rollouts(settings: dict[str, Any] | None, source: str, rotated: dict[str, int]) -> list[Any]:
    return [] if settings is None else rollouts(load_environment(settings, source), rotated)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_plan_reads_as_specified(case: Path) -> None:
    written = yaml.safe_load(case.read_text())
    assert set(written) - {"rotated"} == {"given", "change", "expect"}
    before = _rollouts(written["given"], f"{case.name}, given", {})
    after = _rollouts(written["change"], f"{case.name}, change", written.get("rotated", {}))
    assert text(plan(before, after)) == written["expect"]


def test_there_are_plans() -> None:
    assert {"first-deployment", "override", "scale-up", "scale-down", "image"} <= {
        path.stem for path in CASES
    }
