"""What the state holds and what the settings say, as what clients are told that they will feel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kolla_iac.cli.prediction import predicted
from kolla_iac.components.rollouts import rollouts
from kolla_iac.model.environment import load_environment
from kolla_iac.plan.rollout import Rollout
from kolla_iac.plan.standing import whole
from kolla_iac.probe.analysis import Predicted


def made(change: dict[str, Any] | None = None, rotated: dict[str, int] | None = None) -> list[Rollout]:
    settings = {"release": "2025.2", **(change or {})}
    return rollouts(load_environment(settings, "settings"), rotated or {})


def after(
    change: dict[str, Any], rotated: dict[str, int] | None = None, before: list[Rollout] | None = None
) -> dict[str, Predicted]:
    """What is predicted of a change of what stands."""
    return predicted(map(whole, before or made()), made(change, rotated))


def kinds(change: dict[str, Any], rotated: dict[str, int] | None = None) -> dict[str, str]:
    return {service: one.kind for service, one in after(change, rotated).items()}


def test_nothing_changes_where_nothing_differs() -> None:
    assert kinds({}) == {}


def test_an_option_of_keystone_is_felt_by_nobody() -> None:
    override = {"services": {"keystone": {"overrides": {"keystone.conf": {"token": {"expiration": 7200}}}}}}
    assert kinds(override) == {"keystone": "none"}
    assert after(override)["keystone"].stages == (
        "keystone-1-handover",
        "keystone-2-handover",
        "keystone-verify",
    )


def test_stages_are_those_of_the_timeline() -> None:
    found = after({"services": {"loadbalancer": {"limits": {"memory": 300}}}})
    assert {service: one.stages for service, one in found.items()} == {
        "loadbalancer": ("loadbalancer-1-handover", "loadbalancer-configure")
    }
    fewer = after({"services": {"keystone": {"replicas": 1}}})["keystone"].stages
    assert "keystone-retire" in fewer
    assert "keystone-1-handover" not in fewer


def test_an_act_alone_is_a_change_too() -> None:
    found = after({"endpoints": [{"name": "keystone", "port": 5100}]})
    assert found["keystone"].stages == ("keystone-bootstrap",)
    assert found["entrance"].kind == "fails"
    assert found["loadbalancer"].stages == ("loadbalancer-1-handover",)
    assert found["loadbalancer"].kind == "none"


def test_a_rotation_is_known_where_no_stage_shows_it() -> None:
    found = after({}, {"mariadb_root_password": 1})
    assert found["mariadb"].stages == ("mariadb-bootstrap", "mariadb-administrator")
    assert found["keystone"].stages == ("keystone-schema", "keystone-users")


def test_a_container_that_stands_alone_is_felt_with_its_seconds() -> None:
    before = [replace(one, image="of/old:1") for one in made()]
    found = after({}, before=before)
    assert {service: (one.kind, one.seconds) for service, one in found.items()} == {
        "mariadb": ("fails", 15),
        "memcached": ("delayed", 2),
        "entrance": ("fails", 5),
        "loadbalancer": ("none", 0),
        "keystone": ("none", 0),
    }


def test_a_rotation_that_is_felt_is_told() -> None:
    assert kinds({}, {"keystone_admin_password": 1})["keystone"] == "fails"


def test_a_service_that_goes_fails_for_good() -> None:
    kept = [one for one in made() if one.service != "keystone"]
    found = predicted(map(whole, made()), kept)
    assert (found["keystone"].kind, found["keystone"].seconds) == ("fails", 0)


def test_what_is_new_is_felt_by_nobody() -> None:
    found = predicted([], made())
    assert {one.kind for one in found.values()} == {"none"}
    assert "keystone-expand" in found["keystone"].stages
