"""The entrance's deployment as data."""

from __future__ import annotations

import hashlib
from pathlib import Path

from kolla_iac.components.entrance.settings import EntranceSettings
from kolla_iac.model.environment import Environment
from kolla_iac.model.rotation import NONE, Counts
from kolla_iac.model.service import services
from kolla_iac.model.waits import ExecWait
from kolla_iac.plan.rollout import Act, Impact, Rollout

SECONDS = 5
"""How long requests may fail while the published ports change hands."""
PROGRAM = (Path(__file__).parent / "inside" / "hold.py").read_text()
PROGRAM_PATH = "/usr/local/lib/kolla-entrance.py"
HOLDS = ("python3", PROGRAM_PATH, "check")
"""A command that succeeds when the sockets can be had."""


def published(environment: Environment) -> dict[str, int]:
    """Services that are on and have an API -> its port."""
    found = {name: services()[name].port for name in environment.enabled()}
    return {name: port for name, port in found.items() if port is not None}


def ready() -> ExecWait:
    """The sockets can be had."""
    return ExecWait(what="the published ports are open", command=HOLDS, timeout=60)


def rollout(environment: Environment, image: str = "", rotations: Counts = NONE) -> Rollout:
    """One holder of the published ports. It changes when they do, and for nothing else: not with its image."""
    settings = environment.service("entrance", EntranceSettings)
    endpoints = [environment.endpoint(name) for name in published(environment)]
    return Rollout(
        service="entrance",
        release="",
        form="singleton",
        image="",
        placement=tuple(host.name for host in environment.place("entrance")),
        configuration={},
        container={
            "limits": str(settings.limits),
            "health_check": str(settings.health_check),
            "program": hashlib.sha256(PROGRAM.encode()).hexdigest()[:12],
            **{f"endpoint {one.name}": f"{one.address}:{one.port}" for one in endpoints},
        },
        before=(
            Act("ports", "no container of before holds the ports", {"of": "loadbalancer"}, in_image=False),
        ),
        impact=Impact("fails", SECONDS, "the published ports change hands", "every API"),
    )
