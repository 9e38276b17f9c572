"""A cloud's schema moves to a server of somebody else's and back, under load; cut off, gone back from, refused."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from .database_server import Server
from .moving import Moving, Writer, served
from .probing import probing
from .support import Cloud, merged

MANAGED = "mariadb.internal:3306"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """On which the cloud finds schema and user."""
    with served(tmp_path) as made:
        yield made


def test_there_and_back_under_load(another: Callable[[], Cloud], server: Server) -> None:
    """In an environment of its own: others would count its users and its dumps."""
    cloud = another()
    cloud.make()
    cloud.kolla("up")
    moving = Moving(cloud, server)
    early = cloud.kolla("database", "release", fails=True)
    assert "keystone is on mariadb.internal:3306" in early.text, str(early)
    cloud.write(merged(moving.forth, {"release": "2026.1"}))
    together = cloud.pulumi("preview", fails=True)
    assert "a move goes alone" in together.text, str(together)
    assert "a move goes alone" in cloud.kolla("plan", fails=True).text
    cloud.write(moving.forth)
    (planned,) = cloud.planned()
    assert planned["impact"]["kind"] == "delayed", planned
    names = [step["name"] for step in planned["steps"]]
    wanted = ["database", "target", "copy", "start", "switch", "schema", "handover", "handover", "verify"]
    assert [name for name in names if name in wanted] == wanted
    previewed = cloud.kolla("preview")
    assert "requests are delayed up to 20 s" in previewed.text, str(previewed)
    assert MANAGED in previewed.text

    up = moving.moved(moving.forth)
    assert "requests waited" in up.text
    assert "what was left is read-only" in up.text
    assert moving.logins() > 0

    # what was left is kept, and not gone back to by mistake
    (mariadb,) = cloud.containers("mariadb")
    grants = mariadb.exec_run(
        ["mariadb", "--protocol=socket", "-N", "-e", "SHOW GRANTS FOR keystone"]
    ).output.decode()
    assert "GRANT SELECT, SHOW VIEW ON `keystone`.*" in grants, grants
    cloud.write()
    mistake = cloud.pulumi("preview", fails=True)
    assert "its data do not move by themselves" in mistake.text, str(mistake)
    cloud.write(merged({"services": {"database": {"moved_from": f"{server.address}:{server.port}"}}}, {}))
    forced = cloud.pulumi("up", "--yes", "--skip-preview", fails=True)
    assert f"has moved from {MANAGED} to {server.address}:{server.port}" in forced.text, str(forced)
    assert cloud.answers()

    # let go: the service goes, its volume stays
    cloud.write(moving.forth)
    unsafe = cloud.kolla("database", "release", fails=True)
    assert "would be deleted with its service" in unsafe.text, str(unsafe)
    cloud.up(moving.forth)
    released = cloud.kolla("database", "release")
    assert moving.settings() == {"external": moving.there, "moved_from": MANAGED}, str(released)
    gone = cloud.pulumi("up", "--yes", "--skip-preview")
    assert cloud.containers("mariadb") == [], str(gone)
    assert cloud.answers()
    volume = f"kolla-{cloud.name}-mariadb-1"
    assert docker.from_env().volumes.get(volume).name == volume
    assert "nothing to change" in cloud.kolla("plan").text

    # and back, over what was kept
    back = moving.moved(moving.back)
    assert "REVOKE ALL ON `keystone`.*" in back.text
    cloud.whole()
    assert moving.logins() == 0
    cloud.kolla("database", "release")
    assert moving.settings() == {"moved_from": f"{server.address}:{server.port}"}
    cloud.keep({"services": {"database": moving.settings()}})
    there = cloud.ids()
    cloud.up()
    assert cloud.ids() == there
    assert cloud.up().changes == 0
    assert cloud.answers()


@pytest.mark.long
@pytest.mark.parametrize(
    "moment",
    [r"keystone-copy creat", r"keystone-bootstrap updated", r"get nothing yet", r"keystone-switch created"],
)
def test_cut_off_it_goes_on_or_back(another: Callable[[], Cloud], server: Server, moment: str) -> None:
    cloud = another()
    cloud.make()
    cloud.kolla("up")
    moving = Moving(cloud, server)
    with probing(cloud) as probe, Writer(cloud) as writer:
        running = cloud.start(moving.forth)
        running.until(running.says(moment))
        running.end(signal.SIGKILL, group=True)
        cloud.pulumi("cancel", "--yes", fails=None)
        if "switch" in moment:
            back = cloud.up(None, fails=True)
            assert f"has moved from {MANAGED}" in back.text, str(back)
        else:
            cloud.up()
            assert moving.logins() == 0
    probe.none_failed()
    assert writer.missing() == []
    moving.moved(moving.forth)
    assert moving.logins() > 0
