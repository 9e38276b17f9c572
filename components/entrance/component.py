"""The entrance: who holds the published ports."""

from __future__ import annotations

import pulumi

from kolla_iac.components.entrance import stages
from kolla_iac.components.entrance.settings import EntranceSettings
from kolla_iac.model.stage import Mount, PortsStage, Upload
from kolla_iac.render import haproxy
from kolla_iac.render.contract import ConfigFile, uploads
from kolla_iac.resources.cloud import Cloud
from kolla_iac.resources.container import KOLLA_START, Port, Shape
from kolla_iac.resources.service import Service
from kolla_iac.resources.stage import stage


class Entrance(Service):
    """Holds the published ports and gives their sockets to the load balancer's containers, old and new.

    Creates one small container and the stages before and after it. `LoadBalancer` makes it; nobody else need.
    """

    def __init__(
        self,
        name: str,
        *,
        cloud: Cloud,
        volume: pulumi.Resource,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """
        Args:
            volume: the load balancer's, on which its containers find the sockets.
        """
        settings = cloud.settings.service("entrance", EntranceSettings)
        rollout = stages.rollout(cloud.settings)
        super().__init__(
            "kolla:network:Entrance", name, rollout, cloud=cloud, image=cloud.image("loadbalancer"), opts=opts
        )
        published = stages.published(cloud.settings)
        self.follow(
            stage(
                PortsStage,
                show=rollout.shown(rollout.before[0]),
                parent=self,
                depends_on=[volume],
                **cloud.about("entrance-ports", "entrance", ""),
                host=rollout.placement[0],
                of="loadbalancer",
            )
        )
        self.serial(
            lambda host: pulumi.Output.from_input(_files(tuple(published.values()))),
            Shape(
                health=("CMD", *stages.HOLDS),
                check=settings.health_check,
                limits=settings.limits,
                capabilities=(*KOLLA_START, "NET_BIND_SERVICE"),
                mounts=(Mount(volume=f"kolla-{cloud.environment}-loadbalancer-1", path=haproxy.DIRECTORY),),
                ports=tuple(
                    Port(port, cloud.settings.endpoint(name).port, cloud.settings.endpoint(name).address)
                    for name, port in published.items()
                ),
                aliases=tuple(f"{service}.internal" for service in published),
                stop_seconds=10,
                keeps_image=True,
            ),
            stages.ready(),
        )
        self.register_outputs({"published": published})


def _files(ports: tuple[int, ...]) -> tuple[Upload, ...]:
    line = " ".join(map(str, ports))
    return uploads(
        f"python3 {stages.PROGRAM_PATH} {line}".strip(), [ConfigFile(stages.PROGRAM_PATH, stages.PROGRAM)]
    )
