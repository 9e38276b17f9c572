"""From what each release's packages say to what becomes of options. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

Said = Mapping[str, Mapping[str, "Option"]]
"""Section -> option -> what a release's packages say of it; see ``inside.py``."""
Fates = dict[str, dict[str, dict[str, dict[str, str]]]]
"""``deprecated`` or ``removed`` -> section -> option -> ``successor`` and ``reason``, where there are."""


class Option(TypedDict):
    """What the packages say of one option."""

    deprecated: bool
    reason: str
    earlier: list[list[str]]
    """Section and name, each, by which it was known before and is still found."""


def fates(releases: Mapping[str, Said]) -> dict[str, Fates]:
    """For each release, oldest first, the options that it still reads and advises against, and those that are gone.

    An option is gone when an earlier release knew it, by whatever name, and this one knows none of the name.
    """
    made: dict[str, Fates] = {}
    known: dict[tuple[str, str], dict[str, str]] = {}
    for release, said in releases.items():
        advised = _advised(said)
        there = set(advised) | {(section, name) for section, options in said.items() for name in options}
        gone = {key: facts for key, facts in known.items() if key not in there}
        made[release] = {"deprecated": _nested(advised), "removed": _nested(gone)}
        known |= {key: advised.get(key, {}) for key in there}
    return made


def _advised(said: Said) -> dict[tuple[str, str], dict[str, str]]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    for section, options in said.items():
        for name, option in options.items():
            if option["deprecated"]:
                found.setdefault((section, name), {}).update(_reason(option))
            for old_section, old_name in option["earlier"]:
                if old_name in said.get(old_section, {}) and not said[old_section][old_name]["deprecated"]:
                    continue  # an option of its own by now
                found.setdefault((old_section, old_name), {})["successor"] = f"[{section}] {name}"
    return found


def _reason(option: Option) -> dict[str, str]:
    return {"reason": option["reason"]} if option["reason"] else {}


def _nested(flat: Mapping[tuple[str, str], dict[str, str]]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for (section, name), facts in sorted(flat.items()):
        nested.setdefault(section, {})[name] = dict(sorted(facts.items(), reverse=True))
    return nested
