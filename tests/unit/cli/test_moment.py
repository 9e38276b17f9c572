"""Moments as an operator writes them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kolla_iac.cli.moment import moment
from kolla_iac.errors import KollaError

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_moment_of_any_zone_is_one_of_utc() -> None:
    for text in ("2026-11-23T10:15:00Z", "2026-11-23 10:15:00+00:00", "2026-11-23T05:15-05:00"):
        assert moment(text, NOW) == "20261123T101500Z"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("yesterday", "is no moment"),
        ("2026-11-23", "is no moment"),
        ("2026-11-23T25:00:00Z", "is no moment"),
        ("2026-11-23T10:15:00", "has no time zone"),
        ("2026-11-23T10:15:00.5Z", "has parts of a second"),
        ("2026-11-23T12:00:01Z", "has not come yet"),
    ],
)
def test_what_is_none_is_refused(text: str, words: str) -> None:
    with pytest.raises(KollaError, match=words):
        moment(text, NOW)
