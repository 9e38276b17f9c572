"""A schema in its service's rollout: the name of its user, and the act that backs it up."""

from __future__ import annotations

from kolla_iac.model.environment import Environment
from kolla_iac.plan.rollout import Act


def schema_user(schema: str, rotation: int) -> str:
    """The user that has a schema after its password was rotated so often.

    A new user instead of a second password, which MySQL knows and MariaDB does not; and never a name that was used
    before, so that a rotation that was cut off may be followed by another.

    >>> schema_user("keystone", 0), schema_user("keystone", 2)
    ('keystone', 'keystone_2')
    """
    return f"{schema}_{rotation}" if rotation else schema


def backup(schema: str, user: str, environment: Environment) -> tuple[Act, ...]:
    """The act that comes before a new release migrates a schema, as the environment's policy has it; empty for none."""
    policy = environment.backup
    if policy.before_upgrade == "never":
        return ()
    proof = "restored on trial" if policy.verified else "not tried"
    what = f"schema {schema} is dumped to the volume of backups, {proof}"
    words = f"{policy.before_upgrade}, {proof}, {policy.keep.last} kept"
    return (
        Act("backup", what, {"release": environment.release, "user": user, "policy": words}, in_image=False),
    )
