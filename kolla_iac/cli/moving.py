"""What comes after a move of the schemas: the server that they have left is let go of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kolla_iac.errors import KollaError

if TYPE_CHECKING:
    from kolla_iac.model.database import DatabaseSettings

VOLUME = "docker:index/volume:Volume"
KEY = "kolla-iac:environment.services.database"


def release(environment: str) -> str:
    """Takes the move out of the settings, and the protection off the volume of the service that was left.

    Returns:
        what to tell the operator.

    Raises:
        KollaError: nothing moves, or a schema is not where the settings say; nothing was touched.
    """
    from kolla_iac.cli import engine
    from kolla_iac.cli.project import existing, root
    from kolla_iac.components.schemas import schemas
    from kolla_iac.model.database import MANAGED
    from kolla_iac.model.stackfile import load_file

    checkout = root()
    read = load_file(existing(checkout, environment))
    assert read.environment is not None
    database = read.environment.database
    if not database.move:
        raise KollaError(
            f"{environment} moves no schema",
            {"wanted": "services.database.move: true, carried out"},
        )
    state = engine.exported(checkout, environment)
    refuse_unmoved(state, database, [one.name for one in schemas(read.environment)])
    left = database.moves_from
    volumes = protected(state, f"kolla-{environment}-mariadb-1") if left == MANAGED else []
    for urn in volumes:
        engine.pulumi(checkout, ["state", "unprotect", urn, "--yes", "--stack", environment])
    engine.pulumi(checkout, ["config", "set", "--path", f"{KEY}.moved_from", left, "--stack", environment])
    for name in ("move", *(["source"] if database.source else [])):
        engine.pulumi(checkout, ["config", "rm", "--path", f"{KEY}.{name}", "--stack", environment])
    lines = [f"released   {left}; the schemas are on {database.address}"]
    if left == MANAGED:
        lines += [
            f"next       pulumi up --stack {environment}: the service mariadb goes, its volume stays",
            f"data       volume kolla-{environment}-mariadb-1 keeps them; docker volume rm, when nobody misses them",
        ]
    return "\n".join(lines) + "\n"


def refuse_unmoved(state: dict[str, Any], database: DatabaseSettings, schemas: list[str]) -> None:
    """
    Raises:
        KollaError: the state does not say of each schema that it is on the server of the settings.
    """
    from kolla_iac.model.database import MANAGED
    from kolla_iac.plan.state import standing

    stages = {one.service: one.stages.get("schema", {}) for one in standing(state)}
    where = {name: stages.get(name, {}).get("SERVER", MANAGED) for name in schemas}
    if elsewhere := [
        f"{name} is on {server}" for name, server in where.items() if server != database.address
    ]:
        raise KollaError(
            f"not every schema is on {database.address} yet",
            {"saw": elsewhere, "meanwhile": "nothing was touched", "next": "pulumi up, which moves them"},
        )


def protected(state: dict[str, Any], name: str) -> list[str]:
    """URNs of a volume that the state protects, and that stays on its host when the state forgets it.

    Raises:
        KollaError: it would be deleted; nothing was touched.
    """
    resources = (state.get("deployment") or {}).get("resources") or []
    found = [
        one
        for one in resources
        if one["type"] == VOLUME and one.get("protect") and (one.get("inputs") or {}).get("name") == name
    ]
    if any(not one.get("retainOnDelete") for one in found):
        raise KollaError(
            f"volume {name} would be deleted with its service",
            {
                "meanwhile": "nothing was touched",
                "next": "pulumi up with the settings of the move, once more",
            },
        )
    return [str(one["urn"]) for one in found]
