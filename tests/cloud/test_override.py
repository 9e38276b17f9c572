"""A changed override: what the preview says of it, and what clients feel of it."""

from __future__ import annotations

import re
from typing import Any

from .probing import probed
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
    cloud.write(override("token", expiration=7200))
    done, report = probed(cloud)
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
    assert report["failed"] == 0, str(done)
    assert report["total"] >= 100
    # plan, timeline and measurement speak of the same: Keystone alone, its two handovers, and nothing felt
    assert [(one["service"], one["predicted"]["kind"]) for one in report["predicted"]] == [
        ("keystone", "none")
    ]
    stages = {one["name"]: one for one in report["stages"] if one["service"]}
    assert {"keystone-1-handover", "keystone-2-handover", "keystone-verify"} <= set(stages)
    assert report["unplanned"] == report["unseen"] == []
    assert all(one["asked"] for one in stages.values())
    assert (done.status, report["verdict"]) == ((0, "as predicted") if report["valid"] else (4, "invalid"))


def test_a_change_that_is_felt_is_announced_and_what_it_costs_is_counted(cloud: Cloud) -> None:
    before = cloud.ids("entrance")
    change = {"services": {"entrance": {"limits": {"cpus": 1.5}}}}
    cloud.write(change)
    done, report = probed(cloud)
    cloud.keep(change)
    assert cloud.ids("entrance") != before
    cloud.whole()
    assert report["failed"] > 0, f"its port was closed for a moment:\n{done}"
    assert report["unannounced"] == 0, str(done)
    assert [(one["service"], one["predicted"]["kind"]) for one in report["predicted"]] == [
        ("entrance", "fails"),
        ("loadbalancer", "none"),
    ]
    assert done.status == 3, "a gate counts what was announced too"
