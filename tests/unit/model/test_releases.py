"""Series, and the steps between them."""

from __future__ import annotations

from itertools import pairwise

import pytest

from kolla_iac.model.releases import RELEASES, SERIES, no_step, steps_from, unknown, way


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2024.1", "2024.2"),
        ("2024.1", "2025.1"),
        ("2025.1", "2026.1"),
        ("2025.2", "2026.1"),
        ("2026.1", "2026.1"),
    ],
)
def test_allowed_steps(old: str, new: str) -> None:
    assert no_step(old, new) is None


@pytest.mark.parametrize(
    ("old", "new", "reason", "way_round"),
    [
        ("2024.2", "2026.1", "no step leads from 2024.2 to 2026.1", "first 2025.1, then 2026.1"),
        ("2024.1", "2026.1", "no step leads from 2024.1 to 2026.1", "first 2025.1, then 2026.1"),
        ("2024.1", "2025.2", "no step leads from 2024.1 to 2025.2", "first 2025.1, then 2025.2"),
        (
            "2026.1",
            "2025.2",
            "no step leads down from 2026.1 to 2025.2",
            "stay on 2026.1, or go on to a later series",
        ),
    ],
)
def test_refused_steps_name_the_way_round(old: str, new: str, reason: str, way_round: str) -> None:
    assert no_step(old, new) == (reason, way_round)


def test_no_way_leads_down_and_every_way_is_made_of_allowed_steps() -> None:
    order = list(SERIES)
    for old in order:
        for new in order:
            found = way(old, new)
            assert bool(found) == (order.index(old) <= order.index(new))
            assert all(step in steps_from(here) for here, step in pairwise(found))


def test_series_are_in_the_order_of_their_publication() -> None:
    dates = [release.published for release in SERIES.values()]
    assert dates == sorted(dates)
    assert list(SERIES) == sorted(SERIES)


def test_what_is_known_and_cannot_run_here_is_told_from_what_nobody_knows() -> None:
    assert [series for series in SERIES if unknown(series)] == ["2024.1", "2024.2", "2025.1"]
    assert "2024.2 -> 2025.1 -> 2025.2" in str(unknown("2024.2"))
    assert "not a release that we know" in str(unknown("2019.3"))
    assert set(RELEASES) == {"2025.2", "2026.1"}
