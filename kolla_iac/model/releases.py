"""The OpenStack series that an environment can run, as data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Release:
    """One OpenStack series."""

    series: str
    """``2025.2``: what a user writes."""
    name: str
    """``Flamingo``."""
    published: date
    slurp: bool
    """Whether upgrades may skip the series before it. Source: OpenStack's release cadence (2022)."""
    versions: dict[str, str]
    """Python distribution -> version, e.g. ``keystone`` -> ``28.1.0``."""


RELEASES: dict[str, Release] = {
    release.series: release
    for release in (
        Release("2025.2", "Flamingo", date(2025, 10, 1), slurp=False, versions={"keystone": "28.1.0"}),
        Release("2026.1", "Gazpacho", date(2026, 4, 1), slurp=True, versions={"keystone": "29.1.0"}),
    )
}
"""Supported series, oldest first."""
