"""Keystone, the identity service."""

from __future__ import annotations

import pulumi

from kolla_iac.components.database.component import Database
from kolla_iac.components.database.server import DatabaseServer
from kolla_iac.components.keystone import stages
from kolla_iac.components.keystone.ready import token_issued_and_validated
from kolla_iac.components.keystone.settings import SERVICE, KeystoneSettings
from kolla_iac.components.loadbalancer.component import LoadBalancer
from kolla_iac.components.memcached.component import Memcached
from kolla_iac.model.stage import Upload
from kolla_iac.render.contract import uploads
from kolla_iac.resources.cloud import Cloud
from kolla_iac.resources.container import KOLLA_START, Shape
from kolla_iac.resources.service import Secrets, Service


class Keystone(Service):
    """The identity service: tokens, users, projects and the catalogue.

    Creates its schema and database user, ``replicas`` rolled containers behind the load balancer, and the stages
    expand, bootstrap, a handover each, retire, contract and verify.

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
        cache: Memcached,
        balancer: LoadBalancer,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        settings = cloud.settings.service("keystone", KeystoneSettings)
        rollout = stages.rollout(cloud.settings, cloud.reference("keystone"))
        super().__init__("kolla:identity:Keystone", name, rollout, cloud=cloud, opts=opts)
        password = cloud.secret("keystone_admin_password")
        schema = Database(
            "keystone",
            cloud=cloud,
            server=database,
            image=self.image,
            host=rollout.placement[0],
            password=cloud.secret("keystone_database_password"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        given = pulumi.Output.all(cloud.secrets, schema.connection)

        def replica(secrets: Secrets, host: str, connection: str) -> tuple[Upload, ...]:
            files = stages.replica_files(
                cloud.settings, secrets, host, connection=connection, memcached=cache.servers
            )
            return uploads("uwsgi --ini /etc/keystone/uwsgi.ini", files, stages.key_folders())

        def job(script: str, secrets: Secrets, connection: str) -> tuple[Upload, ...]:
            files = stages.job_files(
                cloud.settings, secrets, script, connection=connection, memcached=cache.servers
            )
            return uploads("/usr/local/bin/kolla_job", files, stages.key_folders())

        _, expand, bootstrap = rollout.before
        contract = rollout.after[0]
        self.follow(schema.ready)
        self.job(expand, given.apply(lambda it: job("keystone-manage db_sync --expand\n", *it)))
        self.job(
            bootstrap,
            given.apply(
                lambda it: job(stages.bootstrap_script(cloud.settings, it[0]["keystone_admin_password"]), *it)
            ),
        )
        self.follow(*cache.ready, *balancer.ready)
        self.surge(
            lambda host: given.apply(lambda it: replica(it[0], host, it[1])),
            Shape(
                health=("CMD", "healthcheck_curl", f"http://127.0.0.1:{SERVICE.port}/healthcheck"),
                check=settings.health_check,
                limits=settings.limits,
                capabilities=KOLLA_START,
                stop_seconds=settings.drain_seconds,
            ),
            backend="keystone",
            ready=password.apply(lambda value: token_issued_and_validated(settings, value)),
        )
        self.job(contract, given.apply(lambda it: job("keystone-manage db_sync --contract\n", *it)))
        self.verify(
            password.apply(lambda value: token_issued_and_validated(settings, value, "keystone.internal"))
        )
        self.url = f"{balancer.url('keystone')}/v3"
        self.admin = pulumi.Output.secret(
            {"username": settings.admin_user, "project": settings.admin_project, "password": password}
        )
        self.register_outputs({"url": self.url})
