"""A schema that moves: what the program registers."""

from __future__ import annotations

import json
from typing import Any

from cloud_of_mocks import COMMAND, CONTAINER, Program, is_secret, program

FORTH = {"database": {"external": {"host": "db.example", "tls": {"verify": "none"}}, "move": True}}
BACK = {"database": {"source": {"host": "db.example", "tls": {"verify": "none"}}, "move": True}}


def orders(made: Program) -> dict[str, Any]:
    """What the program that copies and compares is told by the switch."""
    (file,) = (
        one
        for one in made.specification("keystone-switch")["job"]["files"]
        if one["path"].endswith("move.json")
    )
    found: dict[str, Any] = json.loads(file["content"])
    return found


def stages(made: Program) -> list[str]:
    names = [one.name.removeprefix("keystone-") for one in made.of_type(COMMAND)]
    wanted = {"database", "target", "copy", "switch", "schema", "1-handover"}
    return [name for name in names if name in wanted]


def test_to_an_external_server_and_what_is_left_stays() -> None:
    made = program(services=FORTH)
    assert stages(made) == ["database", "target", "copy", "switch", "schema", "1-handover"]
    told = orders(made)
    assert (told["source"]["host"], told["target"]["host"]) == ("mariadb.internal", "db.example")
    assert told["source"]["admin_password"] == made.secrets["mariadb_root_password"]
    assert told["target"]["tls"] and not told["source"]["tls"]
    replicas = [one for one in made.of_type(CONTAINER) if one.name.startswith("keystone-")]
    assert len(replicas) == 2
    for one in replicas:
        labels = {each["label"]: each["value"] for each in one.inputs["labels"]}
        assert labels["kolla_iac.database"] == "db.example:3306"
    assert [one.name for one in made.of_type(CONTAINER) if one.name.startswith("mariadb")] == ["mariadb-1"]
    (switch,) = (one for one in made.of_type(COMMAND) if one.name == "keystone-switch")
    assert is_secret(switch.inputs["stdin"])
    shown = switch.inputs["environment"]
    assert (shown["FROM"], shown["TO"]) == ("mariadb.internal:3306", "db.example:3306")


def test_from_an_external_server_nobody_is_its_administrator() -> None:
    made = program(services=BACK)
    assert stages(made) == ["target", "copy", "switch", "schema", "1-handover"]
    told = orders(made)
    assert (told["source"]["host"], told["target"]["host"]) == ("db.example", "mariadb.internal")
    assert told["source"]["admin_user"] == told["source"]["admin_password"] == ""
    assert made.specification("keystone-switch")["database"] == ""


def test_without_a_move_nothing_of_it_is_there() -> None:
    assert stages(program()) == ["schema", "1-handover"]
    assert stages(program(services={"database": {"external": {"host": "db.example"}}})) == [
        "database",
        "schema",
        "1-handover",
    ]
