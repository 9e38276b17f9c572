"""A backup of the whole database while the cloud serves, through the commands."""

from __future__ import annotations

from collections.abc import Iterator

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
    aimed.openstack("project", "create", "after-the-backup")
    proven = aimed.kolla("backup", "verify")
    assert "is verified: restored, checked and compared" in proven.text
    listed = aimed.kolla("backup", "list").text
    assert "verified, last, daily, weekly, monthly" in listed
    # dumps of schemas are listed below; a first deployment had nothing to dump
    assert "keystone-2025.2-" in listed or "no backup is there" in listed
    name = next(word for word in listed.split() if word.startswith("mariadb-"))
    restored = aimed.home.run("kolla-iac", "backup", "restore", aimed.name, name, "--yes")
    print(restored)
    assert "keystone-schema: users and passwords are those of the settings" in restored.text
    aimed.write()
    aimed.whole()
    # the replicas are started; HAProxy takes them in when they answer
    eventually(aimed.answers, 60, "the cloud serves again")
    assert aimed.planned() == []
    found = aimed.openstack("project", "list", "-f", "value", "-c", "Name").text.split()
    assert "admin" in found
    assert "after-the-backup" not in found


def test_its_password_is_never_rotated(aimed: Cloud) -> None:
    refused = aimed.home.run("kolla-iac", "secrets", "rotate", aimed.name, SECRET, fails=True)
    assert f"{SECRET} is never rotated: a new one would not open the repository that is there" in refused.text
