"""MariaDB, the managed database server."""

from __future__ import annotations

import pulumi

from kolla_iac.components.database.server import DatabaseServer
from kolla_iac.components.mariadb import stages
from kolla_iac.components.mariadb.settings import MariaDBSettings
from kolla_iac.model.environment import Environment
from kolla_iac.model.stage import Mount, Upload
from kolla_iac.render import ini
from kolla_iac.render.contract import ConfigFile, uploads
from kolla_iac.resources.cloud import Cloud
from kolla_iac.resources.container import Shape
from kolla_iac.resources.service import Secrets, Service


class MariaDB(Service):
    """The database server that the cloud brings along.

    Creates a protected volume, the stage that makes its data directory, one container, the stage that waits until
    it answers, and the one that gives the administrator the password of the settings.

    Attributes:
        server: what ``Database`` components are made on.
    """

    def __init__(self, name: str, *, cloud: Cloud, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = cloud.settings.service("mariadb", MariaDBSettings)
        rollout = stages.rollout(cloud.settings, cloud.reference("mariadb"), cloud.rotations)
        super().__init__("kolla:database:MariaDB", name, rollout, cloud=cloud, opts=opts)
        left = cloud.settings.database.external is not None
        volume = self.volume("mariadb-1", rollout.placement[0], outlives=left)
        data = Mount(volume=f"kolla-{cloud.environment}-mariadb-1", path=stages.DATA)
        self.follow(volume)
        self.job(rollout.before[0], cloud.secrets.apply(_bootstrap), mounts=[data], network=False)
        self.serial(
            lambda host: pulumi.Output.from_input(_member(cloud.settings, host)),
            Shape(
                health=("CMD", "mariadb", "--protocol=socket", "-N", "-e", "SELECT 1"),
                check=settings.health_check,
                limits=settings.limits,
                mounts=(data,),
                aliases=("mariadb.internal",),
                stop_seconds=120,
            ),
            stages.ready(),
        )
        self.tell(rollout.after[0], cloud.secret("mariadb_root_password").apply(stages.administrator))
        self.server = DatabaseServer(
            host="mariadb.internal",
            port=3306,
            admin_user="root",
            admin_password=cloud.secret("mariadb_root_password"),
            ready=tuple(self.ready),
        )
        self.register_outputs({"host": self.server.host, "port": self.server.port})


def _member(environment: Environment, host: str) -> tuple[Upload, ...]:
    conf = ini.dump(stages.configuration(environment, host))
    return uploads("/usr/sbin/mariadbd --user=mysql", [ConfigFile(stages.CONFIG, conf, "mysql", "0644")])


def _bootstrap(secrets: Secrets) -> tuple[Upload, ...]:
    return uploads(
        "bash /usr/local/bin/bootstrap",
        [
            ConfigFile("/usr/local/bin/bootstrap", stages.BOOTSTRAP, perm="0755"),
            ConfigFile(
                "/etc/mysql/bootstrap.sql", stages.bootstrap_sql(secrets["mariadb_root_password"]), "mysql"
            ),
        ],
    )
