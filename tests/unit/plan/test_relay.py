"""A load balancer of before the entrance, which published the ports itself."""

from __future__ import annotations

from dataclasses import replace

from kolla_iac.components.rollouts import needs, rollouts
from kolla_iac.model.environment import load_environment
from kolla_iac.plan.diff import Change, plan
from kolla_iac.plan.standing import Standing, whole


def _changes(before: list[Standing]) -> dict[str, Change]:
    wanted = rollouts(load_environment({"release": "2025.2"}, "the test"))
    return {change.service: change for change in plan(before, wanted, needs())}


def _stands() -> dict[str, Standing]:
    wanted = rollouts(load_environment({"release": "2025.2"}, "the test"))
    return {one.service: whole(one) for one in wanted}


def test_carrying_it_over_is_felt_once() -> None:
    stands = _stands()
    del stands["entrance"]
    now = stands["loadbalancer"]
    owner = {"endpoint keystone": "127.0.0.1:5000", **now.said.container}
    shown = {name: show for name, show in now.stages.items() if name != "1-handover"}
    stands["loadbalancer"] = Standing(
        replace(now.said, container=owner), {1: "of before"}, {**shown, "1-ready": {"IMAGE": now.said.image}}
    )
    changes = _changes(list(stands.values()))
    assert list(changes) == ["entrance", "loadbalancer"]
    assert changes["loadbalancer"].impact.kind == "fails"
    assert [step.name for step in changes["entrance"].steps] == ["ports", "start"]
    assert [step.name for step in changes["loadbalancer"].steps] == ["start", "handover", "configure"]


def test_a_new_one_is_felt_by_nobody_from_then_on() -> None:
    stands = _stands()
    now = stands["loadbalancer"]
    stands["loadbalancer"] = replace(now, said=replace(now.said, image="old:1"), containers={1: "of before"})
    changes = _changes(list(stands.values()))
    assert list(changes) == ["loadbalancer"]
    assert changes["loadbalancer"].impact.kind == "none"


def test_the_entrance_outlives_every_image() -> None:
    stands = _stands()
    changes = _changes(
        [
            replace(
                one,
                said=replace(one.said, image="old:1"),
                containers=dict.fromkeys(one.containers, "of before"),
            )
            if one.service != "entrance"
            else one
            for one in stands.values()
        ]
    )
    assert "entrance" not in changes
    assert len(changes) == 4
