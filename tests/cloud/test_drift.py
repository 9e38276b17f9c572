"""What was changed by hand, or by the machine, and how it becomes whole again."""

from __future__ import annotations

import subprocess
import time

import pytest
from docker.models.containers import Container

from tests.waiting import eventually

from .probing import probing
from .support import Cloud


def test_a_container_removed_and_one_stopped_by_hand_are_all_that_is_repaired(cloud: Cloud) -> None:
    before = cloud.ids()
    by_name = {one.attrs["Config"]["Hostname"]: one for one in cloud.containers()}
    by_name["keystone-1"].remove(force=True)
    by_name["memcached-1"].stop(timeout=5)
    repaired = cloud.up(None, "--refresh")
    cloud.whole()
    after = cloud.ids()
    assert after["keystone-1"] != before["keystone-1"]
    untouched = {"entrance-1", "keystone-2", "loadbalancer-1", "mariadb-1"}
    assert {name: after[name] for name in untouched} == {name: before[name] for name in untouched}
    assert after["memcached-1"] == before["memcached-1"], "it only had to be started"
    # the two containers, and the stages that follow the new one
    assert repaired.touched == {"keystone-1", "keystone-1-handover", "keystone-verify", "memcached-1"}
    assert cloud.up(None, "--refresh").changes == 0


def test_everything_stopped_and_started_in_another_order_serves_again_without_help(cloud: Cloud) -> None:
    before = {one.name: _address(one) for one in cloud.containers()}
    for service in ("keystone", "entrance", "loadbalancer", "memcached", "mariadb"):
        for container in cloud.containers(service):
            container.stop(timeout=20)
    assert not cloud.answers()
    for service in ("memcached", "keystone", "loadbalancer", "entrance", "mariadb"):
        for container in reversed(cloud.containers(service)):
            container.start()
    after = {one.name: _address(one) for one in cloud.containers()}
    assert after != before, "no container has another address, so this has shown nothing"
    eventually(cloud.answers, 90, "a token after everything was started in another order")
    eventually(lambda: set(cloud.balanced().values()) == {"UP"}, 60, "both replicas UP")
    with probing(cloud) as probe:
        assert cloud.up().changes == 0
    cloud.whole()
    probe.none_failed(at_least=20)


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(("REJECT", "--reject-with", "tcp-reset"), id="refused"),
        # takes three checks of 15 s each: a check must never take out a replica that is merely busy
        pytest.param(("DROP",), id="silent", marks=pytest.mark.long),
    ],
)
def test_a_replica_that_cannot_reach_its_database_gets_no_traffic(cloud: Cloud, how: tuple[str, ...]) -> None:
    cut = cloud.containers("keystone")[0]
    pid = str(cut.attrs["State"]["Pid"])
    rule = ("OUTPUT", "-p", "tcp", "--dport", "3306", "-j", *how)
    inside = ("nsenter", "--net", "--target", pid, "iptables")
    name = str(cut.name)
    eventually(lambda: set(cloud.balanced().values()) == {"UP"}, 30, "both replicas UP")
    subprocess.run([*inside, "-I", *rule], check=True)
    try:
        noticed = eventually(lambda: cloud.balanced()[name] == "DOWN", 60, "the load balancer takes it out")
        print(f"taken out after {noticed:.1f} s")
        with probing(cloud) as probe:
            time.sleep(5)
        assert cloud.balanced()[name] == "DOWN"
    finally:
        subprocess.run([*inside, "-D", *rule], check=True)
    eventually(lambda: cloud.balanced()[name] == "UP", 90, "it comes back by itself")
    probe.none_failed(at_least=80)


def _address(container: Container) -> str:
    container.reload()
    networks = container.attrs["NetworkSettings"]["Networks"]
    return str(next(iter(networks.values()))["IPAddress"])
