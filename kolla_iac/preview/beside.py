"""What can stand beside a preview's data: how the settings differ, approvals, what was measured or changed since."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import yaml

from kolla_iac.errors import KollaError
from kolla_iac.preview.configuration import FileChange, OptionChange, shown
from kolla_iac.preview.measured import Measured
from kolla_iac.preview.read import Preview, State
from kolla_iac.preview.report import Kind

EXPORT = "pulumi stack export --stack ENV > state.json"
POLICY = "approvals: {irreversible: LABEL, data-loss: LABEL}"


class NotReadable(KollaError):
    """A file that was to stand beside the preview is not what it should be."""

    exit_code = 2


@dataclass(frozen=True)
class Beside:
    """All of it; each may be missing."""

    measured: Measured | None = None
    """What a probe saw while the change was made."""
    settings: FileChange | None = None
    """How the environment's settings differ from those of the base."""
    approvals: Mapping[str, str] | None = None
    """Kind of finding -> the label that approves it; None: nobody asked for approvals."""
    labels: frozenset[str] | None = None
    """Those that the request carries; None: nobody said."""
    base: str = ""
    """What the preview was made against: ``main at 4f2a81c``."""
    stale: tuple[str, ...] = ()
    """Why the preview is not true any more."""


def settings(base: str, now: str, source: str) -> FileChange | None:
    """How two texts of an environment's settings differ; None where they say the same.

    Values that are encrypted, or whose names look like a secret's, are not shown.

    Args:
        base: the text before; empty where there was none.
        source: the file's name, for errors and for the reader.

    Raises:
        NotReadable: one of them is no mapping of YAML.
    """
    before, after = (dict(_leaves(_mapping(text, source), ())) for text in (base, now))
    options = []
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old != new:
            options.append(OptionChange(".".join(path[:-1]), path[-1], _said(old), _said(new)))
    return FileChange("", source, "", tuple(shown(one) for one in options)) if options else None


def _said(value: object) -> str | None:
    if value is None:
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _mapping(text: str, source: str) -> Mapping[str, Any]:
    try:
        # every scalar as its text: `2025.2` is no number
        found = yaml.load(text, yaml.BaseLoader)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f"line {where.line + 1}: " if where else ""
        raise NotReadable(
            f"{source} cannot be read", {"why": f"{line}{getattr(error, 'problem', error)}"}
        ) from None
    if found is None or found == "":
        return {}
    if not isinstance(found, dict):
        raise NotReadable(f"{source} cannot be read", {"why": "it is no mapping"})
    return found


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """
    >>> list(_leaves({"a": {"b": "1", "secure": "v1:x"}, "c": []}, ()))
    [(('a', 'b'), '1'), (('a', 'secure'), 'v1:x'), (('c',), [])]
    """
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, str(key)))
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        for number, inner in enumerate(value):
            name = inner.get("name", number) if isinstance(inner, dict) else number
            yield from _leaves(inner, (*path, str(name)))
    else:
        yield path, value


def policy(text: str, source: str) -> dict[str, str]:
    """Kind of finding -> the label that it needs, of a policy file.

    Raises:
        NotReadable: it is something else; names what is known.
    """
    found = _mapping(text, source)
    for key in found:
        if key != "approvals":
            raise NotReadable(f"{source}: {key} is not known", {"known": "approvals", "hint": POLICY})
    approvals = found.get("approvals") or {}
    if not isinstance(approvals, dict):
        raise NotReadable(f"{source}: approvals is no mapping", {"hint": POLICY})
    kinds = get_args(Kind)
    for kind, label in approvals.items():
        if kind not in kinds:
            raise NotReadable(f"{source}: approvals.{kind} is not known", {"known": ", ".join(kinds)})
        if not isinstance(label, str) or not label.strip():
            raise NotReadable(
                f"{source}: approvals.{kind} is no label", {"wanted": "one label", "hint": POLICY}
            )
    return {kind: label.strip() for kind, label in approvals.items()}


def changed_since(preview: Preview, state: str, source: str) -> tuple[str, ...]:
    """Why a preview is not true any more of a stack's state: what it changes, was changed by another since.

    Args:
        state: text of `pulumi stack export`.

    Raises:
        NotReadable: it is something else.
    """
    try:
        resources = json.loads(state)["deployment"].get("resources") or []
        now = {one["urn"]: one.get("modified") for one in resources if not one.get("delete")}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotReadable(f"{source} is no exported state", {"next": EXPORT}) from None
    # a preview that refreshes has a newer state of its own; the engine's events do not say when a state was modified
    refreshed = {item.urn for item in preview.items if item.op == "refresh"}
    touched = {
        item.urn
        for item in preview.items
        if (item.old is None and item.op == "create" and item.urn in now)
        or (item.old is not None and item.urn not in now)
        or (item.urn not in refreshed and _modified(item.old, now.get(item.urn)))
    }
    if not touched:
        return ()
    count = "1 resource that it names" if len(touched) == 1 else f"{len(touched):,} resources that it names"
    return (f"the state has changed since: {count}",)


def _modified(old: State | None, now: object) -> bool:
    then = (old or {}).get("modified")
    return then is not None and then != now
