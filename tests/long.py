"""``python -m tests.long``: runs the tests marked ``long`` and keeps what came of it in docs/reference."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from tests.bench import machine

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "long-tests.md"
HEAD = """# The long tests' last run

What does not fit into `make test`. `make test-long` runs it and writes this page.

"""


def main() -> int:
    """Runs pytest; its status."""
    about = machine.lines()
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        command = [sys.executable, "-m", "pytest", "tests", "-m", "long", f"--junit-xml={report.name}"]
        status = subprocess.run(command, check=False).returncode
        tests = list(ElementTree.parse(report.name).iter("testcase"))
    about.insert(1, ("when", f"{datetime.now(UTC):%Y-%m-%d}"))
    PAGE.write_text(
        HEAD + _table(("what", "value"), about) + "\n" + _table(("test", "came to"), _rows(tests))
    )
    return status


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
    sys.exit(main())
