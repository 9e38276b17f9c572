"""`pulumi up` cut off: the next one completes it, with what Pulumi prints as the only help."""

from __future__ import annotations

import os
import random
import re
import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .probing import probing
from .support import Cloud, Running, override

MOMENTS = {
    "containers are created": lambda cloud, run: len(cloud.containers("keystone")) > 2,
    "a handover runs": lambda cloud, run: run.says(r"keystone-1-handover (creating|updating|replac)")(),
}


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        pytest.param(signal.SIGINT, "containers are created", id="ctrl-c-while-containers-are-created"),
        pytest.param(signal.SIGKILL, "a handover runs", id="kill-while-a-handover-runs"),
        pytest.param(
            signal.SIGINT, "a handover runs", id="ctrl-c-while-a-handover-runs", marks=pytest.mark.long
        ),
        pytest.param(
            signal.SIGKILL,
            "containers are created",
            id="kill-while-containers-are-created",
            marks=pytest.mark.long,
        ),
    ],
)
def test_is_completed_by_the_next(cloud: Cloud, number: signal.Signals, moment: str) -> None:
    change = override("token", expiration=4000 + number)
    with probing(cloud) as probe:
        running = cloud.start(change)
        running.until(lambda: MOMENTS[moment](cloud, running))
        status = running.end(number, group=number == signal.SIGINT)
        assert status != 0, running.text
        completed = _again(cloud, change, running)
        cloud.whole()
    cloud.keep(change)
    print(completed)
    if number == signal.SIGKILL:
        assert "pulumi cancel" in completed, f"a killed engine leaves its lock behind:\n{completed}"
    for container in cloud.containers("keystone"):
        conf = container.exec_run("cat /etc/keystone/keystone.conf").output.decode()
        assert f"expiration = {4000 + number}" in conf, completed
    assert set(cloud.balanced().values()) == {"UP"}
    if "pending operations" in completed:
        # what the engine's warning says to type, in the form that asks nothing
        assert "`pulumi refresh`" in completed
        cloud.pulumi("refresh", "--yes", "--clear-pending-creates")
    last = cloud.up()
    assert last.changes == 0, str(last)
    assert "pending operations" not in last.text, str(last)
    probe.none_failed()


@pytest.mark.long
@pytest.mark.parametrize("service", ["mariadb", "entrance", "loadbalancer", "keystone"])
def test_a_first_up_that_is_killed_is_completed_by_the_next(
    another: Callable[[], Cloud], service: str
) -> None:
    """Containers with fixed names exist then and the state does not know them."""
    cloud = another()
    cloud.make()
    running = cloud.start()
    running.until(lambda: len(cloud.containers(service)) > 0)
    assert running.end(signal.SIGKILL, group=False) != 0
    print(_again(cloud, {}, running))
    cloud.whole()
    assert cloud.answers()
    assert cloud.up().changes == 0
    cloud.kolla("purge", "--yes")
    assert cloud.containers() == []


SEED = "KOLLA_IAC_TEST_SEED"
"""Repeats a run of random moments."""
VICTIMS = {
    "engine": r"^pulumi\0",
    "plugin": r"pulumi-resource-",
    "stage": r"kolla-iac\0stage",
    "everything": r"",
}
"""What is killed -> what its command line looks like."""


@pytest.mark.long
def test_ten_random_moments(cloud: Cloud) -> None:
    seed = int(os.environ.get(SEED) or secrets.randbelow(10**6))
    print(f"seed {seed}; to repeat: {SEED}={seed}")
    chance = random.Random(seed)
    with probing(cloud) as probe:
        for number in range(10):
            change = override("token", expiration=7000 + number)
            after, victim = chance.uniform(1, 16), chance.choice(list(VICTIMS))
            running = cloud.start(change)
            time.sleep(after)
            killed = _kill(running, VICTIMS[victim]) or _kill(running, "")
            status = running.join(240)
            print(f"{number}: {victim} after {after:.1f} s: {killed} processes killed, status {status}")
            _again(cloud, change, running)
            cloud.keep(change)
            cloud.whole()
            assert set(cloud.balanced().values()) == {"UP"}
            for container in cloud.containers("keystone"):
                conf = container.exec_run("cat /etc/keystone/keystone.conf").output.decode()
                assert f"expiration = {7000 + number}" in conf
    cloud.pulumi("refresh", "--yes", "--clear-pending-creates")
    assert cloud.up().changes == 0
    probe.none_failed()


def _kill(running: Running, pattern: str) -> int:
    """SIGKILL to those below a command, itself included, whose command line matches; how many there were."""
    waiting, below = [running.process.pid], []
    while waiting:
        pid = waiting.pop()
        try:
            words = Path(f"/proc/{pid}/cmdline").read_text()
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        except OSError:
            continue
        waiting += [int(child) for child in children.split()]
        if re.search(pattern, words):
            below.append(pid)
    for pid in below:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return len(below)


def _again(cloud: Cloud, change: dict[str, object], cut: Running) -> str:
    """`pulumi up` until it succeeds; whatever it asks to be typed in between is typed."""
    said = [f"cut off:\n{cut.text}"]
    for _ in range(3):
        cloud.write(change)
        again = cloud.pulumi("up", "--yes", "--skip-preview", fails=None)
        said.append(str(again))
        if again.status == 0:
            return "\n".join(said)
        asked = [
            command
            for command in ("pulumi cancel", "pulumi refresh")
            if re.search(rf"`?{command}\b", again.text)
        ]
        assert asked, "it failed and does not say what to type:\n" + "\n".join(said)
        said.append(str(cloud.pulumi(asked[0].split()[1], "--yes")))
    raise AssertionError("it did not come to an end:\n" + "\n".join(said))
