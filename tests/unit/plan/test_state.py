"""What stands, read from the state that the program itself would leave."""

from __future__ import annotations

from typing import Any

import pytest

from kolla_iac.components.rollouts import needs, rollouts
from kolla_iac.model.environment import load_environment
from kolla_iac.plan.diff import plan
from kolla_iac.plan.rollout import Rollout
from kolla_iac.plan.standing import whole
from kolla_iac.plan.state import CONTAINER, standing
from kolla_iac.plan.text import text
from tests.unit.components.cloud_of_mocks import Program, clear, is_secret, program

STACK = "urn:pulumi:dev::kolla-iac::pulumi:pulumi:Stack::kolla-iac-dev"


def _state(ran: Program, **times: str) -> dict[str, Any]:
    """A state as the engine exports it: secret inputs hidden, all made at one time but those that are named."""
    urns = {one.name: f"urn:pulumi:dev::kolla-iac::{one.typ}::{one.name}" for one in ran.resources}
    resources = []
    for one in ran.resources:
        service = next(
            (
                name
                for name in ("keystone", "mariadb", "memcached", "loadbalancer", "entrance")
                if name in one.name
            ),
            "",
        )
        inputs = {
            key: {"ciphertext": "x"} if is_secret(value) else clear(value)
            for key, value in one.inputs.items()
        }
        moment = times.get(one.name.replace("-", "_"), "2026-11-25T19:00:00.5Z")
        resources.append(
            {
                "urn": urns[one.name],
                "type": one.typ,
                "parent": STACK
                if one.typ.startswith("kolla:") and "Database" not in one.typ
                else urns.get(service),
                "inputs": inputs,
                "created": moment,
                "modified": moment,
            }
        )
    return {"version": 3, "deployment": {"resources": resources}}


def _wanted(**settings: Any) -> list[Rollout]:
    return rollouts(load_environment({"release": "2025.2", **settings}, "the test"))


@pytest.fixture(scope="module")
def usual() -> Program:
    return program()


def test_after_the_program_ran_nothing_is_to_change(usual: Program) -> None:
    stands = standing(_state(usual))
    assert sorted(one.service for one in stands) == [
        "entrance",
        "keystone",
        "loadbalancer",
        "mariadb",
        "memcached",
    ]
    assert text(plan(stands, _wanted(), needs())) == "nothing to change\n"


@pytest.mark.parametrize(
    "settings",
    [
        {"services": {"keystone": {"replicas": 3}}},
        {"services": {"keystone": {"overrides": {"keystone.conf": {"token": {"expiration": 7}}}}}},
        {"overrides": {"keystone.conf": {"database": {"max_retries": 7}}}},
        {"services": {"mariadb": {"buffer_pool": 256}}},
        {"services": {"loadbalancer": {"client_timeout": 77}}},
        {"endpoints": [{"name": "keystone", "port": 5100}]},
        {"release": "2026.1"},
    ],
)
def test_the_state_gives_the_same_plan_as_the_settings_that_made_it(
    usual: Program, settings: dict[str, Any]
) -> None:
    wanted = _wanted(**settings)
    from_settings = plan([whole(each) for each in _wanted()], wanted, needs())
    assert from_settings
    assert text(plan(standing(_state(usual)), wanted, needs())) == text(from_settings)


def test_a_container_that_is_newer_than_its_handover_still_waits_for_it(usual: Program) -> None:
    cut_off = _state(usual, keystone_2="2026-11-25T20:00:00Z")
    (change,) = plan(standing(cut_off), _wanted(), needs())
    assert [(step.name, step.resources) for step in change.steps] == [
        ("handover", ("keystone-2-handover",)),
        ("verify", ("keystone-verify",)),
    ]
    assert change.reasons == ("an earlier update did not come to its end",)


def test_what_waits_for_its_deletion_does_not_stand(usual: Program) -> None:
    state = _state(usual)
    resources = state["deployment"]["resources"]
    old = next(one for one in resources if one["type"] == CONTAINER and one["urn"].endswith("keystone-1"))
    labels = [
        {"label": "kolla_iac.replica", "value": "1"},
        {"label": "kolla_iac.made_of", "value": "another"},
    ]
    resources.append({**old, "delete": True, "inputs": {"labels": labels}})
    assert plan(standing(state), _wanted(), needs()) == ()


def test_a_container_from_before_it_said_what_it_is_made_of_is_replaced(usual: Program) -> None:
    state = _state(usual)
    for one in state["deployment"]["resources"]:
        if one["type"] == CONTAINER and one["urn"].endswith("keystone-1"):
            one["inputs"]["labels"] = [
                each for each in one["inputs"]["labels"] if "made_of" not in each["label"]
            ]
    (change,) = plan(standing(state), _wanted(), needs())
    assert change.steps[0].resources == ("keystone-1",)


@pytest.mark.parametrize("state", [{}, {"deployment": {}}, {"deployment": {"resources": None}}])
def test_of_nothing_nothing_stands(state: dict[str, Any]) -> None:
    assert standing(state) == []


def test_the_last_backup_is_known_by_what_its_stage_has_printed() -> None:
    state = _state(program())
    (one,) = (each for each in state["deployment"]["resources"] if each["urn"].endswith("::keystone-backup"))
    dump = "keystone-2025.2-20261126T011254Z.sql.gz"
    one["outputs"] = {"stdout": f"   0.6 s  started\n   4.2 s  backup {dump}: 50 tables, 30 rows\n"}
    found = {each.service: each.way_back for each in standing(state)}
    assert found["keystone"] == f"kolla-iac backup restore dev {dump}"
    assert found["mariadb"] == ""
