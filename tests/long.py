"""``python -m tests.long``: runs the tests marked ``long`` and keeps what came of it in docs/reference.

With ``matrix`` as its argument: the fault matrix on real services alone, and its page.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from tests import matrix
from tests.bench import machine

DOCS = Path(__file__).resolve().parents[1] / "docs" / "reference"
PAGE, MATRIX_PAGE = DOCS / "long-tests.md", DOCS / "fault-matrix.md"
MATRIX = "tests/cloud/test_fault_matrix.py"
HEAD = """# The long tests' last run

What does not fit into `make test`. `make test-long` runs it and writes this page.

"""
MATRIX_HEAD = """# The fault matrix's last run

Keystone upgraded from 2025.2 to 2026.1 on real services, with a fault at each stage, under a probe of 10 requests a
second. `make test-long` runs it and writes this page; `python -m tests.long matrix` runs the matrix alone. The same
matrix on small images (`tests/engine/test_fault_matrix.py`) prints its own; all but one of its rows are part of
`make test`.

A cell says: requests that failed and all of them, from the fault until the next one or the end; the longest time
without a successful answer; and what it came to. `rides`: the update went on. `again`: it ended, and the next
`pulumi up` went on from there. `back`: the previous release went back. `none`: the fault means nothing to this stage,
and had no effect. A dash: not tried here.

A database or a Docker daemon that is away takes the service along; a replica that is killed while it serves (`its
container killed` at verify) loses the requests that it was answering. Nothing else may fail.

"""


def main(words: Sequence[str]) -> int:
    """Runs pytest; its status."""
    about = machine.lines()
    alone = list(words) == ["matrix"]
    what = [MATRIX] if alone else ["tests", "-m", "long"]
    with tempfile.TemporaryDirectory() as folder:
        report, kept = Path(folder, "report.xml"), Path(folder, "cells")
        command = [sys.executable, "-m", "pytest", *what, f"--junit-xml={report}"]
        status = subprocess.run(command, check=False, env={**os.environ, matrix.KEPT: str(kept)}).returncode
        tests = list(ElementTree.parse(report).iter("testcase"))
        cells = matrix.read(kept)
    about.insert(1, ("when", f"{datetime.now(UTC):%Y-%m-%d}"))
    if not alone:
        PAGE.write_text(
            HEAD + _table(("what", "value"), about) + "\n" + _table(("test", "came to"), _rows(tests))
        )
    mine = [test for test in tests if "test_fault_matrix" in test.get("classname", "")]
    MATRIX_PAGE.write_text(matrix_page(cells, about, [test for test in mine if _outcome(test) != "passed"]))
    return status


def matrix_page(
    cells: Sequence[matrix.Cell], about: list[tuple[str, str]], bad: Sequence[ElementTree.Element]
) -> str:
    """The page of the matrix: what was tried on which machine, and which of its tests did not pass."""
    failed = "".join(f"- did not pass: `{test.get('name')}` ({_outcome(test)})\n" for test in bad)
    return (
        MATRIX_HEAD
        + _table(("what", "value"), about)
        + "\n"
        + matrix.markdown(cells)
        + (f"\n{failed}" if failed else "")
    )


def _rows(tests: list[ElementTree.Element]) -> list[tuple[str, str]]:
    return [
        (
            f"{test.get('classname', '').removeprefix('tests.')}: {test.get('name', '')}",
            f"{_outcome(test)}, {float(test.get('time', 0)):.0f} s",
        )
        for test in tests
    ]


def _outcome(test: ElementTree.Element) -> str:
    bad = [child.tag for child in test if child.tag in ("failure", "error", "skipped")]
    return bad[0] if bad else "passed"


def _table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    lines = [f"| {left} | {right} |" for left, right in [head, ("---", "---"), *rows]]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
