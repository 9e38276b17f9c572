"""Memcached, the cache."""

from __future__ import annotations

import pulumi

from kolla_iac.components.memcached import stages
from kolla_iac.components.memcached.settings import MemcachedSettings
from kolla_iac.render.contract import uploads
from kolla_iac.resources.cloud import Cloud
from kolla_iac.resources.container import Shape
from kolla_iac.resources.service import Service


class Memcached(Service):
    """A cache that services share.

    Creates one container and the stage that waits until it takes connections.

    Attributes:
        servers: ``host:port`` of each server, as services write it.
    """

    def __init__(self, name: str, *, cloud: Cloud, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = cloud.settings.service("memcached", MemcachedSettings)
        rollout = stages.rollout(cloud.settings, cloud.reference("memcached"), cloud.rotations)
        super().__init__("kolla:cache:Memcached", name, rollout, cloud=cloud, opts=opts)
        self.serial(
            lambda host: pulumi.Output.from_input(uploads(stages.command(settings))),
            Shape(
                health=("CMD", *stages.ANSWERS),
                check=settings.health_check,
                limits=settings.limits,
                aliases=("memcached.internal",),
                stop_seconds=10,
            ),
            stages.ready(),
        )
        self.servers = f"memcached.internal:{stages.PORT}"
        self.register_outputs({"servers": self.servers})
