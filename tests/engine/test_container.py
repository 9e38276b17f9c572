"""Containers: inputs that arrive, changes that replace or do not, failures that leave nothing."""

from collections.abc import Callable
from typing import Any

import docker

from .conftest import containers
from .harness import Stack

Make = Callable[[str], Stack]

EVERYTHING: dict[str, Any] = {
    "command": ["sh", "-c", "cat /etc/kolla/one.conf && exec sleep 3600"],
    "hostname": "one-of-many",
    "user": "1000:1000",
    "working_dir": "/tmp",
    "envs": ["A=1", "B=two words"],
    "labels": [{"label": "role", "value": "api"}],
    "capabilities": {"adds": ["CAP_NET_BIND_SERVICE"], "drops": ["ALL"]},
    "security_opts": ["no-new-privileges"],
    "memory": 64,
    "memory_swap": 64,
    "cpus": "0.5",
    "cpu_shares": 512,
    "shm_size": 8,
    "restart": "on-failure",
    "max_retry_count": 3,
    "log_driver": "json-file",
    "log_opts": {"max-size": "1m", "max-file": "2"},
    "tmpfs": {"/run": "rw,size=1m"},
    "ulimits": [{"name": "nofile", "soft": 1024, "hard": 2048}],
    "hosts": [{"host": "elsewhere", "ip": "192.0.2.7"}],
    "sysctls": {"net.core.somaxconn": "256"},
    "ports": [{"internal": 80, "ip": "127.0.0.1"}],
    "data_at": "/data",
    "init": True,
    "stop_signal": "SIGINT",
    "stop_timeout": 7,
    "destroy_grace_seconds": 1,
    "healthcheck": {
        "tests": ["CMD", "true"],
        "interval": "1s",
        "timeout": "1m30s",
        "start_period": "500ms",
        "retries": 4,
    },
    "wait": True,
    "wait_timeout": 30,
    "uploads": [
        {"file": "/etc/kolla/one.conf", "content": "zażółć = 1\n"},
        {"file": "/etc/kolla/private", "content": "p", "permissions": "0600"},
        {"file": "/etc/kolla/run.sh", "content": "#!/bin/sh\n", "executable": True},
        {"file": "/etc/kolla/bytes", "content_base64": "AAEC"},
    ],
}


def only(daemon: docker.DockerClient, it: Stack) -> Any:
    (container,) = containers(daemon, it.name)
    return container


def test_every_input_reaches_the_container(stack: Make, daemon: docker.DockerClient) -> None:
    it = stack("one.py")
    it.up(container=EVERYTHING)
    seen = only(daemon, it).attrs
    config, host = seen["Config"], seen["HostConfig"]
    assert (config["Hostname"], config["User"], config["WorkingDir"]) == ("one-of-many", "1000:1000", "/tmp")
    assert {"A=1", "B=two words"} <= set(config["Env"])
    assert config["Labels"]["role"] == "api"
    assert (config["StopSignal"], config["StopTimeout"]) == ("SIGINT", 7)
    second = 10**9
    assert config["Healthcheck"] == {
        "Test": ["CMD", "true"],
        "Interval": second,
        "Timeout": 90 * second,
        "StartPeriod": second // 2,
        "Retries": 4,
    }
    assert [name.removeprefix("CAP_") for name in host["CapAdd"]] == ["NET_BIND_SERVICE"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert (host["Memory"], host["MemorySwap"]) == (64 * 2**20, 64 * 2**20)
    assert (host["NanoCpus"], host["CpuShares"], host["ShmSize"]) == (second // 2, 512, 8 * 2**20)
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}}
    assert host["Tmpfs"] == {"/run": "rw,size=1m"}
    assert host["Ulimits"] == [{"Name": "nofile", "Soft": 1024, "Hard": 2048}]
    assert host["ExtraHosts"] == ["elsewhere:192.0.2.7"]
    assert host["Sysctls"] == {"net.core.somaxconn": "256"}
    assert host["Init"] is True
    assert host["PortBindings"]["80/tcp"][0]["HostIp"] == "127.0.0.1"
    (mount,) = [item for item in seen["Mounts"] if item["Destination"] == "/data"]
    assert mount["Type"] == "volume" and mount["Name"].startswith(f"{it.name}-data-")
    (network,) = seen["NetworkSettings"]["Networks"]
    assert network.startswith(f"{it.name}-net-")
    assert {"one", "uno"} <= set(seen["NetworkSettings"]["Networks"][network]["Aliases"])
    assert seen["State"]["Health"]["Status"] == "healthy"
    assert only(daemon, it).logs().decode() == "zażółć = 1\n"
    found = only(daemon, it).exec_run(
        "stat -c %a:%s:%n /etc/kolla/private /etc/kolla/run.sh /etc/kolla/bytes", user="0"
    )
    assert found.output.decode().split() == [
        "600:1:/etc/kolla/private",
        "744:10:/etc/kolla/run.sh",
        "644:3:/etc/kolla/bytes",
    ]
    assert it.outputs(f"{it.name}-one")["networkDatas"][0]["ipAddress"].count(".") == 3

    shuffled = {
        **EVERYTHING,
        "envs": EVERYTHING["envs"][::-1],
        "uploads": EVERYTHING["uploads"][::-1],
    }
    assert it.up("--refresh", container=shuffled).counts == {"unchanged": 5}


def test_what_replaces_and_what_changes_in_place(stack: Make, daemon: docker.DockerClient) -> None:
    it = stack("one.py")
    base = {"envs": ["A=1"], "memory": 64, "memory_swap": -1, "restart": "no"}
    it.up(container=base)
    before = only(daemon, it)

    in_place = base | {"memory": 96, "restart": "unless-stopped", "healthcheck": {"tests": ["CMD", "true"]}}
    shown = it.preview(container=in_place).text
    assert "[diff: +healthcheck~memory,restart]" in shown, shown
    assert it.up(container=in_place).counts == {"updated": 1, "unchanged": 4}
    after = only(daemon, it)
    assert after.id == before.id and after.attrs["HostConfig"]["Memory"] == 96 * 2**20
    assert after.attrs["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert "Healthcheck" not in after.attrs["Config"], "recorded only, as documented by the plugin"

    replaced = it.up(container=in_place | {"envs": ["A=2"]})
    assert replaced.counts == {"replaced": 1, "unchanged": 4}
    assert only(daemon, it).id != before.id

    asked = it.up(
        container=in_place | {"envs": ["A=2"], "healthcheck": {"tests": ["CMD", "false"]}},
        replace_on_changes=["healthcheck"],
    )
    assert asked.counts == {"replaced": 1, "unchanged": 4}
    assert only(daemon, it).attrs["Config"]["Healthcheck"]["Test"] == ["CMD", "false"]


def test_a_fixed_name_is_replaced_by_deleting_first(stack: Make, daemon: docker.DockerClient) -> None:
    it = stack("one.py")
    fixed = {"name": f"{it.name}-fixed", "envs": ["A=1"]}
    it.up(container=fixed)
    before = only(daemon, it)
    it.up(container=fixed | {"envs": ["A=2"]})
    after = only(daemon, it)
    assert after.id != before.id and after.name == f"{it.name}-fixed"

    collides = it.up(container=fixed | {"envs": ["A=3"]}, delete_before_replace=False, fails=True)
    assert "is already in use by container" in collides.text
    assert only(daemon, it).id == after.id, "the one that serves is left alone"


def test_a_create_that_fails_leaves_nothing_and_can_be_mended(
    stack: Make, daemon: docker.DockerClient
) -> None:
    it = stack("one.py")
    broken: dict[str, dict[str, Any]] = {
        "no such program": {"command": ["no-such-program"]},
        "no such network": {"networks_advanced": [{"name": "t-no-such-network"}]},
        "no such image": {"image": "t-no-such-image:1"},
    }
    expected = {
        "no such program": "no-such-program",
        "no such network": "t-no-such-network",
        "no such image": "t-no-such-image:1",
    }
    for what, inputs in broken.items():
        failed = it.up(container=inputs, fails=True)
        assert expected[what] in failed.text, what
        assert containers(daemon, it.name) == [], what
        assert not [item for item in it.resources() if item["type"].endswith(":Container")], what
    assert it.up(container={}).counts == {"created": 1, "unchanged": 4}


def test_autonamed_resources_keep_their_names(stack: Make, daemon: docker.DockerClient) -> None:
    it = stack("one.py")
    it.up(container={})
    names = {item["urn"]: item["outputs"]["name"] for item in it.resources()}
    assert len(set(names.values())) == 3
    for urn, name in names.items():
        logical = urn.rsplit("::", 1)[1]
        suffix = name.removeprefix(f"{logical}-")
        assert len(suffix) == 7 and set(suffix) <= set("0123456789abcdef"), name
    it.up(container={"restart": "always"})
    assert {item["urn"]: item["outputs"]["name"] for item in it.resources()} == names
    it.destroy()
    chosen = {"label": f"kolla-iac.test={it.name}"}
    assert containers(daemon, it.name) == []
    assert daemon.volumes.list(filters=chosen) == []
    assert daemon.networks.list(filters=chosen) == []


def test_a_container_that_may_end_is_left_ended(stack: Make, daemon: docker.DockerClient) -> None:
    it = stack("one.py")
    job = {"command": ["sh", "-c", "echo done"], "must_run": False, "restart": "no"}
    it.up(container=job)
    assert it.up("--refresh", container=job).counts == {"unchanged": 5}
    assert only(daemon, it).logs() == b"done\n"


def test_nothing_listens_at_the_provider_s_host(stack: Make) -> None:
    it = stack("one.py")
    failed = it.up(container={}, host="unix:///nowhere/docker.sock", fails=True)
    assert "/nowhere/docker.sock" in failed.text
