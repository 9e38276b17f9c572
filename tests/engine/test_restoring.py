"""A backup in the place of what a running server holds: wholly, or not at all, or gone on with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kolla_iac.cli.restoring import plan, restore, told
from kolla_iac.components.mariadb import stages
from kolla_iac.errors import KollaError
from kolla_iac.model.stage import LABEL_ENVIRONMENT, LABEL_ROLE, LABEL_SERVICE

from .backed_up import Repository, Server

BEFORE = "CREATE DATABASE keystone; CREATE TABLE keystone.project (name VARCHAR(64) PRIMARY KEY);"


class Cut(Exception):
    """Somebody ends the command."""


class Restored:
    """A server with one backup and one service that needs it."""

    def __init__(self, folder: Path, *, apart: bool) -> None:
        self.server = Server(folder, apart=apart)
        self.server.sql(f"{BEFORE} INSERT INTO keystone.project VALUES ('before')")
        self.repository = Repository(self.server)
        self.backup = self.repository.create()
        self.writer = self.server.client.containers.run(
            self.server.image,
            entrypoint=["sleep", "3600"],
            name=f"kolla-{self.server.name}-keystone",
            labels={LABEL_ENVIRONMENT: self.server.name, LABEL_SERVICE: "keystone", LABEL_ROLE: "rolled"},
            init=True,
            detach=True,
        )
        self.said: list[str] = []

    def restore(self, cut: str = "") -> None:
        """Restores the backup; is cut off when a line says so."""
        self.said = []

        def say(line: str) -> None:
            print(line)
            self.said.append(line)
            if cut and cut in line:
                raise Cut

        about = self.repository.known()
        restore(about, plan(about, self.backup), say, lambda: None)

    def projects(self) -> set[str]:
        return set(self.server.sql("SELECT name FROM keystone.project").split())

    def volumes(self, part: str) -> list[str]:
        chosen = {"label": f"{LABEL_ENVIRONMENT}={self.server.name}"}
        return sorted(
            one.name for one in self.server.client.volumes.list(filters=chosen) if part in str(one.name)
        )

    def runs(self) -> list[bool]:
        found = []
        for one in (self.writer, self.server.container):
            one.reload()
            found.append(one.attrs["State"]["Running"])
        return found


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(False, id="side by side"),
        pytest.param(True, id="apart, so that data are copied", marks=pytest.mark.long),
    ],
)
def it(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restored]:
    one = Restored(tmp_path_factory.mktemp("repositories"), apart=request.param)
    try:
        yield one
    finally:
        one.server.close()


def test_the_plan_says_what_is_lost_stopped_and_kept(it: Restored) -> None:
    made = plan(it.repository.known(), "newest")
    text = "\n".join(told(made, datetime.now(UTC)))
    assert f"restore  {it.backup}, of MariaDB " in text
    assert "never verified, so it is verified first" in text
    assert f"stops    {it.writer.name}, {it.server.container.name}: every API fails" in text
    assert f"kept     what is replaced, on volume {made.kept}" in text
    assert it.runs() == [True, True]


def test_one_of_another_release_is_refused(it: Restored) -> None:
    with pytest.raises(KollaError, match=f"{it.backup} is of 2025.2, and {it.server.name} of 2026.1"):
        plan(it.repository.known("2026.1"), it.backup)


def test_a_damaged_one_leaves_the_server_as_it_was(it: Restored) -> None:
    damage = f"find /repositories/{it.repository.place}/data -type f -size +100k"
    it.server.inside("bash", "-c", f"for one in $({damage}); do mv $one /repositories/; done")
    try:
        with pytest.raises(KollaError, match="is damaged in the repository"):
            it.restore()
    finally:
        back = f"/repositories/{it.repository.place}/data"
        it.server.inside(
            "bash", "-c", f"cd /repositories; for one in $(find . -maxdepth 1 -type f -printf '%f '); do "
            f"mv $one {back}/${{one:0:2}}/; done"
        )  # fmt: skip
    assert it.runs() == [True, True]
    assert it.projects() == {"before"}
    assert it.volumes("-from-") == it.volumes("-before-") == []


@pytest.mark.parametrize(
    ("moment", "running"),
    [
        pytest.param("mariadb-1 stopped", [False, False], marks=pytest.mark.long),
        (" are in the place of ", [False, False]),
        # now with volumes of restores that were completed
        pytest.param(" is restored: start", [True, True], marks=pytest.mark.long),
    ],
)
def test_cut_off_it_goes_on(moment: str, running: list[bool], it: Restored) -> None:
    it.server.sql("REPLACE INTO keystone.project VALUES ('after')")
    with pytest.raises(Cut):
        it.restore(cut=moment)
    assert it.runs() == running
    # a password that was rotated since the backup
    it.server.password += "x"
    it.restore()
    assert it.runs() == [True, True]
    assert it.projects() == {"before"}
    assert it.volumes("-from-") == []
    assert re.match(r"11\.\d+\.\d+-", it.server.inside("cat", f"{stages.DATA}/mariadb_upgrade_info"))
    login = [
        "mariadb",
        "--protocol=tcp",
        "-h127.0.0.1",
        "-uroot",
        f"-p{it.server.password}",
        "-e",
        "SELECT 1",
    ]
    it.server.inside(*login)


def test_what_was_replaced_is_kept(it: Restored) -> None:
    kept = it.volumes("-before-")
    assert kept
    it.server.container.stop()
    other = it.server.started(kept[0], f"kolla-{it.server.name}-kept")
    done = other.exec_run([*stages.LOCAL, "-e", "SELECT name FROM keystone.project"])
    assert set(done.output.decode().split()) == {"before", "after"}
