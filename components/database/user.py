"""A schema in its service's rollout: the name of its user, what that may do, and the acts that look after it."""

from __future__ import annotations

from kolla_iac.model.environment import Environment
from kolla_iac.plan.rollout import PLACE, Act

GRANTS = (
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "DROP",
    "REFERENCES",
    "INDEX",
    "ALTER",
    "CREATE TEMPORARY TABLES",
    "LOCK TABLES",
    "TRIGGER",
    "CREATE VIEW",
    "SHOW VIEW",
    "CREATE ROUTINE",
    "ALTER ROUTINE",
    "EXECUTE",
    "EVENT",
)
"""What a service does in its schema, and what dumping that takes."""


def schema_user(schema: str, rotation: int) -> str:
    """The user that has a schema after its password was rotated so often.

    A new user instead of a second password, which MySQL knows and MariaDB does not; and never a name that was used
    before, so that a rotation that was cut off may be followed by another.

    >>> schema_user("keystone", 0), schema_user("keystone", 2)
    ('keystone', 'keystone_2')
    """
    return f"{schema}_{rotation}" if rotation else schema


def looked_at(environment: Environment, connections: int) -> tuple[Act, ...]:
    """The act that looks at a server of the operator's own before anything is done on it; none for ours.

    Args:
        connections: as many as the service opens at once at most, both generations together.
    """
    external = environment.database.external
    if external is None:
        return ()
    asked = {
        "release": environment.release,
        "server": f"{external.host}:{external.port}",
        "tls": external.tls.verify if external.tls else "none asked for",
        "connections": str(connections),
    }
    what = "the external database server is as the service needs it: version, grants, settings, connections"
    return (Act("database", what, asked),)


def volume_of_dumps(schema: str, environment: str) -> str:
    """The volume that a schema's dumps are on."""
    return f"kolla-{environment}-{schema}-backups"


def backup(schema: str, user: str, environment: Environment, host: str) -> tuple[Act, ...]:
    """The act that comes before a new release migrates a schema, as the environment's policy has it; empty for none.

    Args:
        host: where the Jobs of the schema's service run, and the volume is.
    """
    policy = environment.backup
    if policy.before_upgrade == "never":
        return ()
    proof = "restored on trial" if policy.verified else "not tried"
    volume = volume_of_dumps(schema, PLACE)
    what = f"schema {schema} is dumped to volume {volume} of host {host}, {proof}"
    words = f"{policy.before_upgrade}, {proof}, {policy.keep.last} kept"
    return (
        Act("backup", what, {"release": environment.release, "user": user, "policy": words}, in_image=False),
    )


def way_back(schema: str, environment: Environment) -> str:
    """What remains after the stage of no return of a schema, and the command that gives it back."""
    made = {
        "never": "a dump of your own: backup.before_upgrade is never, so none is made",
        "optional": "the dump that stage backup makes, if it can",
        "required": "the dump that stage backup makes",
    }[environment.backup.before_upgrade]
    if environment.backup.before_upgrade == "never":
        return made
    return f"{made}: kolla-iac backup restore {PLACE} {schema}-..."
