"""The fault matrix: faults by stages, what clients felt in each cell, as a table."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

STAGES = (
    "backup",
    "preflight",
    "expand",
    "new replicas",
    "first handover",
    "last handover",
    "contract",
    "verify",
)
"""Columns. ``new replicas`` is no stage of its own: the engine creates the containers."""


KEPT = "KOLLA_IAC_TEST_MATRIX"
"""A file that cells are added to."""


@dataclass(frozen=True)
class Cell:
    """One fault at one stage."""

    fault: str
    stage: str
    failed: int
    total: int
    gap: float
    """Longest time without a successful answer, seconds."""
    came_to: str
    """``rides``: the update went on; ``again``: the next `pulumi up` went on; ``back``: the previous release went back;
    ``none``: the fault means nothing to the stage, and had no effect."""

    def __str__(self) -> str:
        return f"{self.failed}/{self.total} {self.gap:.1f}s {self.came_to}"


@dataclass(frozen=True)
class Answer:
    """One request of the probe."""

    sent: float
    """``time.monotonic()``."""
    ended: float
    wrong: str
    """Empty: answered as it should be."""


def cell(fault: str, stage: str, came_to: str, answers: Iterable[Answer], begin: float, end: float) -> Cell:
    """The figure of the requests whose answer came while the cell lasted; some were on their way when it began."""
    mine = [one for one in answers if begin <= one.ended < end]
    good = sorted(one.ended for one in mine if not one.wrong)
    marks = [begin, *good, max([end, *good])]
    gap = max(later - earlier for earlier, later in pairwise(marks))
    return Cell(fault, stage, sum(bool(one.wrong) for one in mine), len(mine), gap, came_to)


def rows(cells: Sequence[Cell]) -> list[list[str]]:
    """Head and rows of the table; a cell that was not tried is a dash."""
    found = {(one.fault, one.stage): str(one) for one in cells}
    faults = list(dict.fromkeys(one.fault for one in cells))
    body = [[fault, *(found.get((fault, stage), "-") for stage in STAGES)] for fault in faults]
    return [["fault", *STAGES], *body]


def text(cells: Sequence[Cell]) -> str:
    """The table for a terminal."""
    table = rows(cells)
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    )


def markdown(cells: Sequence[Cell]) -> str:
    """The table for a page."""
    head, *body = rows(cells)
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *body]) + "\n"


def keep(one: Cell) -> None:
    """Keeps a cell for whoever writes the page, where somebody wants it."""
    if file := os.environ.get(KEPT):
        with Path(file).open("a") as stream:
            stream.write(json.dumps(asdict(one)) + "\n")


def read(file: Path) -> list[Cell]:
    """The cells that were kept."""
    return [Cell(**json.loads(line)) for line in file.read_text().splitlines()] if file.exists() else []
