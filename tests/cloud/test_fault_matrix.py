"""The fault matrix on the real services: Keystone from 2025.2 to 2026.1, under a probe.

A few cells are part of the normal suite, many in one upgrade; the rest is long, a row an upgrade.
"""

from __future__ import annotations

import base64
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from kolla_iac.cli import client
from kolla_iac.errors import KollaError
from kolla_iac.probe.identity import Wrong
from tests.fault_matrix import NAMES, ROWS, Ground, Walk, asking, ends, restarted
from tests.matrix import STAGES, cell, keep
from tests.second_daemon import Daemon

from .support import Cloud, Home, Running, Settings, image, merged

OLD, NEW = "2025.2", "2026.1"

CELLS = (
    ("backup", "SIGINT to the engine"),
    ("preflight", "SIGKILL of the stage"),
    ("expand", "SIGKILL of the engine"),
    ("new replicas", "SIGINT to the engine"),
    ("first handover", "balancer's socket silent"),
    ("first handover", "SIGKILL of the stage"),
    ("last handover", "SIGKILL of the engine"),
    ("contract", "its container killed"),
    ("contract", "SIGINT to the engine"),
    ("verify", "SIGKILL of the stage"),
)
"""In the order in which one upgrade meets them."""


class Real(Ground):
    """An environment of the tests' own."""

    rate = 10

    def __init__(self, cloud: Cloud) -> None:
        super().__init__()
        self.cloud, self.name, self.client = cloud, cloud.name, cloud.docker
        self.state = cloud.home.data / "state"
        self.timeline = cloud.home.data / "timeline" / f"{cloud.name}.jsonl"
        self.wanted = OLD
        self.changed: Settings = {}
        self._identity, self._token = cloud.identity(), ""

    def anew(self) -> None:
        made = int(self.changed.get("services", {}).get("keystone", {}).get("drain_seconds", 90))
        self.changed = {"services": {"keystone": {"drain_seconds": made + 1}}}

    def update(self) -> Running:
        return self.cloud.start(self._settings())

    def _settings(self) -> Settings:
        return merged({"release": self.wanted}, self.changed)

    def cancel(self) -> None:
        self.cloud.pulumi("cancel", "--yes")

    def ask(self, number: int) -> None:
        connection = self._identity.connection()
        try:
            if number % 2 or not self._token:
                self._token = self._identity.issue(connection)
            else:
                self._identity.validate(connection, self._token)
        finally:
            connection.close()

    def arrived(self) -> None:
        """Complete, and the next update has nothing to do."""
        self.sound(self.wanted)
        self.cloud.whole()
        last = self.cloud.up(self._settings())
        if "pending operations" in last.text:
            # what the engine's warning says to type, in the form that asks nothing
            self.cloud.pulumi("refresh", "--yes", "--clear-pending-creates", fails=False)
            last = self.cloud.up(self._settings())
        assert last.changes == 0, str(last)
        assert "pending operations" not in last.text, str(last)


class Far(Real):
    """One on a daemon of the test's own, asked at its address."""

    def __init__(self, home: Home, daemon: Daemon) -> None:
        cloud = Cloud(home)
        cloud.base["hosts"] = [{"name": "other", "docker": daemon.endpoint, "address": daemon.address}]
        cloud.docker = docker.DockerClient(base_url=daemon.endpoint, timeout=20)
        cloud.make()
        cloud.up()
        super().__init__(cloud)
        auth = {"auth_url": f"http://{daemon.address}:{cloud.port}/v3", "username": "admin"}
        self._auth = auth | {"password": cloud.password(), "project_name": "admin"}

    def ask(self, number: int) -> None:
        try:
            client.token({"auth": self._auth})
        except KollaError as error:
            raise Wrong(error.headline) from error


@pytest.fixture(scope="module")
def stands(another: Callable[[], Cloud]) -> Iterator[Real]:
    """An environment on the old release; the tests of this module take it on, in their order."""
    cloud = another()
    cloud.make()
    cloud.up()
    yield Real(cloud)
    cloud.kolla("purge", "--yes")


@pytest.fixture
def fresh(another: Callable[[], Cloud]) -> Iterator[Real]:
    """An environment on the old release, of the test's own."""
    cloud = another()
    cloud.make()
    cloud.up()
    yield Real(cloud)
    cloud.kolla("purge", "--yes")


BREAK = """
import importlib.util, pathlib
(package,) = importlib.util.find_spec('keystone').submodule_search_locations
file = pathlib.Path(package, 'wsgi', 'api.py')
file.write_text(file.read_text() + '''
import os as _os
_kind, _, _where = _os.environ['BROKEN'].partition('@')
if _os.uname().nodename in _where.split(','):
    if _kind == 'die':
        raise SystemExit('CRITICAL keystone: this release cannot')
    _whole = application
    def application(environ, start_response):
        if _kind == '500' or environ['REQUEST_METHOD'] == 'POST':
            start_response('500 Internal Server Error', [('Content-Length', '0')])
            return [b'']
        return _whole(environ, start_response)
''')
"""
"""Appended to what uWSGI serves: what its release does wrong, and in which replicas."""


@pytest.fixture(scope="module")
def broken() -> Iterator[Callable[[str], str]]:
    """Builds an image of the new release that is broken; see BREAK."""
    whole = image("keystone", NEW)
    made: list[str] = []

    def build(how: str) -> str:
        tag = f"t-matrix-keystone:{how.replace('@', '-').replace(',', '-')}"
        program = base64.b64encode(BREAK.encode()).decode()
        python = "/var/lib/kolla/venv/bin/python"
        recipe = f"FROM {whole}\nENV BROKEN={how}\nUSER root\n"
        recipe += f"RUN echo {program} | base64 -d | {python} -\n"
        command = ["docker", "build", "--quiet", "--tag", tag, "-"]
        done = subprocess.run(command, input=recipe, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        made.append(tag)
        return tag

    yield build
    subprocess.run(["docker", "rmi", "--no-prune", *made], check=False, capture_output=True)


def _broken(real: Real, image: str, name: str, stage: str) -> None:
    """An upgrade to an image that is broken ends at a stage; the previous release goes back."""
    began = time.monotonic()
    with asking(real):
        real.wanted, real.changed = NEW, {"services": {"keystone": {"image": image}}}
        up = real.up()
        ends(up, fails=True, seconds=300)
        assert f"{NAMES[stage]} " in up.text, up.text
        assert not real.locked()
        real.wanted, real.changed = OLD, {}
        back = real.up()
        ends(back, fails=False)
    one = cell(name, stage, "back", real.answers, began, time.monotonic())
    print(f"{name} at {stage}: {one}")
    keep(one)
    assert one.failed == 0, f"{one}\n{[each for each in real.answers if each.wrong][:3]}\n{up.text}"
    real.sound(OLD)


def test_an_image_that_does_not_start(stands: Real, broken: Callable[[str], str]) -> None:
    image = broken("die@keystone-1,keystone-2")
    _broken(stands, image, "new image does not start", "first handover")


def test_many_in_one_upgrade(stands: Real) -> None:
    stands.wanted = NEW
    Walk(stands, keep).meet((stage, row, ROWS[row]) for stage, row in CELLS)
    stands.arrived()


@pytest.mark.long
@pytest.mark.parametrize("row", ROWS)
def test_a_whole_row(fresh: Real, row: str) -> None:
    fresh.wanted = NEW
    Walk(fresh, keep).meet((stage, row, ROWS[row]) for stage in STAGES)
    fresh.arrived()


BROKEN = {
    "die": "new image does not start",
    "500": "new image answers 500",
    "token": "new image, alive, issues no token",
}


@pytest.mark.long
@pytest.mark.parametrize("kind", BROKEN)
def test_broken_at_both_handovers(fresh: Real, broken: Callable[[str], str], kind: str) -> None:
    _broken(fresh, broken(f"{kind}@keystone-1,keystone-2"), BROKEN[kind], "first handover")
    _broken(fresh, broken(f"{kind}@keystone-2"), BROKEN[kind], "last handover")


@pytest.mark.long
def test_docker_restarted(home: Home) -> None:
    # not below the test's folder: the paths of sockets must be short
    daemon = Daemon(Path(tempfile.mkdtemp(prefix="kolla-t-")))
    try:
        daemon.start()
        images = ("keystone", "mariadb-server", "haproxy", "memcached")
        daemon.load([*(image(name, OLD) for name in images), image("keystone", NEW)])
        far = Far(home, daemon)
        far.wanted = NEW
        fault = restarted(daemon)
        Walk(far, keep).meet((stage, "Docker daemon restarted", fault) for stage in STAGES)
        far.arrived()
    finally:
        daemon.remove()
