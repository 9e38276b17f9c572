"""Plain data as YAML gives it: made fit for JSON, and wrong parts left out without moving the others."""

from __future__ import annotations

import math
from typing import Any

from kolla_iac.errors import Problem
from kolla_iac.model.problems import Location, got, path

DEEPEST = 32
"""Levels of nesting; an environment has eight at most. Also what ends a YAML alias that holds itself."""


class _Hole:
    """Stands where an item of a list was left out."""


HOLE = _Hole()


def clean(data: object) -> tuple[Any, list[Problem]]:
    """A copy of the data with nothing in it that JSON has not, and a problem for each such thing."""
    found: list[Problem] = []
    return _clean(data, (), found), found


def _clean(value: object, at: Location, found: list[Problem]) -> Any:
    if len(at) > DEEPEST:
        found.append(Problem(path(at[:2]), "is nested too deeply"))
        return None
    if isinstance(value, dict):
        copy: dict[str, Any] = {}
        for key, item in value.items():
            if isinstance(key, str) and _encodable(key):
                copy[key] = _clean(item, (*at, key), found)
            else:
                words = f"keys must be text (got {got(key)})"
                found.append(Problem(path(at) or "environment", words, f'put it in quotes: "{got(key)}"'))
        return copy
    if isinstance(value, list | tuple):
        return [_clean(item, (*at, index), found) for index, item in enumerate(value)]
    if reason := _reason(value):
        found.append(Problem(path(at) or "environment", reason[0], reason[1]))
        return HOLE
    return value


def _reason(value: object) -> tuple[str, str] | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return None if _encodable(value) else ("must be valid Unicode", "")
    if isinstance(value, int):
        return None if value.bit_length() < 64 else ("is too large a number", "")
    if isinstance(value, float):
        return None if math.isfinite(value) else (f"must be a finite number (got {value})", "")
    return f"is a {type(value).__name__} (got {got(value)})", f'put it in quotes: "{got(value)}"'


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def without_holes(value: Any) -> Any:
    """The data without what was left out."""
    if isinstance(value, dict):
        return {key: without_holes(item) for key, item in value.items() if item is not HOLE}
    if isinstance(value, list):
        return [without_holes(item) for item in value if item is not HOLE]
    return value


def indices(data: dict[str, Any], key: str) -> list[int]:
    """Where the items of a list that are left stood when it was written."""
    items = data.get(key)
    return [i for i, item in enumerate(items) if item is not HOLE] if isinstance(items, list) else []


def as_written(data: Any, location: Location) -> Location:
    """A location in the data without holes, as one in the data as it was written."""
    found: list[int | str] = []
    for part in location:
        where = part
        if isinstance(data, list) and isinstance(part, int):
            left = [index for index, item in enumerate(data) if item is not HOLE]
            where = left[part] if part < len(left) else part
        found.append(where)
        data = _inside(data, where)
    return tuple(found)


def leave_out(data: dict[str, Any], location: Location, *, unknown: bool) -> None:
    """Take out what is wrong: an unknown key alone; else, inside a list, the item as a whole."""
    cut = location
    if not unknown:
        last = max((i for i, part in enumerate(location) if isinstance(part, int)), default=-1)
        cut = location[: last + 1] if last >= 0 else location
    parent: Any = data
    for depth, part in enumerate(cut):
        inside = _inside(parent, part)
        if depth < len(cut) - 1 and isinstance(inside, dict | list):
            parent = inside
        elif isinstance(parent, dict) and part in parent:
            parent[str(part)] = HOLE
            return
        elif isinstance(parent, list) and isinstance(part, int) and part < len(parent):
            parent[part] = HOLE
            return


def _inside(data: Any, part: int | str) -> Any:
    if isinstance(data, dict):
        return data.get(part)
    if isinstance(data, list) and isinstance(part, int) and part < len(data):
        return data[part]
    return None
