"""The fault matrix on small images: every fault at every stage of an upgrade, under a probe.

A row is one upgrade of one environment, which meets its fault at each stage in turn.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from tests.matrix import Cell
from tests.second_daemon import Daemon

from . import fault_matrix as faults
from .fault_matrix import SERIES, Fault, World, images, walk
from .runtime_support import haproxy_image

GOOD = "t-matrix:good"

Give = Callable[[], World]


@pytest.fixture(scope="module")
def built(daemon: docker.DockerClient) -> Iterator[Callable[[str], str]]:
    """Gives an image that does something wrong; see small_identity.py."""
    tags: list[str] = []

    def build(broken: str) -> str:
        tag = f"t-matrix:{broken.replace('@', '-').replace(',', '-') or 'good'}"
        images(daemon, {tag: broken})
        tags.append(tag)
        return tag

    yield build
    subprocess.run(["docker", "rmi", "--no-prune", *tags], check=False, capture_output=True)


@pytest.fixture(scope="module")
def worlds(
    built: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Give]:
    """An environment that has an upgrade before it; one after a row that failed, or at the last series, is a new one."""
    folder, good = tmp_path_factory.mktemp("matrix"), built("")
    made: list[World] = []
    given: dict[str, int] = {}

    def give() -> World:
        last = made[-1] if made else None
        if last is None or last.at == given[last.name] or last.release == SERIES[-1]:
            for old in made[-1:]:
                old.close()
            made.append(World(folder, good))
            made[-1].begin()
            given[made[-1].name] = -1
        given[made[-1].name] = made[-1].at
        return made[-1]

    yield give
    for world in made[-1:]:
        world.close()


ROWS: dict[str, Fault] = {
    "SIGINT to the engine": faults.interrupted,
    "SIGKILL of the engine": faults.engine_killed,
    "SIGKILL of the stage": faults.stage_killed,
    "its container killed": faults.container_killed,
    "database away": faults.database_away,
    "Memcached away": faults.cache_away,
    "balancer's socket silent": faults.socket_away,
    "a second up": faults.second_up,
}


@pytest.mark.parametrize("row", ROWS)
def test_row(worlds: Give, matrix: list[Cell], row: str) -> None:
    matrix += walk(worlds(), row, ROWS[row])
