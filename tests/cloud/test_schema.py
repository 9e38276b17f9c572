"""Keystone's schema between two releases, by the program of the stages expand and contract, on a real MariaDB."""

from __future__ import annotations

import io
import secrets
import tarfile
import time
from collections.abc import Iterator

import docker
import pytest
from docker.models.containers import Container

from kolla_iac import images
from kolla_iac.components.keystone.stages import CONFIG, schema_files
from kolla_iac.model.images import ImagesSettings

from .support import LABEL

OLD, NEW = "2025.2", "2026.1"
SERVER = """
mkdir -p /run/mysqld /var/lib/mysql && chown -R mysql:mysql /run/mysqld /var/lib/mysql
mariadb-install-db --no-defaults --user=mysql --datadir=/var/lib/mysql --skip-test-db > /dev/null
exec mariadbd --no-defaults --user=mysql --datadir=/var/lib/mysql --bind-address=0.0.0.0
"""


class Schema:
    """A scratch database, and Keystone's images beside it."""

    def __init__(self) -> None:
        self.name = f"t-{secrets.token_hex(3)}"
        self.labels = {LABEL: self.name}
        self.client = docker.from_env()
        self.client.networks.create(self.name, labels=self.labels)
        self.server: Container = self.client.containers.run(
            images.reference("mariadb-server", OLD, ImagesSettings()),
            ["-c", SERVER],
            entrypoint="bash",
            user="root",
            name=f"{self.name}-database",
            network=self.name,
            labels=self.labels,
            detach=True,
        )
        end = time.monotonic() + 90
        while self.server.exec_run(["mariadb", "-e", "SELECT 1"]).exit_code:
            assert time.monotonic() < end, self.server.logs().decode()
            time.sleep(0.3)
        self.sql("CREATE DATABASE keystone; CREATE USER keystone@'%' IDENTIFIED BY 'x'")
        self.sql("GRANT ALL ON keystone.* TO keystone@'%'")

    def sql(self, statement: str) -> list[str]:
        done = self.server.exec_run(["mariadb", "-N", "-e", statement])
        assert done.exit_code == 0, done.output.decode()
        return list(done.output.decode().split())

    def run(self, release: str, phase: str) -> tuple[int, str]:
        """A phase by the image of a release: exit code, and what it printed."""
        container = self.client.containers.create(
            images.reference("keystone", release, ImagesSettings()),
            ["/etc/kolla-iac/schema.py", phase],
            entrypoint="/var/lib/kolla/venv/bin/python",
            user="root",
            network=self.name,
            labels=self.labels,
        )
        files = {file.dest: file.content for file in schema_files(release)}
        files[CONFIG] = f"[database]\nconnection = mysql+pymysql://keystone:x@{self.name}-database/keystone\n"
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for path, content in files.items():
                entry = tarfile.TarInfo(path.lstrip("/"))
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content.encode()))
        container.put_archive("/", packed.getvalue())
        container.start()
        status = int(container.wait(timeout=120)["StatusCode"])
        printed = container.logs().decode()
        container.remove(v=True)
        return status, printed

    def record(self) -> dict[str, str]:
        words = self.sql("SELECT phase, series FROM keystone.kolla_iac_series")
        return dict(zip(words[::2], words[1::2], strict=True))

    def remove(self) -> None:
        chosen = {"label": f"{LABEL}={self.name}"}
        for container in self.client.containers.list(all=True, filters=chosen):
            container.remove(force=True, v=True)
        for network in self.client.networks.list(filters=chosen):
            network.remove()
        self.client.close()


@pytest.fixture
def schema() -> Iterator[Schema]:
    made = Schema()
    try:
        yield made
    finally:
        made.remove()


def test_back_until_contracted_and_not_from_then_on(schema: Schema) -> None:
    for phase in ("expand", "contract"):
        assert schema.run(OLD, phase)[0] == 0
    at_first = set(schema.sql("SELECT version_num FROM keystone.alembic_version"))
    status, printed = schema.run(NEW, "check")  # here is neither a cache nor a key
    assert status == 0, printed
    assert f"{NEW} takes it from there" in printed
    assert "note: keystone-manage doctor: `keystone.conf [cache] enabled` is not enabled." in printed
    assert set(schema.sql("SELECT version_num FROM keystone.alembic_version")) == at_first
    assert schema.run(NEW, "expand")[0] == 0
    expanded = set(schema.sql("SELECT version_num FROM keystone.alembic_version"))
    assert len(expanded - at_first) == 1
    assert schema.record() == {"expand": NEW, "contract": OLD}

    for phase in ("expand", "contract"):  # back
        status, printed = schema.run(OLD, phase)
        assert status == 0, printed
        assert "note: the schema is expanded for a later release already" in printed
    assert set(schema.sql("SELECT version_num FROM keystone.alembic_version")) == expanded
    assert schema.record() == {"expand": OLD, "contract": OLD}

    for phase in ("expand", "contract"):  # and to the end
        status, printed = schema.run(NEW, phase)
        assert status == 0, printed
    assert schema.record() == {"expand": NEW, "contract": NEW}
    for phase in ("check", "expand"):
        status, printed = schema.run(OLD, phase)
        assert (status, "refused: no step leads down from 2026.1 to 2025.2" in printed) == (1, True), printed

    # by the revisions alone, where nobody kept a record
    (contracted,) = at_first & expanded
    schema.sql("DROP TABLE keystone.kolla_iac_series")
    schema.sql(f"UPDATE keystone.alembic_version SET version_num = 'f00' WHERE version_num = '{contracted}'")
    status, printed = schema.run(OLD, "expand")
    assert (status, "refused: the schema is contracted for a later release" in printed) == (1, True), printed
