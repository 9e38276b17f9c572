"""A moment that a database is to be restored to: as an operator writes it, and as the program in the Job takes it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from kolla_iac.errors import KollaError

FORM = "%Y%m%dT%H%M%SZ"


def moment(text: str, now: datetime) -> str:
    """The moment as in the names of backups.

    >>> moment("2026-11-23T11:15:00+01:00", datetime(2026, 11, 24, tzinfo=UTC))
    '20261123T101500Z'

    Raises:
        KollaError: it is no moment, has no time zone or parts of a second, or has not come yet.
    """
    hint = "as 2026-11-23T10:15:00Z, or with +01:00 instead of Z"
    try:
        # fromisoformat takes days alone, and weeks
        if not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", text):
            raise ValueError
        read = datetime.fromisoformat(text)
    except ValueError:
        raise KollaError(f"--until {text} is no moment", {"wanted": hint}) from None
    if read.tzinfo is None:
        raise KollaError(f"--until {text} has no time zone", {"wanted": hint})
    if read.microsecond:
        raise KollaError(
            f"--until {text} has parts of a second", {"why": "binary logs have whole ones", "wanted": hint}
        )
    if read > now:
        raise KollaError(f"--until {text} has not come yet", {"now": now.strftime("%Y-%m-%dT%H:%M:%SZ")})
    return read.astimezone(UTC).strftime(FORM)


def read(text: str) -> datetime:
    """A moment as in the names of backups."""
    return datetime.strptime(text, FORM).replace(tzinfo=UTC)
