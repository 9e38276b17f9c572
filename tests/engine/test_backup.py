"""Backups of a real server: that they restore, and that nothing which is not one is taken for one."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError

from kolla_iac.components.mariadb import stages
from kolla_iac.model.backup import BackupSettings, Keep, Target

from .backed_up import Repository, Server

ROWS = """
CREATE DATABASE keystone; USE keystone;
CREATE TABLE user (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(64), extra VARBINARY(200));
CREATE TABLE alembic_version (version_num VARCHAR(32));
INSERT INTO user (name, extra) SELECT MD5(seq), UNHEX(SHA2(seq, 512)) FROM seq_1_to_20000;
INSERT INTO alembic_version VALUES ('11c3b243b4cb');
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("repositories")
    one = Server(folder)
    try:
        one.sql(ROWS)
        yield one
    finally:
        one.close()


@pytest.fixture(scope="module")
def whole(server: Server) -> tuple[Repository, str]:
    """A repository with one backup, which the tests copy and leave as it is."""
    repository = Repository(server)
    return repository, repository.create()


@pytest.fixture
def copied(whole: tuple[Repository, str]) -> tuple[Repository, str]:
    """A repository with one backup, for a test to damage."""
    first, name = whole
    repository = Repository(first.server)
    repository.password = first.password
    first.server.inside(
        "bash", "-c", f"cp -a /repositories/{first.place}/. /repositories/{repository.place}/"
    )
    return repository, name


def test_a_backup_is_verified_by_restoring_it(copied: tuple[Repository, str]) -> None:
    repository, name = copied
    (listed,) = repository.listed()["backups"]
    assert (listed["backup"], listed["release"], listed["verified"]) == (name, "2025.2", "")
    assert listed["bytes"] > listed["added"] > 1_000_000
    said = repository.run("verify", "newest")
    assert re.search(rf"{name} is verified: restored, checked and compared, \d+ tables, 200\d\d rows", said)
    (listed,) = repository.listed()["backups"]
    assert listed["verified"]
    assert set(listed["kept_as"]) == {"verified", "last", "daily", "weekly", "monthly"}


@pytest.mark.long
def test_what_did_not_change_is_stored_once(copied: tuple[Repository, str]) -> None:
    repository, _ = copied
    repository.create()
    newer, older = repository.listed()["backups"]
    assert newer["bytes"] == pytest.approx(older["bytes"], rel=0.1)
    assert newer["added"] < older["added"] / 2


def test_rows_written_meanwhile_do_no_harm(copied: tuple[Repository, str]) -> None:
    repository, _ = copied
    server = repository.server
    server.sql("CREATE TABLE IF NOT EXISTS keystone.busy (id INT PRIMARY KEY AUTO_INCREMENT, word CHAR(32))")
    loop = "while true; do echo 'INSERT INTO keystone.busy (word) VALUES (MD5(RAND()));'; sleep 0.01; done"
    writer = server.client.api.exec_create(
        server.container.id, ["timeout", "60", "bash", "-c", f"({loop}) | mariadb --protocol=socket"]
    )
    server.client.api.exec_start(writer["Id"], detach=True)
    try:
        with repository.creating() as (creating, errors):
            creating.join()
        assert not errors
    finally:
        server.inside("pkill", "timeout")
    rows = int(server.sql("SELECT COUNT(*) FROM keystone.busy"))
    assert rows > 20
    assert "is verified" in repository.run("verify", "newest")
    manifest = _manifest(repository)
    least, most = manifest["tables"]["keystone.busy"]["rows"]
    assert 0 < least < most <= rows
    assert manifest["revisions"] == {"keystone": ["11c3b243b4cb"]}
    assert re.fullmatch(r"0-1-\d+", manifest["gtid"])


def _manifest(repository: Repository, change: Callable[[Any], Any] | None = None) -> Any:
    """The newest manifest; changed, and put into its place by somebody who has the password."""
    (snapshot, *_) = json.loads(
        repository.restic("snapshots --json --tag manifest | python3 -c "
                          "'import json, sys; print(json.dumps(json.load(sys.stdin)[::-1]))'")
    )  # fmt: skip
    file = f"{snapshot['paths'][0]}/manifest.json"
    manifest = json.loads(repository.restic(f"dump {snapshot['id']} {file}"))
    if change:
        change(manifest)
        tags = ",".join(snapshot["tags"])
        script = f"mkdir -p $(dirname {file}); cat > {file} <<'END'\n{json.dumps(manifest)}\nEND\n"
        repository.restic(f"forget {snapshot['id']}")
        repository.restic(
            f"backup --host {repository.environment} --tag {tags} $(dirname {file})", script=script
        )
    return manifest


def _biggest(act: str) -> Callable[[Repository], None]:
    """Something that happens to the largest pack of a repository."""

    def damage(repository: Repository) -> None:
        find = f"find /repositories/{repository.place}/data -type f -printf '%s %p\\n' | sort -n | tail -1"
        script = f'set -e; pack=$({find} | cut -d " " -f 2); size=$(stat -c %s $pack); chmod u+w $pack; {act}'
        repository.server.inside("bash", "-c", script)

    return damage


FLIP = """python3 - $pack <<'END'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(100000); byte = file.read(1)[0]; file.seek(100000); file.write(bytes([byte ^ 1]))
END"""


def _edited(change: Callable[[Any], Any]) -> Callable[[Repository], None]:
    return lambda repository: _manifest(repository, change)


def _rows(manifest: Any) -> None:
    manifest["tables"]["keystone.user"]["rows"] = [19999, 19999]


def _content(manifest: Any) -> None:
    manifest["tables"]["keystone.user"]["checksum"] = "1"


FAULTS: dict[str, tuple[Callable[[Repository], Any], str]] = {
    "flipped-bit": (_biggest(FLIP), "is damaged in the repository"),
    "truncated-pack": (_biggest("truncate -s $((size / 2)) $pack"), "is damaged in the repository"),
    "missing-pack": (_biggest("rm $pack"), "is damaged in the repository"),
    "wrong-key": (
        lambda repository: setattr(repository, "password", "another1"),
        "does not open with the secret backup_repository_password",
    ),
    "edited-environment": (
        _edited(lambda it: it.update(environment="other")),
        "was not made with this backup",
    ),
    "edited-data": (_edited(lambda it: it["data"].update(tree="0")), "does not belong to its data"),
    "newer-server": (_edited(lambda it: it.update(server="99.1.2")), "is of MariaDB 99.1.2, newer than"),
    "older-server": (_edited(lambda it: it.update(server="10.6.2")), "is of MariaDB 10.6.2, older than"),
}
"""What is found before anything is restored: name -> what happens to a repository, what is said of it."""
LONG = {"truncated-pack", "edited-data", "edited-environment", "older-server", "newer-server"}
"""Much like others of them."""


@pytest.mark.parametrize(
    "fault", [pytest.param(one, marks=pytest.mark.long) if one in LONG else one for one in FAULTS]
)
def test_what_is_wrong_is_named_and_nothing_of_it_restored(
    fault: str, copied: tuple[Repository, str]
) -> None:
    repository, name = copied
    plant, words = FAULTS[fault]
    plant(repository)
    if fault in ("flipped-bit", "edited-data", "newer-server"):
        into = repository.server.volume(f"into-{fault}")
        assert words in repository.fails("restore-into", name, into=into)
    assert words in repository.fails("verify", name)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_rows, "keystone.user: 19999 rows were backed up, 20000 are restored"),
        pytest.param(_content, "keystone.user: other content than was backed up", marks=pytest.mark.long),
    ],
)
def test_a_manifest_that_was_edited_does_not_match(
    change: Callable[[Any], Any], words: str, copied: tuple[Repository, str]
) -> None:
    repository, _ = copied
    _manifest(repository, change)
    assert words in repository.fails("verify", "newest")
    assert not repository.listed()["backups"][0]["verified"]


@pytest.mark.long
def test_a_backup_of_another_environment_is_refused(copied: tuple[Repository, str]) -> None:
    repository, name = copied
    repository.environment = "other"
    assert repository.names() == []
    said = repository.fails("verify", name)
    assert f"{name} is of the environment {repository.server.name}, not of other" in said
    of = f"no backup newest in the repository; there: only of {repository.server.name}"
    assert of in repository.fails("verify", "newest")


@pytest.mark.long
def test_a_lock_that_was_left_is_named_and_can_be_taken_away(copied: tuple[Repository, str]) -> None:
    repository, name = copied
    # an exclusive lock, as a clean-up leaves one that was killed
    repository.server.inside(
        "bash",
        "-c",
        f"export RESTIC_PASSWORD={repository.password} RESTIC_REPOSITORY=/repositories/{repository.place}; "
        "restic check --read-data >/dev/null & for i in $(seq 200); do "
        f'[ -n "$(ls /repositories/{repository.place}/locks)" ] && break; sleep 0.05; done; kill -9 $!; sleep 0.2; '
        f"ls /repositories/{repository.place}/locks | grep .",
    )
    said = repository.fails("verify", name)
    assert "the repository is locked: " in said
    assert "kolla-iac backup unlock" in said
    assert repository.names() == [name]
    repository.run("unlock")
    assert "is verified" in repository.run("verify", name)


@pytest.mark.long
def test_what_is_restored_into_a_volume_serves(copied: tuple[Repository, str]) -> None:
    repository, name = copied
    server = repository.server
    into = server.volume("restored")
    assert f"{name} is restored: start MariaDB" in repository.run("restore-into", name, into=into)
    again = repository.fails("restore-into", name, into=into)
    assert "the place to restore into is not empty; nothing was touched" in again
    other = server.started(into, f"kolla-{server.name}-restored")
    done = other.exec_run([*stages.LOCAL, "-e", "SELECT COUNT(*) FROM keystone.user"])
    assert done.output.decode().strip() == "20000"


@pytest.mark.parametrize("moment", [pytest.param("data", marks=pytest.mark.long), "manifest"])
def test_one_that_is_cut_off_counts_for_nothing(moment: str, copied: tuple[Repository, str]) -> None:
    """While the data are stored, and when they are and their manifest is not."""
    repository, name = copied
    seen = {
        "data": f"find /repositories/{repository.place}/locks -type f",
        "manifest": f"ls -1 /repositories/{repository.place}/snapshots | tail -n +4",
    }
    wait = f'for i in $(seq 3000); do [ -n "$({seen[moment]})" ] && exit; sleep 0.01; done; exit 1'
    with repository.creating() as (_, errors):
        repository.server.inside("bash", "-c", wait)
        for job in repository.jobs():
            job.remove(force=True)
    assert "somebody removed the container while it ran" in errors[0]
    listed = repository.listed()
    assert [one["backup"] for one in listed["backups"]] == [name]
    assert listed["cut_off"] == (moment == "manifest")
    again = repository.create()
    listed = repository.listed()
    assert [one["backup"] for one in listed["backups"]] == [again, name]
    assert listed["cut_off"] == 0


def test_the_second_of_two_at_once_leaves_it_to_the_first(copied: tuple[Repository, str]) -> None:
    repository, _ = copied
    with repository.creating() as (_, first), repository.creating() as (_, second):
        pass
    assert len(first + second) <= 1
    assert len(repository.names()) == 3 - len(first + second)
    if first + second:
        assert "another backup of this server is being made; nothing was touched" in (first + second)[0]


@pytest.mark.long
def test_the_newest_that_was_verified_stays(copied: tuple[Repository, str]) -> None:
    repository, first = copied
    repository.policy = repository.policy.model_copy(
        update={"keep": Keep(last=1, daily=0, weekly=0, monthly=0)}
    )
    repository.run("verify", first)
    second, third = repository.create(), repository.create()
    assert repository.names() == [third, first]
    assert second not in repository.restic("snapshots")


def test_nothing_secret_is_seen(copied: tuple[Repository, str]) -> None:
    repository, _ = copied
    seen = ""
    with repository.creating() as (thread, errors):
        while thread.is_alive():
            for job in repository.jobs():
                with contextlib.suppress(APIError):  # it has ended
                    seen += json.dumps(job.attrs) + job.logs().decode()
                    seen += json.dumps(job.top(ps_args="-eo pid,args"))
            time.sleep(0.05)
    assert not errors
    assert "mariadb-backup" in seen
    assert repository.password not in seen
    assert repository.server.password not in seen
    for file in Path(repository.server.folder / repository.place).rglob("*"):
        assert not file.is_file() or b"keystone" not in file.read_bytes()


def test_a_full_target_is_named_and_the_server_serves_on(server: Server) -> None:
    repository = Repository(server)
    small = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}
    target = Target(volume=server.volume("small", driver_opts=small))
    repository.policy = BackupSettings(target=target)
    said = repository.fails("create")
    assert "no backup was made: restic: " in said
    assert "no space left on device" in said
    assert server.sql("SELECT COUNT(*) FROM keystone.user").strip() == "20000"
