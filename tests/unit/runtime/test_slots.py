"""Which container gets which slot."""

import pytest

from kolla_iac.errors import KollaError
from kolla_iac.model.balancer import Backend, BalancerConfig
from kolla_iac.render.haproxy import render
from kolla_iac.runtime import slots

CONFIG = BalancerConfig(backends=(Backend(name="api", port=80, slots=2),))


def test_the_first_free_slot_is_taken_and_kept() -> None:
    first, slot = slots.put(CONFIG, {}, "api", "a")
    assert (first, slot) == ({"api": {"s1": "a"}}, "s1")
    second, slot = slots.put(CONFIG, first, "api", "b")
    assert (second, slot) == ({"api": {"s1": "a", "s2": "b"}}, "s2")
    assert slots.put(CONFIG, second, "api", "a") == (second, "s1")
    assert first == {"api": {"s1": "a"}}, "what was given is not changed"


def test_no_free_slot_names_who_has_them() -> None:
    with pytest.raises(KollaError, match="every slot of backend api is taken") as error:
        slots.put(CONFIG, {"api": {"s1": "a", "s2": "b"}}, "api", "c")
    assert "s1  a" in str(error.value)


def test_a_backend_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(KollaError, match="no backend glance") as error:
        slots.put(CONFIG, {}, "glance", "c")
    assert "api" in str(error.value)


def test_slots_of_containers_that_are_gone_become_free() -> None:
    taken = {"api": {"s1": "a", "s2": "b"}, "other": {"s1": "c"}}
    kept, closed = slots.keep(taken, "api", {"b"})
    assert kept == {"api": {"s2": "b"}, "other": {"s1": "c"}}
    assert closed == [("api", "s1")]


def test_dropping_what_has_no_slot_changes_nothing() -> None:
    assert slots.drop({"api": {"s1": "a"}}, "api", "b") == ({"api": {"s1": "a"}}, [])
    assert slots.drop({"api": {"s1": "a"}}, "api", "a") == ({"api": {}}, [("api", "s1")])


def test_fewer_slots_take_no_traffic_away_and_a_gone_backend_does() -> None:
    taken = {"api": {"s2": "a", "s3": "b"}, "gone": {"s1": "c"}}
    assert slots.fit(CONFIG, taken) == {"api": {"s2": "a", "s3": "b"}}
    assert "server s3 b:80" in render(CONFIG, {"api": {"s3": "b"}})
