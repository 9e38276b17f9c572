"""Scheduled backups of a real server: made, proven, gone on with after a failure, ended at once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from docker.models.containers import Container
from docker.types import Mount

from kolla_iac.components.backups import stages, status
from kolla_iac.components.mariadb import backups
from kolla_iac.components.mariadb.backup.schedule import LAST
from kolla_iac.components.mariadb.backup.tools import HERE
from kolla_iac.model.environment import load_environment
from kolla_iac.model.stage import LABEL_ENVIRONMENT
from kolla_iac.resources.container import KOLLA_START
from kolla_iac.runtime.containers import Found
from kolla_iac.runtime.job import archive

from .backed_up import Repository, Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    one = Server(tmp_path_factory.mktemp("repositories"))
    try:
        one.sql("CREATE DATABASE keystone; CREATE TABLE keystone.user (id INT PRIMARY KEY)")
        yield one
    finally:
        one.close()


def started(repository: Repository) -> Container:
    """The container of the schedule, made of what the component makes it of."""
    server = repository.server
    target = {"directory": str(server.folder / repository.place)}
    # the latest verification is never older than this: one is made, of the first backup
    backup = {"target": target, "schedule": {"every": "1s", "verify": "1h"}}
    environment = load_environment({"release": "2025.2", "backup": backup}, "the test")
    secrets = {"mariadb_root_password": server.password, "backup_repository_password": repository.password}
    container = server.client.containers.create(
        server.image,
        user="root",
        name=f"kolla-{server.name}-backups-1",
        labels={LABEL_ENVIRONMENT: server.name},
        environment={"KOLLA_CONFIG_STRATEGY": "COPY_ALWAYS", "PYTHONPATH": str(HERE)},
        network=server.network.name,
        cap_drop=["ALL"],
        cap_add=list(KOLLA_START),
        mounts=[
            Mount(one.path, one.volume, "bind" if one.volume.startswith("/") else "volume", one.read_only)
            for one in backups.mounts("create", server.name, environment.backup)
        ],
    )
    container.put_archive("/", archive(stages.files(environment, server.name, secrets, {})))
    container.start()
    return container


def waited(container: Container, wanted: Callable[[Any], Any], seconds: float = 40) -> Any:
    """Its last result, as soon as that is as wanted."""
    until = time.monotonic() + seconds
    while True:
        done = container.exec_run(["cat", str(LAST)])
        # Docker's client may lose what a command prints that ends at once
        said = json.loads(done.output) if done.exit_code == 0 and done.output else None
        if said and wanted(said):
            return said
        assert time.monotonic() < until, f"{said}\n{container.logs().decode()}"
        time.sleep(0.1)


def test_it_makes_proves_goes_on_after_a_failure_and_ends_at_once(server: Server) -> None:
    repository = Repository(server)
    place = f"/repositories/{repository.place}"
    container = started(repository)
    said = waited(container, lambda it: "verify" in it["tried"] and it["verified"])
    assert said["newest"].startswith("mariadb-")
    assert all(one["ok"] for one in said["tried"].values())
    assert f"backup {said['newest']}: " in said["tried"]["backup"]["said"]
    assert "is verified: restored, checked and compared" in said["tried"]["verify"]["said"]

    server.inside("mv", f"{place}/keys", f"{place}/keys-away")
    failed = waited(container, lambda it: not it["tried"]["look"]["ok"])
    assert "does not open with the secret backup_repository_password" in failed["tried"]["look"]["said"]
    assert failed["newest"]
    seen = status.parse(status.ask(Found("here", server.client, container)))
    assert failed["tried"]["look"]["said"] in [one.said for one in status.failures(seen)]
    assert container.exec_run(list(stages.ALIVE)).exit_code == 0
    server.inside("mv", f"{place}/keys-away", f"{place}/keys")
    waited(container, lambda it: it["tried"]["look"]["ok"])

    # a lock says that something is written; whatever it is, nothing half-made counts, and no lock is left
    busy = f'for i in $(seq 300); do [ -n "$(ls {place}/locks)" ] && exit; sleep 0.05; done; exit 1'
    server.inside("bash", "-c", busy)
    # a lock that is not 0.2 s old restic leaves behind when it is ended; the next backup takes that away
    time.sleep(0.5)
    began = time.monotonic()
    container.stop(timeout=stages.STOP_SECONDS)
    took = time.monotonic() - began
    container.reload()
    log = container.logs().decode()
    print(f"ended after {took:.1f} s\n{log}")
    assert container.attrs["State"]["ExitCode"] == 0
    assert took < 5
    assert server.inside("ls", f"{place}/locks") == ""
    for secret in (server.password, repository.password):
        assert secret not in log
    snapshots = json.loads(repository.restic("snapshots --json"))
    made = [one["tags"][0] for one in snapshots if "manifest" in one["tags"]]
    assert made == [f"backup:{said['newest']}"]
    folder = "/var/tmp/backup/manifest"
    text = repository.restic(f"dump latest --tag manifest --path {folder} {folder}/settings.yaml")
    held = yaml.safe_load(text)
    assert held["config"]["kolla-iac:environment"]["release"] == "2025.2"
