"""The schema and the user of one service, on whatever server it is given."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import pulumi
from pulumi_command import local

from kolla_iac.components.database.clients import option_file
from kolla_iac.components.database.server import DatabaseServer
from kolla_iac.model.backup import BackupSettings
from kolla_iac.model.stage import JobStage, Mount, Upload
from kolla_iac.plan.rollout import Act
from kolla_iac.render.contract import ConfigFile, uploads
from kolla_iac.resources.cloud import Cloud, Image
from kolla_iac.resources.container import KOLLA_START
from kolla_iac.resources.names import logical
from kolla_iac.resources.stage import stage

PYTHON = "/var/lib/kolla/venv/bin/python"
BACKUPS = "/backups"
"""Where the volume of backups is mounted."""
DUMP = "python3 /etc/kolla-iac/dump.py"
"""Command of ``dump.py`` in MariaDB's image; a phase follows."""
DUMP_SECONDS = 3600
"""A dump and its trial are bounded; a large schema takes its time."""


class Database(pulumi.ComponentResource):
    """A schema (utf8mb4) with a user that may do everything in it and nothing outside.

    Creates a stage, a Job in the service's own image, so that an external server needs no image of ours; and one
    more where ``retire_users`` is called.

    Attributes:
        connection: SQLAlchemy URL. Secret.
        ready: what to depend on.
    """

    def __init__(
        self,
        name: str,
        *,
        cloud: Cloud,
        server: DatabaseServer,
        image: Image,
        host: str,
        password: pulumi.Input[str],
        user: str = "",
        show: Mapping[str, str] | None = None,
        depends_on: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """
        Args:
            name: of the schema.
            user: of the schema, see ``schema_user``; the schema's name by default.
            show: more of what the Job shows to a reviewer, beside schema, user and server.
            image: any image with PyMySQL in Kolla's virtual environment.
            host: where the Job runs.
            password: the user's. Secret.
        """
        user = user or name
        address = f"{server.host}:{server.port}"
        super().__init__(
            "kolla:database:Database",
            logical(cloud.environment, f"{name}-database"),
            {"schema": name, "user": user, "server": address, "character_set": "utf8mb4"},
            opts,
        )
        self._show = {"SCHEMA": name, "USER": user, "SERVER": address}
        self._cloud, self._schema, self._where, self._image = cloud, name, host, image
        self._login = (server.host, server.port, user, pulumi.Output.secret(password))
        self._want: pulumi.Output[str] = pulumi.Output.secret(
            pulumi.Output.json_dumps(
                {
                    "host": server.host,
                    "port": server.port,
                    "admin_user": server.admin_user,
                    "admin_password": server.admin_password,
                    "schema": name,
                    "user": user,
                    "password": password,
                }
            )
        )
        self.ready = self._stage("schema", "make", show or {}, [*server.ready, *depends_on])
        self.connection = pulumi.Output.secret(password).apply(
            lambda value: connection_url(user, value, server.host, server.port, name)
        )
        self.register_outputs({"schema": name})

    def retire_users(
        self, act: Act, *, show: Mapping[str, str], depends_on: Sequence[pulumi.Resource]
    ) -> local.Command:
        """The stage in which users of earlier passwords go; it must come after everything that logs in as them."""
        return self._stage(act.name, "retire", show, [self.ready, *depends_on])

    def back_up(
        self,
        act: Act,
        *,
        volume: str,
        image: Image,
        show: Mapping[str, str],
        depends_on: Sequence[pulumi.Resource],
        hooks: pulumi.ResourceHookBinding | None = None,
    ) -> local.Command:
        """The stage in which a dump of the schema is made, on a volume, and restored on trial.

        Args:
            volume: name of a volume on the host where the Jobs run.
            image: MariaDB's, whose clients and server it uses.
            hooks: asked before it runs, and in a preview.
        """
        policy = self._cloud.settings.backup
        host, port, user, password = self._login
        return self._job(
            act.name,
            show,
            depends_on,
            image=image,
            files=password.apply(
                lambda value: dump_files(
                    policy, self._schema, option_file(host, port, user, value), f"{DUMP} make"
                )
            ),
            mounts=(Mount(volume=volume, path=BACKUPS),),
            timeout=DUMP_SECONDS,
            hooks=hooks,
        )

    def _stage(
        self, name: str, phase: str, show: Mapping[str, str], depends_on: Sequence[pulumi.Resource]
    ) -> local.Command:
        script = (Path(__file__).parent / "script.py").read_text()
        files = self._want.apply(
            lambda text: uploads(
                f"{PYTHON} /etc/kolla-iac/database.py {phase}",
                [
                    ConfigFile("/etc/kolla-iac/database.py", script),
                    ConfigFile("/etc/kolla-iac/database.json", text),
                ],
            )
        )
        return self._job(name, {**show, **self._show}, depends_on, image=self._image, files=files)

    def _job(
        self,
        name: str,
        show: Mapping[str, str],
        depends_on: Sequence[pulumi.Resource],
        *,
        image: Image,
        files: pulumi.Output[tuple[Upload, ...]],
        mounts: Sequence[Mount] = (),
        timeout: float = 180,
        hooks: pulumi.ResourceHookBinding | None = None,
    ) -> local.Command:
        return stage(
            JobStage,
            show=show,
            hooks=hooks,
            parent=self,
            depends_on=[image.present, *depends_on],
            **self._cloud.about(f"{self._schema}-{name}", self._schema, ""),
            host=self._where,
            image=image.reference,
            env={"KOLLA_CONFIG_STRATEGY": "COPY_ALWAYS"},
            files=files,
            mounts=tuple(mounts),
            network=self._cloud.network.name,
            user="root",
            capabilities=KOLLA_START,
            timeout=timeout,
        )


def dump_files(policy: BackupSettings, schema: str, client: str, command: str) -> tuple[Upload, ...]:
    """What a Job of ``dump.py`` gets.

    Args:
        client: the option file with which it logs in. Secret.
    """
    orders = {
        "schema": schema,
        "required": policy.before_upgrade == "required",
        "trial": policy.verified,
        "keep": policy.keep.last,
    }
    return uploads(
        command,
        [
            ConfigFile("/etc/kolla-iac/dump.py", (Path(__file__).parent / "dump.py").read_text()),
            ConfigFile("/etc/kolla-iac/dump.json", json.dumps(orders)),
            ConfigFile("/etc/kolla-iac/client.cnf", client),
        ],
    )


def connection_url(user: str, password: str, host: str, port: int, schema: str) -> str:
    """SQLAlchemy's URL; the password is percent-encoded, so that every character is allowed in it."""
    return f"mysql+pymysql://{user}:{quote(password, safe='')}@{host}:{port}/{schema}?charset=utf8mb4"
