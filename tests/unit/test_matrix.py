"""The fault matrix: what a cell counts, and how it is printed."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

import pytest

from tests import matrix
from tests.long import matrix_page
from tests.matrix import Answer, Cell


def _answers() -> list[Answer]:
    """Ten a second for three seconds; those of the second one fail."""
    return [Answer(n / 10, n / 10 + 0.05, "HTTP 503" if 10 <= n < 20 else "") for n in range(30)]


def test_a_cell_counts_what_was_answered_while_it_lasted() -> None:
    one = matrix.cell("fault", "expand", "again", _answers(), 0.5, 2.5)
    assert (one.failed, one.total) == (10, 20)
    assert one.gap == pytest.approx(1.1)


def test_nobody_answered_until_the_end() -> None:
    one = matrix.cell("fault", "expand", "again", _answers(), 1.0, 2.0)
    assert (one.failed, one.total, one.gap) == (10, 10, pytest.approx(1.0))


def test_what_was_on_its_way_counts_where_it_was_answered() -> None:
    sent_before = [Answer(0.9, 1.2, "HTTP 503")]
    assert matrix.cell("one", "expand", "rides", sent_before, 0.0, 1.0).failed == 0
    assert matrix.cell("two", "expand", "rides", sent_before, 1.0, 2.0).failed == 1


def test_the_table_has_a_dash_where_nothing_was_tried() -> None:
    cells = [Cell("one", "expand", 0, 20, 0.12, "again"), Cell("two", "verify", 3, 20, 1.0, "rides")]
    head, first, second = matrix.rows(cells)
    assert head == ["fault", *matrix.STAGES]
    assert first == ["one", "-", "-", "0/20 0.1s again", "-", "-", "-", "-", "-"]
    assert second[-1] == "3/20 1.0s rides"
    assert "| two | - |" in matrix.markdown(cells)


def test_cells_are_kept_where_somebody_wants_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Cell("one", "expand", 0, 20, 0.5, "again")
    matrix.keep(one)
    monkeypatch.setenv(matrix.KEPT, str(tmp_path / "cells"))
    matrix.keep(one)
    assert matrix.read(tmp_path / "cells") == [one]


def test_the_page_names_what_did_not_pass() -> None:
    bad = Element("testcase", {"name": "test_a_whole_row[database away]"})
    bad.append(Element("failure"))
    page = matrix_page([Cell("one", "expand", 0, 20, 0.5, "again")], [("commit", "1234567")], [bad])
    assert "| commit | 1234567 |" in page
    assert "- did not pass: `test_a_whole_row[database away]` (failure)" in page
