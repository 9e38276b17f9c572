"""The schema and the user of one service, on whatever server it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import pulumi
from pulumi_command import local

from kolla_iac.components.database.server import DatabaseServer
from kolla_iac.model.stage import JobStage
from kolla_iac.plan.rollout import Act
from kolla_iac.render.contract import ConfigFile, uploads
from kolla_iac.resources.cloud import Cloud, Image
from kolla_iac.resources.container import KOLLA_START
from kolla_iac.resources.names import logical
from kolla_iac.resources.stage import stage

PYTHON = "/var/lib/kolla/venv/bin/python"


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

    def _stage(
        self, name: str, phase: str, show: Mapping[str, str], depends_on: Sequence[pulumi.Resource]
    ) -> local.Command:
        script = (Path(__file__).parent / "script.py").read_text()
        return stage(
            JobStage,
            show={**show, **self._show},
            parent=self,
            depends_on=[self._image.present, *depends_on],
            **self._cloud.about(f"{self._schema}-{name}", self._schema, ""),
            host=self._where,
            image=self._image.reference,
            env={"KOLLA_CONFIG_STRATEGY": "COPY_ALWAYS"},
            files=self._want.apply(
                lambda text: uploads(
                    f"{PYTHON} /etc/kolla-iac/database.py {phase}",
                    [
                        ConfigFile("/etc/kolla-iac/database.py", script),
                        ConfigFile("/etc/kolla-iac/database.json", text),
                    ],
                )
            ),
            network=self._cloud.network.name,
            user="root",
            capabilities=KOLLA_START,
            timeout=180,
        )


def connection_url(user: str, password: str, host: str, port: int, schema: str) -> str:
    """SQLAlchemy's URL; the password is percent-encoded, so that every character is allowed in it."""
    return f"mysql+pymysql://{user}:{quote(password, safe='')}@{host}:{port}/{schema}?charset=utf8mb4"
