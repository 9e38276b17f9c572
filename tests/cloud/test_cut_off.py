"""`pulumi up` cut off: the next one completes it, with what Pulumi prints as the only help."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable

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
@pytest.mark.parametrize("service", ["mariadb", "loadbalancer", "keystone"])
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
