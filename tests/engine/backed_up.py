"""A database server of the tests' own with the settings of the house, and the Jobs that back it up."""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container

from kolla_iac.cli.repository import Known
from kolla_iac.components.database.clients import option_file
from kolla_iac.components.mariadb import backups, stages
from kolla_iac.errors import KollaError
from kolla_iac.images import ensure, reference
from kolla_iac.model.backup import REPOSITORY_PASSWORD, BackupSettings, Keep, Target
from kolla_iac.model.environment import Environment
from kolla_iac.model.images import ImagesSettings
from kolla_iac.model.stage import (
    LABEL_ENVIRONMENT,
    LABEL_ROLE,
    LABEL_SERVICE,
    LABEL_STAGE,
    ImagesStage,
    JobStage,
    Upload,
)
from kolla_iac.render import haproxy, ini
from kolla_iac.runtime.context import Context, Tools
from kolla_iac.runtime.hosts import Hosts
from kolla_iac.runtime.job import archive, run

from .runtime_support import HOSTS, RELEASE, swept

TOOLS = Tools(render=haproxy.render, describe=haproxy.description, beside=haproxy.beside, images=ensure)


def mariadb_image() -> str:
    """The project's own image, built if it is missing."""
    wanted = reference("mariadb-server", RELEASE, ImagesSettings())
    stage = ImagesStage(
        name="images",
        environment="t-images",
        service="images",
        release=RELEASE,
        hosts=HOSTS,
        images={"mariadb-server": wanted},
        source="build",
    )
    ensure(stage, print)
    return wanted


class Server:
    """A running MariaDB on a volume, and a folder of repositories of backups.

    Args:
        apart: whether its volume lies somewhere else than Docker's other ones.
    """

    def __init__(self, folder: Path, *, apart: bool = False) -> None:
        self.image = mariadb_image()
        self.name = f"t-{secrets.token_hex(3)}"
        self.password = f"pw0-{secrets.token_hex(12)}"
        self.folder = folder
        self.client = docker.from_env()
        labels = {LABEL_ENVIRONMENT: self.name}
        self.network = self.client.networks.create(f"kolla-{self.name}", labels=labels)
        options = {}
        if apart:
            elsewhere = folder.with_name(f"{folder.name}-data")
            elsewhere.mkdir()
            options = {"type": "none", "o": "bind", "device": str(elsewhere)}
        name = f"kolla-{self.name}-mariadb-1"
        self.data = self.client.volumes.create(name, labels=labels, driver_opts=options)
        self.container = self.started(str(self.data.name), f"kolla-{self.name}-mariadb-1")
        self.network.disconnect(self.container)
        self.network.connect(self.container, aliases=["mariadb.internal"])

    def started(self, volume: str, name: str) -> Container:
        """A server on a volume, with the settings of the house, that answers."""
        container = self.client.containers.create(
            self.image,
            entrypoint=["bash", "-c", "bash /bootstrap && exec mariadbd --user=mysql"],
            user="root",
            name=name,
            labels={LABEL_ENVIRONMENT: self.name, LABEL_SERVICE: "mariadb", LABEL_ROLE: "singleton"},
            network=self.network.name,
            volumes={
                volume: {"bind": stages.DATA, "mode": "rw"},
                str(self.folder): {"bind": "/repositories", "mode": "rw"},
            },
        )
        conf = ini.dump(stages.configuration(Environment(release=RELEASE), "local"))
        files = [
            Upload(path=stages.CONFIG, content=conf),
            Upload(path="/bootstrap", content=stages.BOOTSTRAP),
            Upload(path="/etc/mysql/bootstrap.sql", content=stages.bootstrap_sql(self.password)),
        ]
        container.put_archive("/", archive(files))
        container.start()
        end = time.monotonic() + 60
        while container.exec_run([*stages.LOCAL, "-e", "SELECT 1"]).exit_code:
            assert time.monotonic() < end, container.logs().decode()
            time.sleep(0.2)
        return container

    def close(self) -> None:
        # what is in the folder belongs to root and mysql
        self.container.start()
        self.inside("bash", "-c", "rm -rf /repositories/*")
        swept(self.client, self.name)

    def volume(self, name: str, **more: Any) -> str:
        """A new volume, which goes with the server."""
        full = f"kolla-{self.name}-{name}"
        self.client.volumes.create(full, labels={LABEL_ENVIRONMENT: self.name}, **more)
        return full

    def inside(self, *command: str) -> str:
        """What a command says that root runs beside the server, where /repositories are."""
        done = self.container.exec_run(list(command), user="root")
        assert done.exit_code == 0, done.output.decode()
        return str(done.output.decode())

    def sql(self, statement: str) -> str:
        return self.inside(*stages.LOCAL, "-e", statement)


class Repository:
    """One repository of a server's backups, as the settings ``backup.target.directory`` name it."""

    def __init__(self, server: Server, *, keep: Keep | None = None, environment: str = "") -> None:
        self.server = server
        self.place = f"r-{secrets.token_hex(3)}"
        (server.folder / self.place).mkdir()
        self.password = f"key1-{secrets.token_hex(12)}"
        self.policy = BackupSettings(
            target=Target(directory=str(server.folder / self.place)), keep=keep or Keep()
        )
        self.environment = environment or server.name

    def known(self, release: str = RELEASE) -> Known:
        """What the commands know of the server's environment."""
        settings = Environment(release=release, hosts=({"name": "here"},), backup=self.policy)
        secret = {REPOSITORY_PASSWORD.name: self.password, "mariadb_root_password": self.server.password}
        return Known(
            self.server.name,
            Path("Pulumi.yaml"),
            settings,
            secret,
            Context(Hosts(HOSTS), TOOLS, print),
        )

    def job(self, phase: str, *words: str, **more: Any) -> JobStage:
        client = option_file(str(self.server.container.name), 3306, "root", self.server.password)
        create = phase in ("create", "logs")
        opens = {"password": self.password, "client": client if create else ""}
        opens |= {name: more.pop(name) for name in ("password", "key", "client", "schemas") if name in more}
        stage = backups.job(
            phase,
            *words,
            **{
                "environment": self.environment,
                "release": RELEASE,
                "policy": self.policy,
                "access": backups.Access(**opens),
                "hosts": HOSTS,
                "host": "here",
                "image": self.server.image,
                "network": str(self.server.network.name) if create else "none",
                **more,
            },
        )
        if create and self.environment != self.server.name:
            data = f"kolla-{self.server.name}-mariadb-1"
            mounts = tuple(
                one.model_copy(update={"volume": data}) if one.path == stages.DATA else one
                for one in stage.mounts
            )
            stage = stage.model_copy(update={"mounts": mounts})
        return stage

    def run(self, phase: str, *words: str, **more: Any) -> str:
        """What the Job has to say to the operator."""
        began = time.monotonic()
        said = "\n".join(run(self.job(phase, *words, **more), "here", Context(Hosts(HOSTS), TOOLS, print)))
        print(f"{phase}: {time.monotonic() - began:.1f} s\n{said}")
        return said

    def fails(self, phase: str, *words: str, **more: Any) -> str:
        """The last line of a Job that must fail."""
        try:
            said = self.run(phase, *words, **more)
        except KollaError as error:
            (*_, last) = error.facts["log"]
            print(f"{phase}: {last}")
            return last
        raise AssertionError(f"this should fail: {said}")

    def create(self) -> str:
        """The name of a new backup."""
        found = re.search(r"backup (mariadb-\w+):", self.run("create"))
        assert found
        return found[1]

    def listed(self) -> dict[str, Any]:
        listed: dict[str, Any] = json.loads(self.run("list"))
        return listed

    def names(self) -> list[str]:
        return [one["backup"] for one in self.listed()["backups"]]

    def restic(self, *words: str, script: str = "") -> str:
        """What restic says, as somebody calls it who has the password."""
        line = (
            f"export RESTIC_PASSWORD={self.password} RESTIC_REPOSITORY=/repositories/{self.place}; {script}"
        )
        return self.server.inside("bash", "-c", f"set -e; {line} restic -q {' '.join(words)}")

    @contextmanager
    def creating(self) -> Iterator[tuple[threading.Thread, list[str]]]:
        """A backup that is being made, and the error that it ends with."""
        errors: list[str] = []

        def work() -> None:
            try:
                self.run("create")
            except KollaError as error:
                errors.append(str(error))

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield thread, errors
        finally:
            thread.join()

    def jobs(self) -> list[Any]:
        chosen = [
            f"{LABEL_ENVIRONMENT}={self.environment}",
            f"{LABEL_STAGE}={self.environment}-backup-create",
        ]
        return self.server.client.containers.list(all=True, filters={"label": chosen}, ignore_removed=True)
