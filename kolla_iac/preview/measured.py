"""What a probe measured while the change was carried out, beside what the preview announced."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kolla_iac.errors import KollaError

HOW = "kolla-iac probe ENV -o measured.json -- pulumi up --stack ENV --yes"


class NotMeasured(KollaError):
    """What was given is no report of a probe."""

    exit_code = 2


@dataclass(frozen=True)
class ServiceMeasured:
    """One service that changed."""

    service: str
    announced: str
    """By the plan that the probe asked before the change."""
    failed: int
    longest: float
    """Seconds, of the answered requests."""
    gap: float
    """Seconds without an answer that was right."""
    kept: bool
    """Whether it was no worse than announced."""


@dataclass(frozen=True)
class Measured:
    """The whole change."""

    verdict: str
    total: int
    failed: int
    seconds: float
    """How long the change took."""
    services: tuple[ServiceMeasured, ...] = ()


def read_measured(text: str, source: str) -> Measured:
    """A probe's report from its JSON.

    Args:
        source: the file's name, for errors.

    Raises:
        NotMeasured: it is something else.
    """
    try:
        data = json.loads(text)
        return Measured(
            str(data["verdict"]),
            int(data["total"]) + int(data["slow_total"]),
            int(data["failed"]),
            float(data["command_ended"]) - float(data["command_began"]),
            tuple(_services(data["predicted"])),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        said = f"{type(error).__name__}: {error}"
        raise NotMeasured(f"{source} is no report of a probe", {"why": said, "next": HOW}) from None


def _services(rows: list[dict[str, Any]]) -> Iterator[ServiceMeasured]:
    for row in rows:
        yield ServiceMeasured(
            str(row["service"]),
            str(row["predicted"]["text"]),
            int(row["failed"]),
            float(row["longest"]),
            float(row["gap"]),
            bool(row["kept"]),
        )
