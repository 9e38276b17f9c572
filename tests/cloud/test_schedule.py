"""Backups by the clock of a whole cloud."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import eventually

from .support import Cloud

SECRET = "backup_repository_password"


@pytest.mark.long
def test_backups_are_made_by_the_clock_and_told_of(cloud: Cloud, tmp_path: Path) -> None:
    def settings(folder: Path) -> dict[str, Any]:
        schedule = {"every": "1h", "verify": "1d"}
        return {"backup": {"target": {"directory": str(folder)}, "schedule": schedule}}

    before = cloud.ids()
    folder = tmp_path / "backups"
    cloud.write(settings(folder))
    cloud.kolla("secrets", "generate")
    assert cloud.planned()
    missing = cloud.up(settings(folder), fails=True)
    print(missing)
    assert "bind source path does not exist" in missing.text
    assert cloud.ids() == before

    nowhere = settings(folder)
    nowhere["backup"]["target"] = {"volume": f"{cloud.name}-nowhere"}
    missing = cloud.up(nowhere, fails=True)
    assert f"no volume {cloud.name}-nowhere on host local" in missing.text, str(missing)
    assert cloud.ids() == before

    folder.mkdir()
    cloud.up(settings(folder))
    assert {name: one for name, one in cloud.ids().items() if name != "backups-1"} == before
    assert cloud.up(settings(folder)).changes == 0
    assert cloud.planned() == []

    def says() -> str:
        return cloud.home.run("kolla-iac", "status", cloud.name, fails=None).text

    eventually(lambda: "last verified 0 min ago" in says(), 90, "a backup is made and verified")
    print(says())
    doctor = cloud.home.run("kolla-iac", "doctor", cloud.name, fails=None).text
    assert "the last was verified" in doctor
    assert "mariadb-" in cloud.kolla("backup", "list").text

    cloud.up()
    assert cloud.ids() == before
    cloud.pulumi("config", "rm", "--path", f"kolla-iac:secrets.{SECRET}")
    shutil.rmtree(folder, ignore_errors=True)
