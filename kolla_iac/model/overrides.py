"""Overrides of rendered INI files: file -> section -> option -> value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Sections = dict[str, dict[str, Any]]
"""Section -> option -> value: text, number, boolean, a list of these, or None.

A list is a multi-valued option; None deletes the option.
"""
Overrides = dict[str, Sections]
"""File name, as a service renders it, or ``*`` -> its sections."""

EVERY_FILE = "*"
"""Stands for every oslo.config file, i.e. those with the suffix ``.conf``; not uwsgi.ini, not MariaDB's."""


def addressed_by_star(file: str) -> bool:
    """Whether ``*`` means this file."""
    return file.endswith(".conf")


def layers(overrides: Overrides, file: str) -> tuple[Sections, ...]:
    """What one set of overrides says about a file, weakest first."""
    star = overrides.get(EVERY_FILE, {}) if addressed_by_star(file) else {}
    return star, overrides.get(file, {})


def merge(parts: Iterable[Mapping[str, Mapping[str, Any]]]) -> Sections:
    """Later parts win, option by option; a list replaces a list; None stays, for it deletes the option."""
    merged: Sections = {}
    for part in parts:
        for section, options in part.items():
            merged.setdefault(section, {}).update(options)
    return merged
