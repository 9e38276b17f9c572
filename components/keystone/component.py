"""Keystone, the identity service."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from kolla_iac.components.database.component import Database
from kolla_iac.components.database.server import DatabaseServer
from kolla_iac.components.database.user import uses, volume_of_dumps
from kolla_iac.components.keystone import stages
from kolla_iac.components.keystone.ready import token_issued_and_validated
from kolla_iac.components.keystone.settings import SERVICE, KeystoneSettings
from kolla_iac.components.loadbalancer.component import LoadBalancer
from kolla_iac.components.memcached.component import Memcached
from kolla_iac.model.stage import LABEL_DATABASE, Mount, Upload
from kolla_iac.render.contract import ConfigFile, uploads
from kolla_iac.resources.cloud import Cloud
from kolla_iac.resources.container import KOLLA_START, Shape
from kolla_iac.resources.service import Service, Uploads


class Keystone(Service):
    """The identity service: tokens, users, projects and the catalogue.

    Creates a volume of keys on each of its hosts, its schema, database user and volume of backups, ``replicas``
    rolled containers behind the load balancer, and the stages keys-staged, keys-promoted, backup, preflight, expand,
    bootstrap, a handover each, retire, contract, verify, users and credentials.

    Attributes:
        url: public URL, e.g. ``http://127.0.0.1:5000/v3``.
        admin: user name, project and password of the administrator. Secret.
    """

    def __init__(
        self,
        name: str,
        *,
        cloud: Cloud,
        database: DatabaseServer,
        source: DatabaseServer | None = None,
        cache: Memcached,
        balancer: LoadBalancer,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """
        Args:
            source: the server that its schema leaves, where ``services.database.move`` asks for that.
        """
        settings = cloud.settings.service("keystone", KeystoneSettings)
        rollout = stages.rollout(cloud.settings, cloud.reference("keystone"), cloud.rotations)
        acts = rollout.acts
        super().__init__("kolla:identity:Keystone", name, rollout, cloud=cloud, opts=opts)
        password = cloud.secret("keystone_admin_password")
        ready = password.apply(lambda value: token_issued_and_validated(settings, value))
        whole = password.apply(lambda value: token_issued_and_validated(settings, value, "keystone.internal"))

        self.follow(*(self.volume("keystone-keys", host, everywhere=True) for host in rollout.hosts))
        volume = f"kolla-{cloud.environment}-keystone-keys"
        writable, keys = (Mount(volume=volume, path=stages.KEYS, read_only=only) for only in (False, True))
        key_files = cloud.secrets.apply(stages.key_files)
        for act, phase in (("keys-staged", "stage"), ("keys-promoted", "promote")):
            files = pulumi.Output.all(f"{stages.CHANGE_KEYS} {phase}", key_files).apply(
                lambda it: uploads(*it)
            )
            self.job(acts[act], files, mounts=[writable], everywhere=True)

        schema = Database(
            "keystone",
            rollout=rollout,
            demand=stages.demand(cloud.settings),
            cloud=cloud,
            server=database,
            source=source,
            image=self.image,
            host=rollout.hosts[0],
            password=cloud.secret("keystone_database_password"),
            depends_on=self.ready,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.follow(schema.ready)

        def replica(host: str, connection: str, tls: list[ConfigFile]) -> tuple[Upload, ...]:
            files = stages.replica_files(cloud.settings, host, connection=connection, memcached=cache.servers)
            return uploads("uwsgi --ini /etc/keystone/uwsgi.ini", [*files, *tls])

        def job(script: pulumi.Input[str], more: pulumi.Input[Sequence[ConfigFile]] = ()) -> Uploads:
            return pulumi.Output.all(script, more, schema.connection, schema.certificates).apply(
                lambda it: stages.job_uploads(
                    cloud.settings, it[0], [*it[1], *it[3]], connection=it[2], memcached=cache.servers
                )
            )

        self.follow(self.volume("keystone-backups", rollout.hosts[0]))
        if backup := acts.get("backup"):
            dump = schema.back_up(
                backup,
                volume=volume_of_dumps("keystone", cloud.environment),
                image=cloud.image("mariadb"),
                show=rollout.shown(backup),
                depends_on=self.ready,
                hooks=self.steps.hooks(backup),
            )
            self.follow(dump)
        migration = stages.schema_files(rollout.release)
        check = job(f"{stages.MIGRATE_SCHEMA} check\n", migration)
        self.job(acts["preflight"], check, mounts=[keys], everywhere=True)
        self.job(acts["expand"], job(f"{stages.MIGRATE_SCHEMA} expand\n", migration))
        self.follow(*cache.ready)
        first = password.apply(lambda value: stages.bootstrap_script(cloud.settings, value))
        self.job(acts["bootstrap"], job(first), mounts=[keys])
        self.follow(*balancer.ready)
        self.surge(
            lambda host: pulumi.Output.all(host, schema.connection, schema.certificates).apply(
                lambda it: replica(*it)
            ),
            Shape(
                health=("CMD", "healthcheck_curl", f"http://127.0.0.1:{SERVICE.port}/healthcheck"),
                check=settings.health_check,
                limits=settings.limits,
                capabilities=KOLLA_START,
                mounts=(keys,),
                labels={LABEL_DATABASE: used} if (used := uses(cloud.settings)) else {},
                stop_seconds=rollout.drain_seconds,
            ),
            backend="keystone",
            ready=ready,
            between=lambda after: schema.switch(backend="keystone", ready=ready, depends_on=after),
        )
        self.job(acts["contract"], job(f"{stages.MIGRATE_SCHEMA} contract\n", migration))
        self.verify(acts["verify"], whole)
        users = acts["users"]
        self.follow(schema.retire_users(users, show=rollout.shown(users), depends_on=self.ready))
        self.job(
            acts["credentials"],
            job(stages.MIGRATE_CREDENTIALS, key_files),
            mounts=[writable],
            everywhere=True,
        )
        self.url = f"{balancer.url('keystone')}/v3"
        self.admin = pulumi.Output.secret(
            {"username": settings.admin_user, "project": settings.admin_project, "password": password}
        )
        self.register_outputs({"url": self.url})
