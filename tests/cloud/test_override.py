"""A changed override: what the preview says of it, and what clients feel of it."""

from __future__ import annotations

import re
from typing import Any

from .probing import probing
from .support import Cloud, override


def changed(preview: dict[str, Any]) -> dict[str, str]:
    """URN -> operation of everything that the preview would touch."""
    return {step["urn"]: step["op"] for step in preview["steps"] if step["op"] != "same"}


def test_previews_as_a_change_of_keystone_alone_with_old_and_new_value(cloud: Cloud) -> None:
    conf = cloud.base["services"]["keystone"]["overrides"]["keystone.conf"]
    was = str(conf.get("token", {}).get("expiration", 86400))
    preview = cloud.previewed(override("token", expiration=7200))
    touched = changed(preview)
    assert touched
    assert [urn for urn in touched if "kolla:identity:Keystone" not in urn] == []
    names = {urn.rpartition("::")[2] for urn in touched}
    assert names == {
        "keystone",
        "keystone-1",
        "keystone-2",
        "keystone-1-handover",
        "keystone-2-handover",
        "keystone-verify",
    }
    (component,) = [
        one for one in preview["steps"] if one["urn"].endswith("kolla:identity:Keystone::keystone")
    ]
    old, new = (
        component[state]["inputs"]["configuration"]["keystone.conf"]["token"]["expiration"]
        for state in ("oldState", "newState")
    )
    assert (old, new) == (was, "7200")

    shown = cloud.pulumi("preview", "--diff").text
    assert re.search(rf'expiration\s*: "{was}" => "7200"', shown), shown


def test_rolls_both_replicas_and_fails_no_request(cloud: Cloud) -> None:
    before, rest = cloud.ids("keystone"), cloud.ids("mariadb") | cloud.ids("loadbalancer")
    with probing(cloud) as probe:
        done = cloud.up(override("token", expiration=7200))
    cloud.keep(override("token", expiration=7200))
    after = cloud.ids("keystone")
    assert set(after) == set(before) == {"keystone-1", "keystone-2"}
    assert not set(after.values()) & set(before.values())
    assert cloud.ids("mariadb") | cloud.ids("loadbalancer") == rest
    assert done.counts["replaced"] == 2, str(done)
    for container in cloud.containers("keystone"):
        conf = container.exec_run("grep -A3 ^.token. /etc/keystone/keystone.conf").output.decode()
        assert "expiration = 7200" in conf, conf
    cloud.whole()
    probe.none_failed()
