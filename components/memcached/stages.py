"""Memcached's deployment as data."""

from __future__ import annotations

from kolla_iac.components.memcached.settings import MemcachedSettings
from kolla_iac.model.environment import Environment
from kolla_iac.model.rotation import NONE, Counts
from kolla_iac.model.waits import ExecWait
from kolla_iac.plan.rollout import Impact, Rollout

PORT = 11211
ANSWERS = (
    "bash",
    "-c",
    f"exec 3<>/dev/tcp/127.0.0.1/{PORT}; printf 'version\\r\\n' >&3; read -r -t 5 answer <&3; "
    "[[ $answer == VERSION* ]]",
)
"""A command that succeeds when memcached answers. Kolla's healthcheck_listen would need to look into processes of
another user, for which the container has no capability, and says less: a hung server listens too."""


def command(settings: MemcachedSettings) -> str:
    """Its command line; it has no configuration file."""
    return (
        f"/usr/bin/memcached -u memcached -l 0.0.0.0 -p {PORT} -U 0 "
        f"-m {settings.memory} -c {settings.max_connections}"
    )


def ready() -> ExecWait:
    """It answers."""
    return ExecWait(what="memcached answers its version", command=ANSWERS, timeout=60)


def rollout(environment: Environment, image: str, rotations: Counts = NONE) -> Rollout:
    """One server; what it held is lost when it is replaced, which makes the next answers slower.

    It knows none of the secrets: their key is for the services that keep something in it.
    """
    settings = environment.service("memcached", MemcachedSettings)
    return Rollout(
        service="memcached",
        release="",
        form="singleton",
        image=image,
        placement=tuple(host.name for host in environment.place("memcached")),
        configuration={"command": {"memcached": {"line": command(settings)}}},
        container={"limits": str(settings.limits), "health_check": str(settings.health_check)},
        impact=Impact("delayed", 2, "the cache starts empty", "every API"),
    )
