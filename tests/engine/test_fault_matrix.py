"""The fault matrix on small images: every fault at every stage of an upgrade, under a probe.

A row is one upgrade of one environment, which meets its fault at each stage in turn.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fault_matrix import ROWS, Walk, restarted
from tests.matrix import STAGES, Cell
from tests.second_daemon import Daemon

from .fault_matrix import SERIES, Build, World, broken_images, image

Give = Callable[[], World]


@pytest.fixture(scope="module")
def built() -> Iterator[Build]:
    """Builds each image once; they go in the end."""
    tags: dict[str, str] = {}

    def build(broken: str) -> str:
        if broken not in tags:
            tags[broken] = f"t-matrix:{broken.replace('@', '-').replace(',', '-') or 'good'}"
            image(tags[broken], broken)
        return tags[broken]

    yield build
    subprocess.run(["docker", "rmi", "--no-prune", *tags.values()], check=False, capture_output=True)


@pytest.fixture(scope="module")
def worlds(built: Build, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Give]:
    """An environment with an upgrade before it: the one of the row before, unless that has failed or none is left."""
    folder, good = tmp_path_factory.mktemp("matrix"), built("")
    current: World | None = None
    given = -1

    def give() -> World:
        nonlocal current, given
        if current is None or current.at == given or SERIES[current.at] == SERIES[-1]:
            if current is not None:
                current.close()
            current = World(folder, good)
            current.begin()
        given = current.at
        return current

    yield give
    if current is not None:
        current.close()


TOGETHER = [
    ("SIGINT to the engine", "SIGKILL of the engine"),
    ("SIGKILL of the stage", "its container killed", "balancer's socket silent"),
    ("database away",),
    ("Memcached away",),
    ("a second up",),
]
"""Rows that one upgrade meets: where a fault ends the update, the next update meets the next one at the same stage."""


@pytest.mark.parametrize("rows", TOGETHER, ids=" and ".join)
def test_rows(worlds: Give, matrix: list[Cell], rows: tuple[str, ...]) -> None:
    world = worlds()
    world.aim()
    Walk(world, matrix.append).meet((stage, row, ROWS[row]) for stage in STAGES for row in rows)
    world.arrived()


def test_no_row_is_left_out() -> None:
    assert sorted(row for rows in TOGETHER for row in rows) == sorted(ROWS)


def test_broken_images(worlds: Give, built: Build, matrix: list[Cell]) -> None:
    broken_images(worlds(), built, matrix.append)


def test_docker_restarted(built: Build, matrix: list[Cell], tmp_path: Path) -> None:
    """On a daemon of the test's own."""
    # not below the test's folder: the paths of sockets must be short
    daemon = Daemon(Path(tempfile.mkdtemp(prefix="kolla-t-")))
    try:
        daemon.start()
        daemon.load([built("")])
        world = World(tmp_path, built(""), daemon.endpoint, daemon.address)
        world.begin()
        world.aim()
        fault = restarted(daemon)
        Walk(world, matrix.append).meet((stage, "Docker daemon restarted", fault) for stage in STAGES)
        world.arrived()
        world.client.close()
    finally:
        daemon.remove()
