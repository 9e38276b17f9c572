"""The scheduled backups: what the program registers, and when something is due."""

from __future__ import annotations

import doctest
import json
from typing import Any

import pytest
import yaml
from cloud_of_mocks import CONTAINER, Program, is_secret, program

from kolla_iac.components.backups import stages, status
from kolla_iac.components.mariadb import backups
from kolla_iac.components.mariadb.backup import schedule
from kolla_iac.components.rollouts import needs, rollouts
from kolla_iac.model import backup as settings_of_backups
from kolla_iac.model.environment import Environment, load_environment
from kolla_iac.plan.diff import plan
from kolla_iac.plan.standing import whole

SETTINGS: dict[str, Any] = {"release": "2025.2", "backup": {"target": {"volume": "safe"}, "schedule": {}}}


def env(**change: Any) -> Environment:
    backup = {**SETTINGS["backup"], **change.pop("backup", {})}
    return load_environment({**SETTINGS, **change, "backup": backup}, "the test")


@pytest.fixture(scope="module")
def scheduled() -> Program:
    return program(rotations={"keystone_admin_password": 2}, **SETTINGS)


def test_when_what_is_due() -> None:
    for module in (schedule, settings_of_backups):
        assert doctest.testmod(module).failed == 0
    assert doctest.testmod(schedule).attempted > 5


def test_one_container_beside_the_server_and_nothing_waits_for_it(scheduled: Program) -> None:
    made, server = scheduled.inputs("backups-1", CONTAINER), scheduled.inputs("mariadb-1", CONTAINER)
    assert made["image"] == server["image"]
    assert (made["name"], made["user"]) == ("kolla-t-mocks-backups-1", "root")
    assert made["volumes"] == [
        {"volumeName": "safe", "containerPath": "/repository", "readOnly": False},
        {"volumeName": "kolla-t-mocks-mariadb-1", "containerPath": "/var/lib/mysql", "readOnly": True},
    ]
    assert "PYTHONPATH=/etc/kolla-iac" in made["envs"]
    names = [one.name for one in scheduled.resources if one.custom]
    assert names[-2:] == ["backups-1", "backups-1-ready"]
    assert not [one.name for one in program().resources if one.name.startswith("backups-")]


def test_secrets_come_by_uploads_alone_and_a_backup_holds_the_settings(scheduled: Program) -> None:
    (made,) = [one for one in scheduled.of_type(CONTAINER) if one.name == "backups-1"]
    assert is_secret(made.inputs["uploads"])
    shown = json.dumps({key: value for key, value in made.inputs.items() if key != "uploads"})
    assert not [value for value in scheduled.secrets.values() if value in shown]
    files = {one["file"]: one for one in scheduled.inputs("backups-1", CONTAINER)["uploads"]}
    assert {one["permissions"] for one in files.values()} == {"0600"}
    contents = {path.rsplit("/", 1)[-1]: one["content"] for path, one in files.items()}
    assert json.loads(contents["secrets.json"]) == scheduled.secrets
    assert yaml.safe_load(contents["settings.yaml"]) == {
        "config": {
            "kolla-iac:environment": SETTINGS,
            "kolla-iac:rotations": {"keystone_admin_password": {"count": 2}},
        }
    }
    assert json.loads(contents["config.json"])["command"] == "python3 -m backup serve 86400 604800 900"


def test_a_directory_that_is_not_there_is_not_made() -> None:
    backup = {"target": {"directory": "/srv/backups"}, "schedule": {}}
    made = program(release="2025.2", backup=backup).inputs("backups-1", CONTAINER)
    (mount,) = made["mounts"]
    assert (mount["type"], mount["source"], mount["target"]) == ("bind", "/srv/backups", "/repository")


def changes(before: Environment, after: Environment) -> dict[str, list[str]]:
    found = plan([whole(one) for one in rollouts(before)], rollouts(after), needs())
    return {one.service: [step.name for step in one.steps] for one in found}


def test_another_schedule_replaces_only_that_container() -> None:
    assert changes(env(), env(backup={"schedule": {"every": "6h"}})) == {"backups": ["replace"]}
    assert changes(env(), env()) == {}
    without = load_environment({"release": "2025.2", "backup": {"target": {"volume": "safe"}}}, "the test")
    assert changes(without, env()) == {"backups": ["target", "start"]}
    assert changes(env(), without) == {"backups": ["remove"]}


def test_it_follows_the_services_whose_schemas_it_backs_up() -> None:
    upgraded = list(changes(env(), env(release="2026.1")))
    assert upgraded.index("backups") > upgraded.index("keystone")


def test_it_runs_what_the_server_runs() -> None:
    own = env(services={"mariadb": {"image": "registry.example/mariadb:1"}})
    images = {one.service: one.image for one in rollouts(own)}
    assert images["backups"] == images["mariadb"] == "registry.example/mariadb:1"


def test_on_a_server_of_somebody_else_s_schemas_are_backed_up_with_their_own_users() -> None:
    away = env(services={"database": {"external": {"host": "db.example"}}})
    assert "backups" in away.enabled() and "mariadb" not in away.enabled()
    names = ("keystone_database_password", "backup_repository_password")
    files = stages.files(away, "dev", {name: f"value-of-{name}" for name in names}, {})
    found = {one.path.rpartition("/")[2]: one.content for one in files}
    assert json.loads(found["backup.json"])["schemas"] == ["keystone"]
    assert 'user=keystone\npassword="value-of-keystone_database_password"' in found["keystone.cnf"]
    assert "client.cnf" not in found
    assert [one.path for one in backups.mounts("create", "dev", away.backup, whole=False)] == ["/repository"]


def test_its_health_is_not_that_of_the_backups() -> None:
    assert stages.ready().command == stages.ALIVE
    assert status.LAST is schedule.LAST
    assert f"{schedule.ALIVE} " in stages.ALIVE[-1]
    assert schedule.END < stages.STOP_SECONDS
