"""Every enabled service's rollout, for plans: found by folder, as the services themselves."""

from __future__ import annotations

import importlib

from kolla_iac import images
from kolla_iac.model.environment import Environment
from kolla_iac.model.rotation import NONE, Counts
from kolla_iac.model.service import services
from kolla_iac.plan.rollout import Rollout


def rollouts(environment: Environment, rotations: Counts = NONE) -> list[Rollout]:
    """Rollouts of the services that are on, each after those that it needs.

    Args:
        rotations: how often each secret was rotated.
    """
    known, done = services(), list[str]()

    def visit(name: str) -> None:
        if name not in done:
            for need in (*known[name].needs, *known[name].follows):
                visit(need)
            done.append(name)

    for name in environment.enabled():
        visit(name)
    return [_rollout(environment, name, rotations) for name in done if name in environment.enabled()]


def needs() -> dict[str, tuple[str, ...]]:
    """Service -> the services that it needs or follows, which change before it."""
    return {name: (*service.needs, *service.follows) for name, service in services().items()}


def _rollout(environment: Environment, name: str, rotations: Counts) -> Rollout:
    own = environment.service(name).image
    image = own or images.reference(services()[name].image, environment.release, environment.images)
    stages = importlib.import_module(f"kolla_iac.components.{name}.stages")
    made: Rollout = stages.rollout(environment, image, rotations)
    return made
