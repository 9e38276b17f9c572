"""The OpenStack series, as data: which an environment can run, and which steps lead from one to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType


@dataclass(frozen=True)
class Release:
    """One OpenStack series."""

    series: str
    """``2025.2``: what a user writes."""
    name: str
    """``Flamingo``."""
    published: date
    slurp: bool
    """Whether an upgrade may come from the SLURP series before it, leaving out the one between.
    Source: OpenStack's release cadence (2022)."""
    versions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Python distribution -> version, e.g. ``keystone`` -> ``28.1.0``; empty: cannot be deployed here."""


SERIES: dict[str, Release] = {
    release.series: release
    for release in (
        Release("2024.1", "Caracal", date(2024, 4, 3), slurp=True),
        Release("2024.2", "Dalmatian", date(2024, 10, 2), slurp=False),
        Release("2025.1", "Epoxy", date(2025, 4, 2), slurp=True),
        Release("2025.2", "Flamingo", date(2025, 10, 1), slurp=False, versions={"keystone": "28.1.0"}),
        Release("2026.1", "Gazpacho", date(2026, 4, 1), slurp=True, versions={"keystone": "29.1.0"}),
    )
}
"""Every series that is known, oldest first: those that came before ours are there to say what the way is."""

RELEASES: dict[str, Release] = {series: release for series, release in SERIES.items() if release.versions}
"""Series that an environment can run, oldest first."""


def steps_from(series: str) -> list[str]:
    """The series that an upgrade may go to at once: the next one, and from a SLURP series the next SLURP one.

    >>> steps_from("2025.1"), steps_from("2025.2"), steps_from("2026.1")
    (['2025.2', '2026.1'], ['2026.1'], [])
    """
    later = list(SERIES)[list(SERIES).index(series) + 1 :]
    found = later[:1]
    if SERIES[series].slurp:
        found += [each for each in later if SERIES[each].slurp and each not in found][:1]
    return found


def way(old: str, new: str) -> list[str]:
    """The series that an upgrade goes through, both ends included; the shortest way. Empty where there is none.

    >>> way("2024.2", "2026.1"), way("2024.1", "2026.1"), way("2026.1", "2025.2")
    (['2024.2', '2025.1', '2026.1'], ['2024.1', '2025.1', '2026.1'], [])
    """
    ways = [[old]]
    for each in ways:
        if each[-1] == new:
            return each
        ways += [[*each, step] for step in steps_from(each[-1])]
    return []


def no_step(old: str, new: str) -> tuple[str, str] | None:
    """Why an upgrade may not go from one series to another at once, and the way round; None where it may.

    >>> no_step("2025.2", "2026.1")
    >>> no_step("2024.2", "2026.1")
    ('no step leads from 2024.2 to 2026.1', 'first 2025.1, then 2026.1')
    """
    if old == new or new in steps_from(old):
        return None
    if path := way(old, new):
        rest = path[1:]
        return f"no step leads from {old} to {new}", f"first {', then '.join(rest)}"
    return f"no step leads down from {old} to {new}", f"stay on {old}, or go on to a later series"


def unknown(series: str) -> str | None:
    """Why an environment cannot run a series; None where it can."""
    if series in RELEASES:
        return None
    known = ", ".join(RELEASES)
    if series in SERIES:
        path = way(series, next(iter(RELEASES)))
        return (
            f"cannot be deployed here, which begins with {next(iter(RELEASES))}; "
            f"the way of a cloud on {series} is {' -> '.join(path)}"
        )
    return f"is not a release that we know; known: {known}"
