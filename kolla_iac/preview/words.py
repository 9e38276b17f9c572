"""What is said of changes in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from kolla_iac.preview.read import Item
from kolla_iac.preview.services import CONTAINER, ServiceChange


def sentence(changed: Sequence[ServiceChange]) -> str:
    """The verdict's first sentence."""
    upgrades = [
        one for one in changed if one.release[0] and one.release[1] and one.release[0] != one.release[1]
    ]
    words = []
    for one in upgrades:
        verb = "goes back" if one.down else "is upgraded"
        words.append(f"{one.service.capitalize()} {verb} {one.release[0]} -> {one.release[1]}")
    rest = [one for one in changed if one not in upgrades]
    for one_is, more_are, which in (
        ("is new", "are new", lambda one: one.new),
        ("is removed", "are removed", lambda one: one.gone),
        ("changes", "change", lambda one: not one.new and not one.gone),
    ):
        names = [one.service for one in rest if which(one)]
        if names:
            words.append(f"{', '.join(names)} {one_is if len(names) == 1 else more_are}")
    text = ", ".join(words)
    felt = [one for one in changed if not one.new and not one.gone and (one.impact != "none" or one.felt)]
    tail = ", without interruption expected"
    if all(one.new or one.gone for one in changed):
        tail = ""
    elif felt:
        said = ["; ".join((*((one.impact_text,) if one.impact != "none" else ()), *one.felt)) for one in felt]
        alone = len(changed) == 1
        tail = ": " + "; ".join(
            what if alone else f"{one.service}: {what}" for one, what in zip(felt, said, strict=True)
        )
    return f"{text[:1].upper()}{text[1:]}{tail}."


def why_replaced(item: Item) -> str:
    """Why a resource is replaced, in words: ``image changed``; names of properties only.

    A container's labels hold a digest of what it is made of, which says nothing where something else does.
    """
    keys = item.keys or item.diffs
    if item.type != CONTAINER:
        return f"{', '.join(keys)} changed" if keys else ""
    words = {
        "image": "image changed",
        "uploads": "its files changed",
        "envs": "its environment changed",
        "labels": "its labels changed",
    }
    names = sorted({key.split("[")[0].split(".")[0] for key in keys})
    found = [name for name in names if name != "labels"] or names
    return ", ".join(words.get(name, f"{name} changed") for name in found)
