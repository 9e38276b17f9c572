"""The pure parts of the stand-in plugins: defaults, comparison, and what Docker is sent."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from kolla_standin import container_spec as spec
from kolla_standin.container import Container
from kolla_standin.daemon import Daemon
from kolla_standin.diffing import changes
from kolla_standin.docker_types import Network, Volume
from kolla_standin.durations import nanoseconds
from kolla_standin.resource import ResourceError
from kolla_standin.tunnel import command
from kolla_standin.values import UNKNOWN, known, properties, struct

NOWHERE = Daemon("unix:///nowhere/docker.sock")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10s", 10e9), ("1m30s", 90e9), ("500ms", 5e8), ("1.5h", 5400e9), ("0", 0), ("", 0), ("3us", 3000)],
)
def test_durations_are_go_s(text: str, expected: float) -> None:
    assert nanoseconds(text) == expected


@pytest.mark.parametrize("text", ["10", "s", "1s1", "ten seconds", "1 s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="invalid duration"):
        nanoseconds(text)


def diff(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, str]]:
    return [(change.key, change.kind) for change in changes(Container.rules, old, new)]


def test_a_change_replaces_or_not_by_its_key() -> None:
    assert diff({"image": "a"}, {"image": "b"}) == [("image", "UPDATE_REPLACE")]
    assert diff({"memory": 1}, {"memory": 2, "restart": "no"}) == [("memory", "UPDATE"), ("restart", "ADD")]
    assert diff({"user": "1", "wait": True}, {"wait": True}) == [("user", "DELETE_REPLACE")]
    assert diff({"envs": ["a"]}, {"envs": UNKNOWN}) == [("envs", "UPDATE_REPLACE")]
    assert diff({"uploads": [{"content": "x"}]}, {"uploads": [{"content": UNKNOWN}]}) != []


def test_sets_are_compared_without_order_and_lists_with_it() -> None:
    assert diff({"envs": ["a", "b"]}, {"envs": ["b", "a"]}) == []
    one = [{"name": "net", "aliases": ["x", "y"]}]
    assert (
        diff({"networksAdvanced": one}, {"networksAdvanced": [{"aliases": ["y", "x"], "name": "net"}]}) == []
    )
    assert diff({"command": ["a", "b"]}, {"command": ["b", "a"]}) == [("command", "UPDATE_REPLACE")]
    ports = [{"internal": 80}, {"internal": 443}]
    assert diff({"ports": ports}, {"ports": [{"internal": 80}]}) == [("ports", "UPDATE_REPLACE")]


def test_what_the_program_ignores_is_no_change() -> None:
    assert changes(Container.rules, {"image": "a"}, {"image": "b"}, ["image"]) == []


@pytest.mark.parametrize("kind", [Container(NOWHERE), Network(NOWHERE), Volume(NOWHERE)])
def test_names_are_made_up_once_and_kept(kind: Any) -> None:
    first, _ = kind.check("api", {}, {"image": "a"})
    again, _ = kind.check("api", first, {"image": "b"})
    fixed, _ = kind.check("api", first, {"image": "a", "name": "mine"})
    back, _ = kind.check("api", fixed, {"image": "a"})
    assert len(first["name"]) == len("api-") + 7 and again["name"] == first["name"]
    assert fixed["name"] == "mine" and back["name"].startswith("api-")


def test_what_is_not_served_is_refused_and_not_ignored() -> None:
    _, failures = Container(NOWHERE).check("api", {}, {"image": "a", "gpus": "all"})
    assert [(item.key, "install the official plugin" in item.reason) for item in failures] == [("gpus", True)]
    _, failures = Container(NOWHERE).check("api", {}, {"restart": "sometimes"})
    assert [item.key for item in failures] == ["image", "restart"]


def test_the_official_inputs_are_all_known_by_their_kind() -> None:
    import pulumi_docker

    official = pulumi_docker.ContainerArgs.__init__.__annotations__.keys() - {"return"}
    camel = {
        head + "".join(word.title() for word in rest) for head, *rest in (n.split("_") for n in official)
    }
    outputs = {"bridge", "containerLogs", "exitCode", "networkDatas"}
    assert camel - outputs == spec.REPLACE | spec.IN_PLACE


def test_the_body_of_the_create_call() -> None:
    body = spec.body(
        {
            "image": "a:1",
            "command": ["run"],
            "memory": 64,
            "memorySwap": -1,
            "cpus": "1.5",
            "ports": [
                {"internal": 80, "external": 8080, "ip": "127.0.0.1"},
                {"internal": 53, "protocol": "udp"},
            ],
            "volumes": [
                {"volumeName": "data", "containerPath": "/data"},
                {"hostPath": "/etc", "containerPath": "/host", "readOnly": True},
                {"containerPath": "/scratch"},
            ],
            "mounts": [{"target": "/m", "type": "tmpfs", "tmpfsOptions": {"sizeBytes": 1024}}],
            "labels": [{"label": "l", "value": "v"}],
            "healthcheck": {"tests": ["CMD", "true"], "interval": "10s"},
        }
    )
    host = body["HostConfig"]
    assert (body["Image"], body["Cmd"], body["Labels"]) == ("a:1", ["run"], {"l": "v"})
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"]) == (64 * 2**20, -1, 1_500_000_000)
    assert host["PortBindings"] == {
        "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}],
        "53/udp": [{"HostIp": "0.0.0.0", "HostPort": ""}],
    }
    assert host["Binds"] == ["data:/data:rw", "/etc:/host:ro"] and body["Volumes"] == {"/scratch": {}}
    assert host["Mounts"][0]["TmpfsOptions"]["SizeBytes"] == 1024
    assert body["Healthcheck"] == {"Test": ["CMD", "true"], "Retries": 0, "Interval": 10 * 10**9}


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"command": ["a", ""]}, "values for command may not be empty"),
        ({"healthcheck": {"tests": ["CMD"], "interval": "10"}}, "invalid duration"),
        ({"volumes": [{"volumeName": "data"}]}, "without container path"),
    ],
)
def test_bodies_that_docker_would_not_understand(inputs: dict[str, Any], words: str) -> None:
    with pytest.raises(ResourceError, match=words):
        spec.body({"image": "a"} | inputs)


def test_uploads_are_an_archive() -> None:
    uploads = [
        {"file": "/etc/a", "content": "ä"},
        {"file": "/etc/b", "contentBase64": "AAEC", "permissions": "0600"},
        {"file": "/bin/c", "content": "x", "executable": True},
    ]
    with tarfile.open(fileobj=io.BytesIO(spec.archive(uploads))) as tar:
        found = {item.name: (item.mode, item.size) for item in tar.getmembers()}
    assert found == {"etc/a": (0o644, 2), "etc/b": (0o600, 3), "bin/c": (0o744, 1)}


@pytest.mark.parametrize(
    ("upload", "words"),
    [
        ({"file": "/a"}, "must be set"),
        ({"file": "/a", "content": "x", "contentBase64": "AA=="}, "only one of"),
        ({"file": "/a", "content": "x", "permissions": "rw"}, "not octal"),
        ({"file": "/a", "source": "/no/such/file"}, "could not read file"),
    ],
)
def test_uploads_that_cannot_be(upload: dict[str, Any], words: str) -> None:
    with pytest.raises(ResourceError, match=words):
        spec.archive([upload])


def test_properties_there_and_back() -> None:
    value = {"text": "ä", "whole": 3, "half": 0.5, "yes": True, "list": [1, {"a": "b"}], "later": UNKNOWN}
    assert properties(struct(value | {"none": None})) == value
    assert not known(value) and known({"list": [1, {"a": "b"}]})


def test_a_daemon_behind_ssh() -> None:
    words = command("ssh://ops@db-1:2222", Path("/run/x.sock"))
    assert words[0] == "ssh" and words[-3:] == ["-p", "2222", "ops@db-1"]
    assert "/run/x.sock:/var/run/docker.sock" in words
    assert command("ssh://db-1/run/podman.sock", Path("/x"))[-2:] == ["/x:/run/podman.sock", "db-1"]
    with pytest.raises(ResourceError, match="no host"):
        command("ssh://", Path("/x"))
