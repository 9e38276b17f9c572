"""`kolla-iac plan --before`: a change planned from two files of settings alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from kolla_iac.cli import main


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose state cannot be read: no engine is on PATH."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: kolla-iac\nruntime: python\nstackConfigDir: stacks\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def written(file: Path, settings: Any) -> str:
    file.write_text(yaml.safe_dump({"config": {"kolla-iac:environment": settings}}))
    return str(file)


def planned(*words: str) -> int:
    try:
        main(["plan", "dev", *words])
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_an_upgrade_is_planned_from_two_files(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = written(project / "base.yaml", {"release": "2025.2"})
    written(project / "stacks" / "Pulumi.dev.yaml", {"release": "2026.1"})
    assert planned("--before", before) == 0
    said = capsys.readouterr().out
    assert said.startswith("keystone 2025.2 -> 2026.1")
    assert "contract" in said
    assert "pulumi up" not in said
    assert planned("--before", before, "--json") == 0
    (change,) = json.loads(capsys.readouterr().out)["changes"]
    assert (change["service"], change["reversible_until"]) == ("keystone", "contract")


def test_the_same_settings_change_nothing_and_an_empty_file_is_a_first_deployment(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = written(project / "stacks" / "Pulumi.dev.yaml", {"release": "2026.1"})
    assert planned("--before", same) == 0
    assert "keystone" not in capsys.readouterr().out
    empty = project / "empty.yaml"
    empty.touch()
    assert planned("--before", str(empty)) == 0
    assert "keystone" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"release": "2026.1"}, "2026.1 -> 2025.2 is refused"),
        ({"release": "1"}, "release"),
        (None, "base.yaml"),
    ],
)
def test_what_cannot_be_is_refused(
    project: Path, settings: Any, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = project / "base.yaml"
    if settings:
        written(before, settings)
    written(project / "stacks" / "Pulumi.dev.yaml", {"release": "2025.2"})
    assert planned("--before", str(before)) != 0
    assert why in capsys.readouterr().err
