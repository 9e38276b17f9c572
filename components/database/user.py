"""A schema in its service's rollout: the name of its user, what that may do, and the acts that look after it."""

from __future__ import annotations

from collections.abc import Mapping

from kolla_iac.model.environment import Environment
from kolla_iac.plan.rollout import PLACE, Act, Impact

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


HOLD_SECONDS = 20
"""For which requests wait at most while a schema changes its server."""


def server_of(environment: Environment) -> dict[str, str]:
    """What an act shows that works on a schema, where that is or was on a server other than the service ``mariadb``."""
    database = environment.database
    told = database.external or database.move or database.moved_from
    return {"server": database.address} if told else {}


def uses(environment: Environment) -> str:
    """The server that containers of a service with a schema are labelled with; empty for the service ``mariadb``."""
    return environment.database.address if environment.database.external else ""


def standing(environment: Environment, schema: str, inputs: Mapping[str, str]) -> tuple[Act, ...]:
    """The acts before a service's containers after which its schema can be used: made, or copied where it moves.

    Args:
        inputs: what the act ``schema`` depends on.
    """
    source, target = environment.database.moves_from, environment.database.address
    if not source:
        return (_schema(inputs),)
    moved = {"from": source, "to": target}
    return (
        Act("target", f"schema {schema} and its user stand on {target}", dict(inputs)),
        Act("copy", f"schema {schema} is copied from {source} to {target}, while it is in use", moved),
    )


def switched(environment: Environment, schema: str, inputs: Mapping[str, str]) -> tuple[Act, ...]:
    """The acts between the start of new containers and the first handover: a schema that moves changes its server.

    Args:
        inputs: what the act ``schema`` depends on.
    """
    source, target = environment.database.moves_from, environment.database.address
    if not source:
        return ()
    what = (
        f"requests wait while the last changes go and every table is compared; then all replicas use {target}, and "
        f"{source} is read-only"
    )
    why = f"they wait while the last changes go from {source} to {target}"
    impact = Impact("delayed", HOLD_SECONDS, why)
    return (Act("switch", what, {"from": source, "to": target}, impact=impact), _schema(inputs))


def _schema(inputs: Mapping[str, str]) -> Act:
    return Act("schema", "the schema and its user stand on the database server", dict(inputs))


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
        "server": external.address,
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
    inputs = {"release": environment.release, "user": user, "policy": words, **server_of(environment)}
    return (Act("backup", what, inputs, in_image=False),)


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
