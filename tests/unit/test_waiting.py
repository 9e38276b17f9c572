"""What is said while something takes long: when, in which words, and never after it is over."""

from __future__ import annotations

import time
from itertools import islice, pairwise

import pytest

from kolla_iac import waiting as module
from kolla_iac.waiting import LAST_LENGTH, LONGEST, moments, told, waiting


def test_intervals_grow_and_stay_bounded() -> None:
    found = list(islice(moments(), 30))
    gaps = [later - earlier for earlier, later in pairwise(found)]
    assert found[0] == 5.0
    assert gaps == sorted(gaps) and gaps[-1] == LONGEST


def test_what_was_seen_last_is_one_short_line() -> None:
    said = told("a", 5.4, 60, "first\n  second " + "x" * 500)
    assert said.startswith("waiting for a; 5 of 60 s; last: first second xxx")
    assert "\n" not in said and len(said.partition("last: ")[2]) == LAST_LENGTH


def test_nothing_seen_yet_is_not_mentioned() -> None:
    assert told("a", 10, 60) == "waiting for a; 10 of 60 s"
    assert told("a", 10) == "waiting for a; 10 s"


def test_a_block_that_is_stuck_in_one_call_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST", 0.05)
    lines: list[str] = []
    with waiting("the call", lines.append, 9) as one:
        one.saw("HTTP 503")
        time.sleep(0.5)
    assert 2 <= len(lines) <= 4
    assert set(lines) <= {f"waiting for the call; {second} of 9 s; last: HTTP 503" for second in (0, 1)}
    before = len(lines)
    time.sleep(0.5)
    assert len(lines) == before


def test_what_is_quick_is_silent_and_an_error_passes() -> None:
    lines: list[str] = []
    begun = time.monotonic()
    with pytest.raises(KeyError), waiting("the call", lines.append):
        raise KeyError
    assert lines == []
    assert time.monotonic() - begun < 1


def test_a_reader_that_has_gone_does_no_harm(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "FIRST", 0.05)
    tried: list[str] = []

    def gone(line: str) -> None:
        tried.append(line)
        raise BrokenPipeError

    with waiting("the call", gone):
        time.sleep(0.3)
    assert len(tried) == 1
    assert capsys.readouterr().err == ""
