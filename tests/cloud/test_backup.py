"""A backup of the whole database while the cloud serves, through the commands."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.waiting import eventually

from .probing import probing
from .support import Cloud

SECRET = "backup_repository_password"


@pytest.fixture
def aimed(cloud: Cloud) -> Iterator[Cloud]:
    """The environment with a target for backups, until the test is over."""
    # as it is a user's: without the environment's label
    volume = f"kolla-{cloud.name}-repository"
    cloud.docker.volumes.create(volume)
    cloud.write({"backup": {"target": {"volume": volume}}})
    cloud.kolla("secrets", "generate")
    yield cloud
    cloud.pulumi("config", "rm", "--path", f"kolla-iac:secrets.{SECRET}")
    cloud.docker.volumes.get(volume).remove()


def test_a_backup_is_made_while_it_serves_and_proven(aimed: Cloud) -> None:
    with probing(aimed, rate=10) as probe:
        made = aimed.kolla("backup", "create")
    print(made)
    probe.none_failed()
    assert "a new repository of backups was made" in made.text
    aimed.openstack("project", "create", "before-the-moment")
    time.sleep(1.5)  # the moment is a whole second between both
    moment = datetime.now(UTC)
    time.sleep(1.5)
    aimed.openstack("project", "create", "after-the-moment")
    assert "binary log" in aimed.kolla("backup", "logs").text
    proven = aimed.kolla("backup", "verify")
    assert "is verified: restored, checked and compared" in proven.text
    listed = aimed.kolla("backup", "list").text
    assert "verified, last, daily, weekly, monthly" in listed
    # dumps of schemas are listed below; a first deployment had nothing to dump
    assert "keystone-2025.2-" in listed or "no backup is there" in listed
    assert "restore --until reaches every moment from" in listed
    until = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    restored = aimed.home.run("kolla-iac", "backup", "restore", aimed.name, "--until", until, "--yes")
    print(restored)
    assert "binary logs since mariadb-" in restored.text
    assert "keystone-schema: users and passwords are those of the settings" in restored.text
    aimed.write()
    aimed.whole()
    # the replicas are started; HAProxy takes them in when they answer
    eventually(aimed.answers, 60, "the cloud serves again")
    assert aimed.planned() == []
    found = aimed.openstack("project", "list", "-f", "value", "-c", "Name").text.split()
    assert {"admin", "before-the-moment"} <= set(found)
    assert "after-the-moment" not in found


def test_its_password_is_never_rotated(aimed: Cloud) -> None:
    refused = aimed.home.run("kolla-iac", "secrets", "rotate", aimed.name, SECRET, fails=True)
    assert f"{SECRET} is never rotated: a new one would not open the repository that is there" in refused.text
