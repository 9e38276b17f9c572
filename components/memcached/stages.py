"""Memcached's deployment as data."""

from __future__ import annotations

from kolla_iac.components.memcached.settings import MemcachedSettings
from kolla_iac.model.environment import Environment
from kolla_iac.model.waits import PortWait
from kolla_iac.plan.rollout import Impact, Rollout

PORT = 11211


def command(settings: MemcachedSettings) -> str:
    """Its command line; it has no configuration file."""
    return (
        f"/usr/bin/memcached -u memcached -l 0.0.0.0 -p {PORT} -U 0 "
        f"-m {settings.memory} -c {settings.max_connections}"
    )


def ready() -> PortWait:
    """It takes connections."""
    return PortWait(what=f"memcached takes connections on port {PORT}", port=PORT, timeout=60)


def rollout(environment: Environment, image: str) -> Rollout:
    """One server; what it held is lost when it is replaced, which makes the next answers slower."""
    settings = environment.service("memcached", MemcachedSettings)
    return Rollout(
        service="memcached",
        release="",
        form="singleton",
        image=image,
        placement=tuple(host.name for host in environment.place("memcached")),
        configuration={"command": {"memcached": {"line": command(settings)}}},
        container={"limits": str(settings.limits), "health_check": str(settings.health_check)},
        impact=Impact("delayed", 2, "the cache starts empty"),
    )
