"""The fault matrix on small images: every fault at every stage of an upgrade, under a probe.

An upgrade of a small environment meets a row's fault at each stage in turn, or those of several rows. Two environments
are walked through side by side, since most of the time of an upgrade is waiting.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock

import pytest

from tests.fault_matrix import ROWS, Walk, restarted
from tests.matrix import STAGES, Cell
from tests.second_daemon import Daemon

from .fault_matrix import BROKEN, SERIES, Build, World, broken_images, image

RESTART = "Docker daemon restarted"
Rows = tuple[str, ...]
CHAINS: tuple[tuple[Rows, ...], ...] = (
    (
        tuple(BROKEN.values()),
        (RESTART,),
    ),
    (
        ("database away",),
        ("Memcached away",),
        ("SIGINT to the engine", "SIGKILL of the engine"),
        ("SIGKILL of the stage", "its container killed", "balancer's socket silent"),
        ("a second up",),
    ),
)
"""One chain is walked through upgrade by upgrade. Rows that one upgrade meets: where a fault ends the update, the next
update meets the next fault at the same stage."""
UPGRADES = [rows for chain in CHAINS for rows in chain]
LONG = {(RESTART,)}
"""What needs a daemon of its own takes longest; it is no part of `make test`."""


@pytest.fixture(scope="module")
def built() -> Iterator[Build]:
    """Builds each image once; they go in the end."""
    tags: dict[str, str] = {}
    one_at_a_time = Lock()

    def build(broken: str) -> str:
        with one_at_a_time:
            if broken not in tags:
                tags[broken] = f"t-matrix:{broken.replace('@', '-').replace(',', '-') or 'good'}"
                image(tags[broken], broken)
        return tags[broken]

    yield build
    subprocess.run(["docker", "rmi", "--no-prune", *tags.values()], check=False, capture_output=True)


class Chain:
    """Upgrades one after the other, of one environment as long as it goes well and has a series before it."""

    def __init__(self, folder: Path, build: Build, over: Event) -> None:
        self._folder, self._build, self._over = folder, build, over
        self._world: World | None = None

    def walk(self, came_to: dict[Rows, Future[list[Cell]]]) -> None:
        try:
            for rows, future in came_to.items():
                cells: list[Cell] = []
                try:
                    assert not self._over.is_set(), "given up"
                    self._upgrade(rows, cells.append)
                    future.set_result(cells)
                except BaseException as error:  # noqa: BLE001 - told where the cells are asked for
                    self._leave()
                    future.set_exception(error)
        finally:
            self._leave()

    def _upgrade(self, rows: Rows, note: Callable[[Cell], None]) -> None:
        if rows == (RESTART,):
            self._restart(note)
            return
        if self._world is None or SERIES[self._world.at] == SERIES[-1]:
            self._leave()
            self._world = World(self._folder, self._build(""))
            self._world.begin()
        if rows == tuple(BROKEN.values()):
            broken_images(self._world, self._build, note)
            return
        self._world.aim()
        Walk(self._world, note).meet((stage, row, ROWS[row]) for stage in STAGES for row in rows)
        self._world.arrived()

    def _leave(self) -> None:
        if self._world is not None:
            self._world.close()
        self._world = None

    def _restart(self, note: Callable[[Cell], None]) -> None:
        """On a daemon of the test's own."""
        self._leave()
        # not below the test's folder: the paths of sockets must be short
        daemon = Daemon(Path(tempfile.mkdtemp(prefix="kolla-t-")))
        try:
            daemon.start()
            daemon.load([self._build("")])
            world = World(self._folder, self._build(""), daemon.endpoint, daemon.address)
            world.begin()
            world.aim()
            fault = restarted(daemon)
            Walk(world, note).meet((stage, RESTART, fault) for stage in STAGES)
            world.arrived()
            world.client.close()
        finally:
            daemon.remove()


@pytest.fixture(scope="module")
def walked(
    request: pytest.FixtureRequest, built: Build, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Rows], list[Cell]]]:
    """The cells of an upgrade. The chosen ones are all begun by the first that is asked for."""
    folder, over = tmp_path_factory.mktemp("matrix"), Event()
    names = {item.name for item in request.session.items}
    chosen = [rows for rows in UPGRADES if f"test_upgrade[{' and '.join(rows)}]" in names]
    came_to: dict[Rows, Future[list[Cell]]] = {rows: Future() for rows in chosen}
    with ThreadPoolExecutor(len(CHAINS)) as pool:
        for chain in CHAINS:
            mine = {rows: came_to[rows] for rows in chain if rows in came_to}
            pool.submit(Chain(folder, built, over).walk, mine)
        yield lambda rows: came_to[rows].result()
        over.set()


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(rows, id=" and ".join(rows), marks=pytest.mark.long if rows in LONG else ())
        for rows in UPGRADES
    ],
)
def test_upgrade(walked: Callable[[Rows], list[Cell]], matrix: list[Cell], rows: Rows) -> None:
    cells = walked(rows)
    matrix += cells
    assert {one.fault for one in cells} == set(rows)
    assert {one.stage for one in cells} == set(STAGES)


def test_no_row_is_left_out() -> None:
    assert sorted(row for rows in UPGRADES for row in rows) == sorted([*ROWS, *BROKEN.values(), RESTART])
