"""What differs between a resource's old and new inputs, and what that means."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from .values import known


@dataclass(frozen=True)
class Rules:
    """How one resource type compares its inputs.

    Attributes:
        replace: inputs whose change replaces the resource.
        unordered: inputs whose lists are sets in the official schema.
        delete_before_replace: whether a replacement deletes first, unless the program says otherwise.
        ignored: inputs that never count as a change.
    """

    replace: frozenset[str]
    unordered: frozenset[str] = frozenset()
    delete_before_replace: bool = False
    ignored: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Change:
    """One input that changed: ``kind`` is ADD, DELETE or UPDATE, with _REPLACE where it replaces."""

    key: str
    kind: str

    @property
    def replaces(self) -> bool:
        return self.kind.endswith("_REPLACE")


def _canonical(value: Any) -> Any:
    """Lists of any depth sorted, None and empty values of mappings dropped: the form in which sets are equal."""
    if isinstance(value, dict):
        items = {key: _canonical(item) for key, item in value.items()}
        return {key: item for key, item in items.items() if item not in (None, "", [], {}, False)}
    if isinstance(value, list):
        return sorted((_canonical(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def _same(old: Any, new: Any, *, unordered: bool) -> bool:
    if not known(new):
        return False
    return bool(_canonical(old) == _canonical(new)) if unordered else bool(old == new)


def changes(
    rules: Rules, old: Mapping[str, Any], new: Mapping[str, Any], ignore: Collection[str] = ()
) -> list[Change]:
    """The changed inputs in alphabetical order.

    Args:
        old: inputs of the last deployment, with the defaults that were filled in then.
        new: inputs now, with defaults. A value that is not known yet counts as changed.
        ignore: inputs that the program told the engine to ignore.
    """
    found = []
    for key in sorted({*old, *new} - rules.ignored - set(ignore)):
        was, now = old.get(key), new.get(key)
        if (was is None and now is None) or _same(was, now, unordered=key in rules.unordered):
            continue
        kind = "ADD" if was is None else "DELETE" if now is None else "UPDATE"
        found.append(Change(key, f"{kind}_REPLACE" if key in rules.replace else kind))
    return found
