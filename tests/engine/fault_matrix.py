"""The small cloud in which an upgrade meets faults, and images that are broken in one place each."""

from __future__ import annotations

import http.client
import json
import secrets
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
from docker.errors import NotFound

from kolla_iac.probe.identity import Wrong
from tests.cloud.support import Running, free_port
from tests.fault_matrix import HERE, NAMES, Ground, asking, ends
from tests.matrix import Cell, cell

from .harness import Stack
from .runtime_support import haproxy_image

SERIES = ("2024.1", "2024.2", "2025.1", "2025.2", "2026.1")
"""One upgrade from each to the next; from the last one no step leads on."""
SERVER = Path(__file__).parent / "small_identity.py"


def image(tag: str, broken: str) -> None:
    """Builds an image that differs from HAProxy's in variables alone."""
    takes = "0.1" if broken else "0.7"
    recipe = f"FROM {haproxy_image()}\nENV BROKEN={broken} TAKES={takes}\n"
    line = ["docker", "build", "--quiet", "--tag", tag, "-"]
    subprocess.run(line, input=recipe, text=True, check=True, capture_output=True)


class World(Ground):
    """One environment, at one series; an upgrade takes it to the next."""

    rate, away_seconds = 10, 1.5

    def __init__(self, folder: Path, good: str, endpoint: str = HERE, address: str = "127.0.0.1") -> None:
        super().__init__()
        self.name = f"t-{secrets.token_hex(3)}"
        folder = folder / self.name
        folder.mkdir()
        self.stack = Stack(folder, "identity.py", good, self.name)
        self.state = folder / "state"
        self.timeline = folder / "kolla" / "timeline" / f"{self.name}.jsonl"
        self.client = docker.DockerClient(base_url=endpoint, timeout=20)
        self.good, self.at = good, 0
        self.wanted = SERIES[0]
        self._asked, self._token = (address, free_port()), ""
        self.stack.settings |= {
            "docker": endpoint,
            "address": "127.0.0.1" if endpoint == HERE else "0.0.0.0",
            "port": self._asked[1],
            "server": str(SERVER),
            "ground": good,
        }
        self.changed: dict[str, Any] = {}
        """Settings of the program that differ from the usual ones."""

    def begin(self) -> None:
        """The first deployment."""
        ends(self.up(), fails=False)
        assert self.whole()

    def aim(self) -> str:
        """From now on updates go to the next series."""
        self.wanted = SERIES[self.at + 1]
        return self.wanted

    def arrived(self) -> None:
        """The upgrade is complete, and nothing is left of what it met."""
        self.at += 1
        # what a killed engine's warning says to type, in the form that asks nothing
        if self._pending():
            self.stack.pulumi(
                "refresh", "--yes", "--clear-pending-creates", "--stack", "t", **self._settings()
            )
        assert not self._pending()
        self.sound(SERIES[self.at])

    def _pending(self) -> list[Any]:
        state = json.loads(self.stack.exported())["deployment"]
        assert not [one["urn"] for one in state["resources"] if one.get("delete")]
        return list(state.get("pending_operations") or [])

    def _settings(self) -> dict[str, Any]:
        return {"release": self.wanted, "release_image": self.good, **self.changed}

    def close(self) -> None:
        for container in self.containers():
            with suppress(NotFound):  # a job whose stage was killed may be removed by itself
                container.remove(force=True, v=True)
        for network in self.client.networks.list(filters={"label": f"kolla_iac.environment={self.name}"}):
            network.remove()
        self.client.close()

    def anew(self) -> None:
        self.changed["attempt"] = self.changed.get("attempt", 0) + 1

    def update(self) -> Running:
        words = ("up", "--yes", "--skip-preview", "--stack", "t")
        return Running(self.stack.start(*words, **self._settings()))

    def cancel(self) -> None:
        self.stack.pulumi("cancel", "--yes", "--stack", "t")

    def ask(self, number: int) -> None:
        issue = number % 2 or not self._token
        headers = {} if issue else {"X-Subject-Token": self._token}
        connection = http.client.HTTPConnection(*self._asked, timeout=10)
        try:
            connection.request(
                "POST" if issue else "GET", "/v3/auth/tokens", b"{}" if issue else None, headers
            )
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        if answer.status != (201 if issue else 200):
            raise Wrong(f"HTTP {answer.status} {answer.headers.get('Why', 'of the load balancer')}")
        if issue:
            self._token = answer.headers["X-Subject-Token"]


Build = Callable[[str], str]
"""BROKEN -> tag of an image that is so; see small_identity.py."""


BROKEN = {
    "die": "new image does not start",
    "500": "new image answers 500",
    "token": "new image, alive, issues no token",
}
"""Kind -> row. A job does not answer, so of the first kind alone there is something to meet in one."""
REPLICAS = "keystone-1,keystone-2"


def broken_images(world: World, build: Build, note: Callable[[Cell], None]) -> None:
    """One upgrade whose image is broken, each time in another way or place; it goes back once, and is completed.

    What is broken in replicas alone means nothing to the stages before the first handover.
    """
    old, target = SERIES[world.at], world.aim()

    def run(broken: str, *stages: str, fails: bool = True, came_to: str = "again") -> None:
        began = time.monotonic()
        world.changed = {"release_image": build(broken), "patience": 3} if broken else {}
        name = BROKEN.get(broken.partition("@")[0], "")
        up = world.up()
        try:
            ends(up, fails=fails)
            assert not world.locked()
            assert not world.containers(role="job")
            assert not fails or NAMES[stages[-1]] in up.text
        except AssertionError as error:
            error.add_note(f"cell: {name} at {stages}\nthe update said:\n{up.text}")
            raise
        for stage in stages:
            here = came_to if stage == stages[-1] else "none"
            one = cell(name, stage, here, world.answers, began, time.monotonic())
            print(f"{name} at {stage}: {one}")
            note(one)
            assert one.failed == 0, f"cell: {name} at {stage}: {one}"

    with asking(world):
        for job in ("backup", "preflight", "expand"):
            run(f"die@{job}", job)
        run(f"die@{REPLICAS}", "new replicas", "first handover")
        for kind in ("500", "token"):
            run(f"{kind}@{REPLICAS}", "backup", "preflight", "expand", "new replicas", "first handover")
        for kind in ("500", "token", "die"):
            run(f"{kind}@keystone-2", "last handover", came_to="back" if kind == "die" else "again")
        world.wanted = old
        run("", fails=False)
        assert {one.labels["kolla_iac.release"] for one in world.containers(service="keystone")} == {old}
        world.wanted = target
        run("die@contract", "contract")
        for kind in ("500", "token"):
            run(f"{kind}@verify", "contract", "verify")
        run("die@verify", "verify", fails=False, came_to="none")
    world.arrived()
    world.changed = {}
