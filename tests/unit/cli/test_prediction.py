"""What the state holds and what the settings say, as what clients are told that they will feel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kolla_iac.cli.prediction import predicted
from kolla_iac.components.rollouts import rollouts
from kolla_iac.model.environment import load_environment
from kolla_iac.plan.rollout import Rollout
from kolla_iac.plan.standing import whole


def made(change: dict[str, Any] | None = None, rotated: dict[str, int] | None = None) -> list[Rollout]:
    settings = {"release": "2025.2", **(change or {})}
    return rollouts(load_environment(settings, "settings"), rotated or {})


def kinds(change: dict[str, Any], rotated: dict[str, int] | None = None) -> dict[str, str]:
    found = predicted(map(whole, made()), made(change, rotated))
    return {service: one.kind for service, one in found.items()}


def test_nothing_changes_where_nothing_differs() -> None:
    assert kinds({}) == {}


def test_an_option_of_keystone_is_felt_by_nobody() -> None:
    override = {"services": {"keystone": {"overrides": {"keystone.conf": {"token": {"expiration": 7200}}}}}}
    assert kinds(override) == {"keystone": "none"}


def test_a_container_that_stands_alone_is_felt_with_its_seconds() -> None:
    before = [replace(one, image="of/old:1") for one in made()]
    found = predicted(map(whole, before), made())
    assert {service: (one.kind, one.seconds) for service, one in found.items()} == {
        "mariadb": ("fails", 15),
        "memcached": ("delayed", 2),
        "loadbalancer": ("fails", 3),
        "keystone": ("none", 0),
    }
    assert found["loadbalancer"].text.startswith("requests fail for up to 3 s")


def test_a_rotation_that_is_felt_is_told() -> None:
    assert kinds({}, {"keystone_admin_password": 1})["keystone"] == "fails"


def test_a_service_that_goes_fails_for_good() -> None:
    found = predicted(map(whole, made()), [one for one in made() if one.service != "keystone"])
    assert (found["keystone"].kind, found["keystone"].seconds) == ("fails", 0)


def test_what_is_new_is_felt_by_nobody() -> None:
    assert {one.kind for one in predicted([], made()).values()} == {"none"}
