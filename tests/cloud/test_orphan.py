"""Containers that run and that no state knows, as a killed engine may leave them, are taken care of by `pulumi up`."""

from __future__ import annotations

import json

from .support import Cloud


def test_what_the_state_has_forgotten_is_replaced_and_nothing_stands_twice(cloud: Cloud) -> None:
    before = cloud.ids()
    state = json.loads(cloud.pulumi("stack", "export").text)
    (urn,) = [
        one["urn"]
        for one in state["deployment"]["resources"]
        if one["urn"].endswith("docker:index/container:Container::memcached-1")
    ]
    # with all that depends on it, Keystone's containers among them
    cloud.pulumi("state", "delete", urn, "--target-dependents", "--yes")
    completed = cloud.up()
    assert "its name was taken by a container of a cut-off update" in completed.text
    cloud.whole()
    after = cloud.ids()
    kept = {name for name in after if after[name] == before[name]}
    assert kept == {"entrance-1", "loadbalancer-1", "mariadb-1"}
    assert set(cloud.balanced().values()) == {"UP"}
    assert cloud.answers()
    assert cloud.up().changes == 0
