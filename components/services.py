"""Every service of a cloud, each given what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kolla_iac.components.backups.component import Backups
from kolla_iac.components.database.external import ExternalDatabase
from kolla_iac.components.database.server import leaving
from kolla_iac.components.keystone.component import Keystone
from kolla_iac.components.loadbalancer.component import LoadBalancer
from kolla_iac.components.mariadb.component import MariaDB
from kolla_iac.components.memcached.component import Memcached
from kolla_iac.resources.cloud import Cloud


class Services:
    """The services of one cloud, composed. No resource itself: each service is a component of its own.

    A program that wants another composition writes these lines its own way: docs/how-to/single-components.md.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.loadbalancer = LoadBalancer("loadbalancer", cloud=cloud)
        settings = cloud.settings.database
        managed = MariaDB("mariadb", cloud=cloud).server if settings.managed else None
        external = ExternalDatabase("database", cloud=cloud).server if settings.external else None
        database = external or managed
        assert database is not None
        self.memcached = Memcached("memcached", cloud=cloud)
        self.keystone = Keystone(
            "keystone",
            cloud=cloud,
            database=database,
            source=leaving(settings, managed),
            cache=self.memcached,
            balancer=self.loadbalancer,
        )
        if "backups" in cloud.settings.enabled():
            after = [*database.ready, *self.keystone.ready]
            self.backups = Backups("backups", cloud=cloud, after=after)

    @property
    def outputs(self) -> Mapping[str, Any]:
        """What a stack exports of the cloud; `kolla-iac up` and `kolla-iac clouds` read it there."""
        return {
            "keystone": self.keystone.url,
            "admin": self.keystone.admin,
            "region": self.cloud.settings.region,
        }
