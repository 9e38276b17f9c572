"""HAProxy, the load balancer in front of every API."""

from __future__ import annotations

from pathlib import Path

import pulumi

from kolla_iac.components.entrance.component import Entrance
from kolla_iac.components.entrance.stages import published as published_services
from kolla_iac.components.loadbalancer import stages
from kolla_iac.components.loadbalancer.settings import SERVICE, LoadBalancerSettings
from kolla_iac.model.stage import BalancerStage, Mount
from kolla_iac.model.waits import PortWait
from kolla_iac.render import haproxy
from kolla_iac.render.contract import ConfigFile, uploads
from kolla_iac.resources.cloud import Cloud
from kolla_iac.resources.container import Shape
from kolla_iac.resources.service import Service
from kolla_iac.resources.stage import stage


class LoadBalancer(Service):
    """One address and port per API, published on the hosts' addresses.

    Creates a volume for its configuration, the `Entrance`, one container, and the stage that writes frontends and
    backends; the containers behind it are put in and taken out by the handovers of their services.

    Attributes:
        entrance: holds the published ports.
    """

    def __init__(self, name: str, *, cloud: Cloud, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = cloud.settings.service("loadbalancer", LoadBalancerSettings)
        rollout = stages.rollout(cloud.settings, cloud.reference("loadbalancer"), cloud.rotations)
        super().__init__("kolla:network:LoadBalancer", name, rollout, cloud=cloud, opts=opts)
        published = published_services(cloud.settings)
        volume = self.volume("loadbalancer-1", rollout.placement[0])
        self.entrance = Entrance("entrance", cloud=cloud, volume=volume, opts=_beside(opts))
        self.follow(volume, *self.entrance.ready)
        self.relay(
            lambda host: pulumi.Output.from_input(_FILES),
            Shape(
                health=("CMD", "healthcheck_curl", f"http://127.0.0.1:{haproxy.HEALTH_PORT}/healthcheck"),
                check=settings.health_check,
                limits=settings.limits,
                mounts=(Mount(volume=f"kolla-{cloud.environment}-loadbalancer-1", path=haproxy.DIRECTORY),),
                stop_seconds=10,
            ),
            PortWait(what="HAProxy takes connections", port=haproxy.HEALTH_PORT, timeout=60),
            self.entrance.containers[0],
        )
        configure = stage(
            BalancerStage,
            show=rollout.shown(rollout.after[0]),
            parent=self,
            depends_on=self.ready,
            **cloud.about("loadbalancer-configure", "loadbalancer", ""),
            host=rollout.placement[0],
            container=self.containers[0].id,
            config=cloud.secret(SERVICE.secrets[0].name).apply(
                lambda password: stages.config(cloud.settings, password)
            ),
        )
        self.follow(configure)
        self.register_outputs({"published": {name: self.url(name) for name in published}})

    def url(self, service: str) -> str:
        """Public address of a service's API, without a path."""
        return self.cloud.settings.endpoint(service).url

    def internal_url(self, service: str) -> str:
        """Address of a service's API inside the network, without a path."""
        return f"http://{service}.internal:{published_services(self.cloud.settings)[service]}"


def _beside(opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions | None:
    """A component beside this one, in the same place of the program."""
    return pulumi.ResourceOptions(parent=opts.parent) if opts and opts.parent else None


_SERVE = "/usr/local/lib/kolla-loadbalancer.py"
_FILES = uploads(
    f"python3 {_SERVE} /usr/sbin/haproxy -W -db -f /etc/haproxy/haproxy.cfg -f {haproxy.CLOUD_DIRECTORY}",
    [
        ConfigFile(_SERVE, (Path(__file__).parent / "inside" / "serve.py").read_text()),
        ConfigFile("/etc/haproxy/haproxy.cfg", haproxy.global_config()),
        # makes the folder on a new volume: HAProxy does not start without it
        ConfigFile(f"{haproxy.CLOUD_DIRECTORY}/00-folder.cfg", "# see 10-cloud.cfg\n", perm="0644"),
    ],
)
