"""Replicas rolled by the engine: what each step creates, updates, replaces and leaves alone."""

from collections.abc import Callable

import docker

from .conftest import containers
from .harness import Stack

Make = Callable[[str], Stack]
RESOURCES = 10
"""network, front, two replicas, expand, two handovers, contract, the provider, and the stack itself."""


def running(daemon: docker.DockerClient, stack: Stack, **labels: str) -> dict[str, str]:
    """Replica -> release of the running replicas."""
    found = containers(daemon, stack.name, service="api", **labels)
    return {
        item.labels["replica"]: item.labels.get("release", "") for item in found if item.status == "running"
    }


def test_a_rollout_step_by_step(stack: Callable[[str], Stack], daemon: docker.DockerClient) -> None:
    it = stack("rollout.py")

    first = it.up(release="one")
    assert first.counts == {"created": RESOURCES}
    assert running(daemon, it) == {"front": "", "api-1": "one", "api-2": "one"}

    again = it.up(release="one")
    assert again.counts == {"unchanged": RESOURCES}

    shown = it.preview(release="two").text
    assert shown.count("[diff: ~environment]") == 4, shown
    assert "[diff: ~command,envs,labels]" in shown
    second = it.up(release="two")
    assert second.counts == {"updated": 4, "replaced": 2, "unchanged": RESOURCES - 6}
    assert running(daemon, it) == {"front": "", "api-1": "two", "api-2": "two"}
    assert len(containers(daemon, it.name)) == 3
    names = [item.name for item in containers(daemon, it.name, replica="api-1")]
    assert names[0].startswith(f"{it.name}-api-1-") and names[0] == it.outputs(f"{it.name}-api-1")["name"]

    broken = it.up(release="three", crash=["api-2"], fails=True)
    assert "exit status 3" in broken.text and "replica dies" in broken.text
    assert broken.counts["updated"] == 2 and broken.counts["replaced"] == 2
    assert running(daemon, it) == {"front": "", "api-1": "three", "api-2": "two"}
    assert it.outputs("contract")["stdout"] == "contracted to two"

    back = it.up(release="two")
    assert back.counts["updated"] == 3 and back.counts["replaced"] == 2
    assert running(daemon, it) == {"front": "", "api-1": "two", "api-2": "two"}
    assert len(containers(daemon, it.name)) == 3


def test_drift_is_repaired_by_a_refreshing_up(stack: Make, daemon: docker.DockerClient) -> None:
    it = stack("rollout.py")
    it.up(release="one")

    (one,) = containers(daemon, it.name, replica="api-1")
    one.remove(force=True)
    removed = it.up("--refresh", release="one")
    assert removed.counts == {"created": 1, "updated": 1, "unchanged": RESOURCES - 2}, removed.text

    (two,) = containers(daemon, it.name, replica="api-2")
    two.stop(timeout=0)
    stopped = it.up("--refresh", release="one")
    assert stopped.counts == {"updated": 1, "unchanged": RESOURCES - 1}, stopped.text
    (same,) = containers(daemon, it.name, replica="api-2")
    assert (same.id, same.status) == (two.id, "running")

    assert it.up("--refresh", release="one").counts == {"unchanged": RESOURCES}
    assert it.up(release="one").counts == {"unchanged": RESOURCES}

    it.destroy()
    assert containers(daemon, it.name) == []
    assert daemon.networks.list(filters={"label": f"kolla-iac.test={it.name}"}) == []
    assert it.resources() == []
