"""Backups on a real SFTP server, OpenSSH's, in a container beside the database."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.models.containers import Container

from kolla_iac.cli.repository import carry_out
from kolla_iac.cli.restore_cloud import reading
from kolla_iac.errors import KollaError
from kolla_iac.images.build import build
from kolla_iac.images.client import Daemon
from kolla_iac.images.recipe import Recipe
from kolla_iac.model.backup import BackupSettings, Sftp, Target
from kolla_iac.model.stage import LABEL_ENVIRONMENT, Upload
from kolla_iac.runtime.job import archive

from .backed_up import Repository, Server
from .runtime_support import HOSTS

pytestmark = pytest.mark.long
PORT = 2022
DOCKERFILE = """FROM {base}
USER root
RUN apt-get update -q && apt-get install -q -y --no-install-recommends openssh-server \
    && rm -rf /var/lib/apt/lists/* /etc/ssh/ssh_host_* && mkdir -p /run/sshd \
    && useradd --create-home backup-user
ENTRYPOINT ["/usr/sbin/sshd", "-D", "-e", "-p", "{port}", "-h", "/host-key", \
    "-o", "PasswordAuthentication=no", "-o", "AuthorizedKeysFile=/authorized", "-o", "StrictModes=no"]
"""


class Machine:
    """A machine with an SFTP server and one user."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        dockerfile = DOCKERFILE.format(base=server.image, port=PORT).encode()
        recipe = Recipe("sshd-of-tests", None, {"Dockerfile": dockerfile}, None)
        (endpoint,) = HOSTS.values()
        build(recipe, Daemon(endpoint), print)
        self.host_key, self.key = self.pair(folder / "host"), self.pair(folder / "user")
        self.container = self.started(recipe.reference, self.host_key, self.key)

    def started(self, image: str, host_key: Path, key: Path) -> Container:
        container = self.server.client.containers.create(
            image,
            name=f"kolla-{self.server.name}-sftp",
            hostname="backup.example",
            labels={LABEL_ENVIRONMENT: self.server.name},
            network=self.server.network.name,
        )
        files = [
            Upload(path="/host-key", content=host_key.read_text(), mode="0600"),
            Upload(path="/authorized", content=key.with_suffix(".pub").read_text(), mode="0644"),
        ]
        container.put_archive("/", archive(files))
        container.start()
        return container

    @staticmethod
    def pair(file: Path) -> Path:
        """A new private key, and the public one beside it."""
        line = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(file)]
        subprocess.run(line, check=True)
        return file

    @staticmethod
    def public(host_key: Path) -> str:
        """Type and key, as the settings have them."""
        return " ".join(host_key.with_suffix(".pub").read_text().split()[:2])

    def target(self, host_key: Path, place: str = "") -> Target:
        name, public = str(self.container.name), self.public(host_key)
        where = f"/home/backup-user/{place or self.server.name}"
        return Target(sftp=Sftp(host=name, port=PORT, user="backup-user", path=where, host_key=public))


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    server = Server(tmp_path_factory.mktemp("repositories"))
    try:
        server.sql("CREATE DATABASE k; CREATE TABLE k.r (id INT PRIMARY KEY); INSERT INTO k.r VALUES (1)")
        yield Machine(server, tmp_path_factory.mktemp("keys"))
    finally:
        server.close()


def repository(machine: Machine, host_key: Path, key: Path) -> tuple[Repository, dict[str, str]]:
    """A repository there, and what its Jobs are given more."""
    one = Repository(machine.server)
    one.policy = BackupSettings(target=machine.target(host_key))
    return one, {"key": key.read_text(), "network": str(machine.server.network.name)}


def test_a_backup_is_made_listed_and_verified(machine: Machine) -> None:
    there, more = repository(machine, machine.host_key, machine.key)
    assert "a new repository of backups was made" in there.run("create", **more)
    assert "binary logs stored up to" in there.run("logs", **more)
    assert "is verified" in there.run("verify", "newest", **more)
    assert '"verified": "20' in there.run("list", **more)
    done = machine.container.exec_run(["du", "-s", f"/home/backup-user/{machine.server.name}/data"])
    assert int(done.output.split()[0]) > 500
    assert b"Accepted publickey for backup-user" in machine.container.logs()


def test_a_server_with_another_host_key_is_sent_nothing(machine: Machine, tmp_path: Path) -> None:
    there, more = repository(machine, Machine.pair(tmp_path / "other"), machine.key)
    before = machine.container.logs().count(b"Accepted publickey")
    for phase in ("create", "list"):
        said = there.fails(phase, **more)
        assert "the SFTP server shows another host key than backup.target.sftp.host_key" in said
    assert machine.container.logs().count(b"Accepted publickey") == before


def test_a_key_that_the_server_does_not_know_is_named(machine: Machine, tmp_path: Path) -> None:
    there, more = repository(machine, machine.host_key, Machine.pair(tmp_path / "other"))
    for phase in ("create", "list"):
        said = there.fails(phase, **more)
        assert "lets the user of backup.target.sftp not in with the secret backup_sftp_key" in said


def test_a_lost_cloud_is_found_there(machine: Machine) -> None:
    """By what somebody types who has nothing but the repository's place, its password and both keys."""
    server = machine.server
    there, more = repository(machine, machine.host_key, machine.key)
    there.policy = BackupSettings(target=machine.target(machine.host_key, "lost"))
    there.run("create", **more)
    bridge = server.client.networks.get("bridge")
    bridge.connect(machine.container)
    machine.container.reload()
    address = machine.container.attrs["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    place = f"sftp://backup-user@{address}:{PORT}/home/backup-user/lost"
    keys = (str(machine.key), machine.public(machine.host_key))
    about = reading(place, server.name, "", there.password, *keys)
    (listed,) = carry_out(about, "list")
    assert len(json.loads(listed)["backups"]) == 1
    for wrong, words in (((*keys[:1], ""), "host_key"), (("", keys[1]), "key is missing")):
        with pytest.raises(KollaError) as refused:
            reading(place, server.name, "", there.password, *wrong)
        assert words in str(refused.value), refused.value
