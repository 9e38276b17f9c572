"""The schema and the user of one service, on whatever server it is given."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pulumi

from kolla_iac.components.database.server import DatabaseServer
from kolla_iac.model.stage import JobStage
from kolla_iac.render.contract import ConfigFile, uploads
from kolla_iac.resources.cloud import Cloud, Image
from kolla_iac.resources.container import KOLLA_START
from kolla_iac.resources.names import logical
from kolla_iac.resources.stage import stage

PYTHON = "/var/lib/kolla/venv/bin/python"


class Database(pulumi.ComponentResource):
    """A schema (utf8mb4) with a user that may do everything in it and nothing outside.

    Creates one stage, a Job in the service's own image, so that an external server needs no image of ours.

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
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """
        Args:
            name: of the schema and of its user.
            image: any image with PyMySQL in Kolla's virtual environment.
            host: where the Job runs.
            password: the user's. Secret.
        """
        address = f"{server.host}:{server.port}"
        super().__init__(
            "kolla:database:Database",
            logical(cloud.environment, f"{name}-database"),
            {"schema": name, "user": name, "server": address, "character_set": "utf8mb4"},
            opts,
        )
        want: pulumi.Output[str] = pulumi.Output.secret(
            pulumi.Output.json_dumps(
                {
                    "host": server.host,
                    "port": server.port,
                    "admin_user": server.admin_user,
                    "admin_password": server.admin_password,
                    "schema": name,
                    "user": name,
                    "password": password,
                }
            )
        )
        script = (Path(__file__).parent / "script.py").read_text()
        self.ready = stage(
            JobStage,
            show={"SCHEMA": name, "SERVER": address},
            parent=self,
            depends_on=[image.present, *server.ready],
            **cloud.about(f"{name}-schema", name, ""),
            host=host,
            image=image.reference,
            env={"KOLLA_CONFIG_STRATEGY": "COPY_ALWAYS"},
            files=want.apply(
                lambda text: uploads(
                    f"{PYTHON} /etc/kolla-iac/database.py",
                    [
                        ConfigFile("/etc/kolla-iac/database.py", script),
                        ConfigFile("/etc/kolla-iac/database.json", text),
                    ],
                )
            ),
            network=cloud.network.name,
            user="root",
            capabilities=KOLLA_START,
            timeout=180,
        )
        self.connection = pulumi.Output.secret(password).apply(
            lambda value: connection_url(name, value, server.host, server.port)
        )
        self.register_outputs({"schema": name})


def connection_url(user: str, password: str, host: str, port: int) -> str:
    """SQLAlchemy's URL; the password is percent-encoded, so that every character is allowed in it."""
    return f"mysql+pymysql://{user}:{quote(password, safe='')}@{host}:{port}/{user}?charset=utf8mb4"
