"""The services that have a schema on the database server: found by folder, as the services themselves."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from kolla_iac.components.database.orders import Demand
from kolla_iac.components.database.user import schema_user
from kolla_iac.model.environment import Environment
from kolla_iac.model.rotation import NONE, Counts


@dataclass(frozen=True)
class Schema:
    """A service's schema, named as the service."""

    name: str
    user: str
    secret: str
    """Name of the secret with the user's password."""
    demand: Demand


def schemas(environment: Environment, rotations: Counts = NONE) -> list[Schema]:
    """One of each enabled service whose ``stages`` say what it asks of a database server."""
    found = []
    for name in environment.enabled():
        stages = importlib.import_module(f"kolla_iac.components.{name}.stages")
        if hasattr(stages, "demand"):
            secret = f"{name}_database_password"
            user = schema_user(name, rotations.get(secret, 0))
            found.append(Schema(name, user, secret, stages.demand(environment)))
    return found


def of_all(found: list[Schema]) -> Demand:
    """What all of them ask of one server."""
    connections = sum(one.demand.connections for one in found)
    return Demand(connections, max((one.demand.recycle for one in found), default=0))
