"""The stage of no return: it waits when told to, and never runs beside an older replica; and the way back after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from .probing import probing
from .support import Cloud, merged

NEW = {"release": "2026.1"}
HELD = merged(NEW, {"upgrade": {"contract": "manual"}})


_TAKEN: list[Cloud] = []


@pytest.fixture
def old(request: pytest.FixtureRequest) -> Cloud:
    """An environment on 2025.2 with a project in it; the tests of this module take it on, in their order."""
    if not _TAKEN:
        cloud: Cloud = request.getfixturevalue("beside")
        cloud.openstack("project", "create", "made-on-2025.2")
        _TAKEN.append(cloud)
    return _TAKEN[0]


def _sql(cloud: Cloud, statement: str) -> None:
    (server,) = cloud.containers("mariadb")
    done = server.exec_run(["mariadb", "--protocol=socket", "keystone", "-e", statement])
    assert done.exit_code == 0, done.output.decode()


def _projects(cloud: Cloud) -> set[str]:
    return set(cloud.openstack("project", "list", "-f", "value", "-c", "Name").text.split())


def test_without_a_backup_the_upgrade_does_not_begin(old: Cloud) -> None:
    """A view of a table that is gone: nobody misses it, and no dump can be made."""
    _sql(old, "CREATE TABLE gone (a INT); CREATE VIEW lost AS SELECT a FROM gone; DROP TABLE gone")
    there = old.ids()
    done = old.up(merged(NEW, {"backup": {"before_upgrade": "required"}}), fails=True)
    assert "no backup, so nothing goes on: mariadb-dump:" in done.text, str(done)
    assert "lost" in done.text
    assert old.ids() == there
    _sql(old, "DROP VIEW lost")


def test_everything_serves_on_the_new_release_before_contract(old: Cloud) -> None:
    with probing(old) as probe:
        done = old.up(HELD)
        print(done.text[-4000:])
    probe.none_failed()
    assert "restored on trial in" in done.text
    assert "keystone-contract updated" not in done.text
    assert old.releases() == {"2026.1"}
    old.whole()
    (left,) = old.planned()
    assert (left["held"], left["steps"]) == (["contract"], [])
    assert "waits for upgrade.contract: automatic" in old.kolla("plan").text
    # the way back is open, and the engine has nothing else to do
    (back,) = _plan_of(old, {})
    assert back["headline"] == "keystone 2026.1 -> 2025.2 (back)"
    assert old.previewed(HELD)["changeSummary"].keys() == {"same"}
    old.openstack("project", "create", "made-on-2026.1")


def _plan_of(cloud: Cloud, change: dict[str, Any]) -> list[dict[str, Any]]:
    cloud.write(change)
    return cloud.planned()


@contextmanager
def _by_hand(cloud: Cloud) -> Iterator[str]:
    """A container of the older image on the environment's network, as nobody but a hand starts it."""
    image = cloud.docker.images.list(filters={"reference": "kolla-iac/keystone:2025.2-*"})[0]
    (network,) = cloud.containers("mariadb")[0].attrs["NetworkSettings"]["Networks"]
    one = cloud.docker.containers.run(
        image.tags[0],
        command=["sleep", "600"],
        name=f"{cloud.name}-by-hand",
        network=network,
        detach=True,
    )
    try:
        yield str(one.name)
    finally:
        one.remove(force=True)


def test_contract_does_not_run_beside_an_older_replica(old: Cloud) -> None:
    there = old.ids()
    with _by_hand(old) as name:
        for words in ((), ("--target", "**keystone-contract")):
            done = old.up(NEW, *words, fails=True)
            assert "not safe: 1 of keystone's containers is not of 2026.1" in done.text, str(done)
            assert f"{name} (kolla-iac/keystone:2025.2-" in done.text
    assert old.ids() == there
    (left,) = old.planned()
    assert [step["name"] for step in left["steps"]] == ["contract"]


def test_contract_completes_it(old: Cloud) -> None:
    done = old.up(NEW)
    assert "no keystone of another release than 2026.1" in done.text, str(done)
    assert "schema before contract:" in done.text
    assert old.planned() == []


def test_a_preview_refuses_the_way_down_and_names_what_remains(old: Cloud) -> None:
    (newest,) = [line for line in old.kolla("backup", "list").text.splitlines() if "-2025.2-" in line]
    dump = newest.split()[0]
    old.write()
    for refused in (old.kolla("plan", fails=True), old.pulumi("preview", fails=True)):
        assert "keystone 2026.1 -> 2025.2 is refused" in refused.text, str(refused)
        assert f"kolla-iac backup restore {old.name} {dump}" in refused.text
    old.write(NEW)
    assert old.previewed(NEW)["changeSummary"].keys() == {"same"}


def test_the_backup_is_a_way_back(old: Cloud) -> None:
    missing = old.home.run(
        "kolla-iac", "backup", "restore", old.name, "keystone-1.sql.gz", "--yes", fails=True
    )
    assert "no backup keystone-1.sql.gz on the volume; there: keystone-2025.2-" in missing.text
    assert old.answers()
    assert {"made-on-2025.2", "made-on-2026.1"} <= _projects(old)
    dump = next(
        word for word in old.kolla("backup", "list").text.split() if word.startswith("keystone-2025.2-")
    )
    given = old.home.run("kolla-iac", "backup", "restore", old.name, dump, "--yes")
    print(given)
    assert f"{dump} is given back" in given.text
    assert 'release: "2025.2" in the settings' in given.text
    done = old.up()
    assert "schema before expand:" in done.text
    assert old.releases() == {"2025.2"}
    old.whole()
    assert old.planned() == []
    found = _projects(old)
    assert "made-on-2025.2" in found
    assert "made-on-2026.1" not in found
    # what was there before it was given back can be had again
    assert "keystone-2026.1-" in old.kolla("backup", "list").text
