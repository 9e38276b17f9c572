"""The database's volume is full: reading goes on, writing is refused clearly, nothing acknowledged is lost."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.waiting import eventually

from .probing import probing
from .support import Cloud

pytestmark = pytest.mark.long


@pytest.fixture
def small(another: Callable[[], Cloud]) -> Iterator[tuple[Cloud, Path]]:
    """An environment whose database volume is a file system of 400 MiB."""
    cloud = another()
    cloud.make()
    name = f"kolla-{cloud.name}-mariadb-1"
    labels = {"kolla_iac.environment": cloud.name}
    data = Path(str(cloud.docker.volumes.create(name, labels=labels).attrs["Mountpoint"]))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(data)], check=True)
    try:
        cloud.kolla("up")
        yield cloud, data
    finally:
        for container in cloud.containers():
            container.remove(force=True)
        subprocess.run(["umount", "--lazy", str(data)], check=True)


def _create(cloud: Cloud, name: str) -> int:
    """Status of a project's creation."""
    identity = cloud.identity()
    token = identity.issue(identity.connection())
    body = json.dumps({"project": {"name": name, "domain_id": "default"}}).encode()
    headers = {"X-Auth-Token": token, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{cloud.url}/projects", body, headers)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=90) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as filler:
        for size in (2**20, 2**12, 1):
            try:
                while True:
                    filler.write(b"\0" * size)
            except OSError:
                continue


def test_the_databases_volume_is_full(small: tuple[Cloud, Path]) -> None:
    cloud, data = small
    acknowledged = [f"before-{number}" for number in range(5)]
    assert {_create(cloud, name) for name in acknowledged} == {201}
    filler = data / "filler"
    with probing(cloud, rate=10, slow_seconds=0) as probe:
        _fill(filler)
        seen = []
        for number in range(20):
            seen.append(_create(cloud, f"full-{number}"))
            if seen[-1] == 201:
                acknowledged.append(f"full-{number}")
            else:
                break
        filler.unlink()
        took = eventually(lambda: _create(cloud, f"after-{len(seen)}") in (201, 409), 120, "it writes again")
    print(f"projects while full: {seen}; it writes again {took:.1f} s after there was room")
    assert seen[-1] >= 500, "the volume was not full, so this has shown nothing"
    probe.none_failed(at_least=20)
    listed = cloud.home.run(
        *("openstack", "--os-cloud", f"kolla-{cloud.name}", "project", "list", "-f", "value", "-c", "Name")
    ).text.split()
    assert set(acknowledged) <= set(listed)
