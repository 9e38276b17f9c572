"""A plan for people, and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from kolla_iac.plan.diff import Change, Step


class Waved(Protocol):
    """What changes in a wave."""

    @property
    def service(self) -> str: ...
    @property
    def wave(self) -> int: ...


def text(changes: Iterable[Change]) -> str:
    """The plan for people; ``nothing to change`` for an empty one."""
    changes = tuple(changes)
    if not changes:
        return "nothing to change\n"
    lines: list[str] = []
    if len(changes) > 1:
        lines += [f"order  {order(changes)}", ""]
    for change in changes:
        lines.append(f"{change.headline:<36} {change.impact}")
        if change.impact.whom:
            lines.append(f"  felt by the clients of {change.impact.whom}")
        lines += [f"  because {reason}" for reason in change.reasons]
        if change.done:
            lines.append(f"  done already: {', '.join(change.done)}")
        for number, step in enumerate(change.steps, start=1):
            lines += _step(number, step)
        lines += [
            f"    -  {name:<13} waits for upgrade.contract: automatic; the way back stays open until then"
            for name in change.held
        ]
    return "\n".join(lines) + "\n"


def order(changes: Sequence[Waved]) -> str:
    """Which services change at once, and which after them: ``mariadb and memcached at once, then keystone``."""
    waves: dict[int, list[str]] = {}
    for change in changes:
        waves.setdefault(change.wave, []).append(change.service)
    return ", then ".join(_at_once(names) for _, names in sorted(waves.items()))


def _at_once(names: Sequence[str]) -> str:
    """
    >>> _at_once(["a"]), _at_once(["a", "b", "c"])
    ('a', 'a, b and c at once')
    """
    return f"{', '.join(names[:-1])} and {names[-1]} at once" if len(names) > 1 else names[0]


def data(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """The plan for programs: a mapping for each service, its steps a chain, each after the one before it."""
    return [
        {
            "service": change.service,
            "headline": change.headline,
            "wave": change.wave,
            "after": list(change.after),
            "impact": {**asdict(change.impact), "text": str(change.impact)},
            "reversible_until": change.reversible_until or None,
            "reasons": list(change.reasons),
            "done": list(change.done),
            "held": list(change.held),
            "steps": [
                {
                    "number": number,
                    "name": step.name,
                    "what": step.what,
                    "resources": list(step.resources),
                    "no_way_back_but": step.no_way_back or None,
                }
                for number, step in enumerate(change.steps, start=1)
            ],
        }
        for change in changes
    ]


def _step(number: int, step: Step) -> list[str]:
    lines = [f"  {number:>3}  {step.name:<13} {step.what}"]
    if step.no_way_back:
        lines.append(f"{'':>21}no way back from here but {step.no_way_back}")
    return lines
