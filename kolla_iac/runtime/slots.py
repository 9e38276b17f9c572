"""Which container stands in which slot of the load balancer. Pure."""

from __future__ import annotations

from collections.abc import Collection

from kolla_iac.errors import KollaError
from kolla_iac.model.balancer import BalancerConfig
from kolla_iac.runtime.context import Slots

Change = tuple[dict[str, dict[str, str]], list[tuple[str, str]]]
"""Slots as they will be, and what was taken out of them: backend and slot each."""


def slot_of(slots: Slots, backend: str, container: str) -> str | None:
    """The slot that the container stands in; None if it has none."""
    return next((slot for slot, name in slots.get(backend, {}).items() if name == container), None)


def put(
    config: BalancerConfig, slots: Slots, backend: str, container: str
) -> tuple[dict[str, dict[str, str]], str]:
    """The slots with the container in one of them: the one that it has, else the first free one.

    Raises:
        KollaError: the load balancer has no such backend, or every slot is taken.
    """
    known = {one.name: one for one in config.backends}
    if backend not in known:
        raise KollaError(
            f"the load balancer has no backend {backend}",
            {
                "backends": ", ".join(sorted(known)) or "none",
                "hint": "its own stage, which writes them, comes first",
            },
        )
    taken = dict(slots.get(backend, {}))
    slot = slot_of(slots, backend, container)
    if slot is None:
        names = [f"s{number}" for number in range(1, known[backend].slots + 1)]
        slot = next((name for name in names if name not in taken), None)
    if slot is None:
        raise KollaError(
            f"every slot of backend {backend} is taken",
            {"containers": [f"{slot}  {name}" for slot, name in sorted(taken.items())]},
        )
    taken[slot] = container
    return {**_copy(slots), backend: taken}, slot


def keep(slots: Slots, backend: str, containers: Collection[str]) -> Change:
    """The slots of a backend without containers that are not among the given ones."""
    gone = [slot for slot, name in slots.get(backend, {}).items() if name not in containers]
    return _without(slots, backend, gone)


def drop(slots: Slots, backend: str, container: str) -> Change:
    """The slots of a backend without one container."""
    slot = slot_of(slots, backend, container)
    return _without(slots, backend, [slot] if slot else [])


def fit(config: BalancerConfig, slots: Slots) -> dict[str, dict[str, str]]:
    """The slots of the backends that the configuration has.

    A container keeps a slot beyond the backend's number: fewer slots must not take its traffic away; the stage
    that retires it does.
    """
    known = {backend.name for backend in config.backends}
    return {backend: dict(taken) for backend, taken in slots.items() if backend in known}


def _copy(slots: Slots) -> dict[str, dict[str, str]]:
    return {backend: dict(taken) for backend, taken in slots.items()}


def _without(slots: Slots, backend: str, gone: list[str]) -> Change:
    changed = _copy(slots)
    for slot in gone:
        del changed[backend][slot]
    return changed, [(backend, slot) for slot in gone]
