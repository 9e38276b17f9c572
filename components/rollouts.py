"""Every enabled service's rollout, for plans: found by folder, as the services themselves."""

from __future__ import annotations

import importlib

from kolla_iac import images
from kolla_iac.model.environment import Environment
from kolla_iac.model.rotation import NONE, Counts
from kolla_iac.model.service import services
from kolla_iac.plan.rollout import Rollout


def rollouts(environment: Environment, rotations: Counts = NONE, name: str = "ENV") -> list[Rollout]:
    """Rollouts of the services that are on, each after those that it needs.

    Args:
        rotations: how often each secret was rotated.
        name: the environment's, for commands in texts.
    """
    known, done = services(), list[str]()

    def visit(service: str) -> None:
        if service not in done:
            for need in (*known[service].needs, *known[service].follows):
                visit(need)
            done.append(service)

    enabled = environment.enabled()
    for service in enabled:
        visit(service)
    return [_rollout(environment, one, rotations).named(name) for one in done if one in enabled]


def needs() -> dict[str, tuple[str, ...]]:
    """Service -> the services that it needs or follows, which change before it."""
    return {name: (*service.needs, *service.follows) for name, service in services().items()}


def _rollout(environment: Environment, name: str, rotations: Counts) -> Rollout:
    image = images.of_service(environment, name)
    stages = importlib.import_module(f"kolla_iac.components.{name}.stages")
    made: Rollout = stages.rollout(environment, image, rotations)
    return made
