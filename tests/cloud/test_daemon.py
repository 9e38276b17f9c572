"""The Docker daemon restarted, and the machine's power lost, played on one that nobody else uses."""

from __future__ import annotations

import json
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from kolla_iac.cli import client
from kolla_iac.errors import KollaError
from tests.second_daemon import Daemon
from tests.waiting import eventually

from .support import Cloud, Home

pytestmark = pytest.mark.long


@pytest.fixture
def daemon(cloud: Cloud) -> Iterator[Daemon]:
    # not below the test's folder: the paths of sockets must be short
    daemon = Daemon(Path(tempfile.mkdtemp(prefix="kolla-t-")))
    try:
        daemon.start()
        daemon.load(sorted({one.attrs["Config"]["Image"] for one in cloud.containers()}))
        yield daemon
    finally:
        daemon.remove()


class Remote:
    """An environment on the second daemon, asked at its address."""

    def __init__(self, home: Home, daemon: Daemon) -> None:
        self.daemon = daemon
        self.cloud = Cloud(home)
        self.cloud.base["hosts"] = [{"name": "other", "docker": daemon.endpoint, "address": daemon.address}]
        self.cloud.make()
        self.cloud.kolla("up")
        self.url = f"http://{daemon.address}:{self.cloud.port}/v3"

    def answers(self) -> bool:
        auth = {"username": "admin", "password": self.cloud.password(), "project_name": "admin"}
        try:
            client.token({"auth": {"auth_url": self.url, **auth}})
        except KollaError:
            return False
        return True

    def token(self) -> str:
        domain = {"id": "default"}
        user = {"name": "admin", "domain": domain, "password": self.cloud.password()}
        scope = {"project": {"name": "admin", "domain": domain}}
        identity = {"methods": ["password"], "password": {"user": user}}
        issued = self._ask("POST", "/auth/tokens", {"auth": {"identity": identity, "scope": scope}})
        return str(issued.headers["X-Subject-Token"])

    def projects(self) -> set[str]:
        listed = json.load(self._ask("GET", "/projects", None, self.token()))
        return {project["name"] for project in listed["projects"]}

    def create(self, name: str, token: str) -> None:
        """A project, acknowledged; else an `OSError`."""
        body = {"project": {"name": name, "domain_id": "default"}}
        self._ask("POST", "/projects", body, token).read()

    def _ask(self, method: str, path: str, body: object, token: str = "") -> Any:
        headers = {"Content-Type": "application/json"} | ({"X-Auth-Token": token} if token else {})
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        return opener.open(request, timeout=20)


def test_serves_again_without_help(home: Home, daemon: Daemon) -> None:
    remote = Remote(home, daemon)
    assert remote.answers()
    daemon.stop()
    assert not remote.answers()
    daemon.start()
    took = eventually(remote.answers, 120, f"a token after the daemon's restart; {daemon.containers()}")
    print(f"a token {took:.1f} s after the daemon was back")
    assert remote.cloud.up(None, "--refresh").changes == 0
    assert len(daemon.containers()) == 6


def test_power_lost(home: Home, daemon: Daemon) -> None:
    """All containers and the daemon killed at once, while projects are created: none that was acknowledged is lost."""
    remote = Remote(home, daemon)
    acknowledged: list[str] = []
    over = threading.Event()

    def work() -> None:
        token = remote.token()
        while not over.is_set():
            name = f"p{len(acknowledged)}"
            try:
                remote.create(name, token)
            except (OSError, HTTPException):
                return
            acknowledged.append(name)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    eventually(lambda: len(acknowledged) >= 20, 60, "20 projects")
    daemon.cut()
    over.set()
    worker.join(60)
    daemon.start()
    took = eventually(remote.answers, 180, f"a token after the power is back; {daemon.containers()}")
    print(f"a token {took:.1f} s after the daemon was back; {len(acknowledged)} projects were acknowledged")
    assert set(acknowledged) <= remote.projects()
    assert remote.cloud.up(None, "--refresh").changes == 0
    assert len(daemon.containers()) == 6
