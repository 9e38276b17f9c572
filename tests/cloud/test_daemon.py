"""The Docker daemon restarted, played on one that nobody else uses."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kolla_iac.cli import client
from kolla_iac.errors import KollaError

from .second_daemon import Daemon
from .support import Cloud, Home, eventually

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


def test_serves_again_without_help(home: Home, daemon: Daemon) -> None:
    cloud = Cloud(home)
    cloud.base["hosts"] = [{"name": "other", "docker": daemon.endpoint, "address": daemon.address}]
    cloud.make()
    cloud.kolla("up")
    entry = {
        "auth": {
            "auth_url": f"http://{daemon.address}:{cloud.port}/v3",
            "username": "admin",
            "password": cloud.password(),
            "project_name": "admin",
        }
    }

    def answers() -> bool:
        try:
            client.token(entry)
        except KollaError:
            return False
        return True

    assert answers()
    daemon.stop()
    assert not answers()
    daemon.start()
    took = eventually(answers, 120, f"a token after the daemon's restart; {daemon.containers()}")
    print(f"a token {took:.1f} s after the daemon was back")
    assert cloud.up(None, "--refresh").changes == 0
    assert len(daemon.containers()) == 5
