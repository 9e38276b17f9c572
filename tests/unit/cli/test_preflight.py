"""What is wrong with the state, where the engine's own words do not name it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kolla_iac.cli.preflight import known


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}?metadata=skip")
    folder = tmp_path / ".pulumi" / "stacks" / "kolla-iac"
    folder.mkdir(parents=True)
    (folder / "dev.json").write_text("{}")
    return folder


def test_an_engine_was_killed_while_it_wrote_beside_the_state(state: Path) -> None:
    (state / "dev.json.attrs").touch()
    found = known("error: failed to load checkpoint: EOF", "dev")
    assert found["next"] == f"rm {state}/dev.json.attrs, then: kolla-iac up dev"


def test_a_damaged_state_has_a_copy(state: Path) -> None:
    (state / "dev.json").write_text("{")
    found = known("error: failed to load checkpoint", "dev")
    assert found["next"].startswith(f"cp {state}/dev.json.bak {state}/dev.json ")


def test_what_is_whole_is_not_blamed(state: Path) -> None:
    (state / "dev.json.attrs").write_text("{}")
    assert known("error: no such host", "dev") == {}
