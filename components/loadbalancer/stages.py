"""The load balancer's deployment as data."""

from __future__ import annotations

from kolla_iac.components.entrance import stages as entrance
from kolla_iac.components.entrance.stages import SECONDS, published
from kolla_iac.components.loadbalancer.settings import SERVICE, LoadBalancerSettings
from kolla_iac.model.balancer import Backend, BalancerConfig, Frontend
from kolla_iac.model.environment import Environment
from kolla_iac.model.rotation import NONE, Counts
from kolla_iac.model.service import services
from kolla_iac.plan.rollout import Act, Impact, Rollout

DRAIN_SECONDS = 75
"""How long the old container may finish: more than idle connections are kept (``timeout http-keep-alive``)."""


def config(environment: Environment, statistics_password: str | None = None) -> BalancerConfig:
    """A frontend and a backend for every published service.

    A backend has room for two generations of every replica and two more, so that scaling by one needs no reload.
    """
    settings = environment.service("loadbalancer", LoadBalancerSettings)
    ports = published(environment)
    return BalancerConfig(
        frontends=tuple(Frontend(name=name, backend=name, port=port) for name, port in ports.items()),
        backends=tuple(
            Backend(
                name=name,
                port=port,
                slots=max(8, 2 * environment.service(name).replicas + 2),
                check=services()[name].check,
                # one that hangs piles up what it was given, and so is given little more
                options=("balance leastconn",),
            )
            for name, port in ports.items()
        ),
        client_timeout=settings.client_timeout,
        server_timeout=settings.server_timeout,
        statistics_password=statistics_password,
    )


def rollout(environment: Environment, image: str, rotations: Counts = NONE) -> Rollout:
    """One HAProxy; its frontends and backends change by a reload, the rest by a new container beside the old."""
    settings = environment.service("loadbalancer", LoadBalancerSettings)
    balanced = config(environment)
    rotated = rotations.get(SERVICE.secrets[0].name, 0)
    return Rollout(
        service="loadbalancer",
        release="",
        form="relay",
        image=image,
        placement=tuple(host.name for host in environment.place("loadbalancer")),
        configuration={},
        live={
            "frontends": {
                frontend.name: {"port": str(frontend.port), "backend": frontend.backend}
                for frontend in balanced.frontends
            },
            "backends": {
                backend.name: {"port": str(backend.port), "slots": str(backend.slots), "check": backend.check}
                | {"balance": "leastconn"}
                for backend in balanced.backends
            },
            "timeouts": {
                "seconds": {"client": str(balanced.client_timeout), "server": str(balanced.server_timeout)}
            },
            "statistics": {"page": {"user": "openstack", "password": f"rotation {rotated}"}},
        },
        container={"limits": str(settings.limits), "health_check": str(settings.health_check)},
        asked={"entrance": entrance.rollout(environment).made_of(1)},
        drain_seconds=DRAIN_SECONDS,
        after=(
            Act(
                "configure",
                "frontends and backends are written; a reload that loses no request",
                {
                    "frontends": ", ".join(f"{one.name}:{one.port}" for one in balanced.frontends),
                    "statistics": f"rotation {rotated}",
                },
                follows_containers=True,
                in_image=False,
                applies=True,
            ),
        ),
        first=Impact("fails", SECONDS, "it owned the published ports itself until now", "every API"),
        rotations={SERVICE.secrets[0].name: rotated},
    )
