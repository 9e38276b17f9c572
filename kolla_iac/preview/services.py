"""What happens to each service of ours, from what its component and its stages say in a preview's data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kolla_iac.model.database import MANAGED
from kolla_iac.plan.diff import LEFT
from kolla_iac.preview.read import Item, Preview, State

CONTAINER = "docker:index/container:Container"
VOLUME = "docker:index/volume:Volume"
COMMAND = "command:local:Command"
UNSAID = "a backup from before it"
"""What remains after a stage of no return whose component does not change, and so says nothing."""
DONE = ("create", "update", "create-replacement", "replace")


@dataclass(frozen=True)
class Stage:
    """A stage that runs, or containers that start."""

    name: str
    what: str
    no_way_back: str = ""
    """Of the stage of no return: what remains after it."""


@dataclass(frozen=True)
class ServiceChange:
    """One service that changes."""

    service: str
    release: tuple[str, str]
    """Before and after; empty where the service is the same in every release, or was not there."""
    image: tuple[str, str]
    impact: str
    """``none``, ``delayed`` or ``fails``."""
    impact_text: str
    whom: str
    """Whose requests; empty: those of the service's own clients."""
    stages: tuple[Stage, ...]
    reasons: tuple[str, ...] = ()
    rotated: tuple[str, ...] = ()
    felt: tuple[str, ...] = ()
    """What clients feel of a rotation."""
    new: bool = False
    gone: bool = False
    data_goes: bool = False
    """Whether a volume of a service that is gone is deleted too."""
    backed_up: bool = False
    """Whether the stage backup ran for the new release before, in an update that was cut off."""
    wave: int = 0
    """Services of one wave change at once; 0 where the preview's form does not say what waits for what."""

    @property
    def down(self) -> bool:
        return bool(self.release[0]) and bool(self.release[1]) and self.release[1] < self.release[0]

    @property
    def reversible_until(self) -> str:
        return next((stage.name for stage in self.stages if stage.no_way_back), "")


def changes(preview: Preview) -> tuple[ServiceChange, ...]:
    """Every service that changes, each after those that it waits for."""
    parents = {item.urn: str(item.state.get("parent") or "") for item in preview.items}
    components = {
        item.urn: item
        for item in preview.items
        if {"topology", "stages"} <= set(item.inputs() or item.inputs("old"))
    }
    for urn in parents.values():  # a component that does not change is no item
        if urn not in parents and "$" not in urn and "::kolla:" in urn and "::kolla:cloud:" not in urn:
            components.setdefault(urn, Item("same", urn))
    below: dict[str, list[Item]] = {urn: [] for urn in components}
    for item in preview.items:
        if (urn := _ancestor(item.urn, parents, components)) and item.op not in ("same", "refresh"):
            below[urn].append(item)
    found = [_change(components[urn], items) for urn, items in below.items()]
    return tuple(_in_waves([one for one in found if one], preview, parents, components))


def _ancestor(urn: str, parents: Mapping[str, str], components: Mapping[str, Item]) -> str:
    """The component that a resource stands below; empty for none.

    A parent that does not change is no item. Then the types of all ancestors, which a URN begins with, say which it is;
    and where a program has several of that type, the beginning of the name, which is the environment's.
    """
    above = urn
    while above and above not in components:
        above = parents.get(above, "")
    if above or urn in components:
        return above
    types, _, name = urn.partition("::")[2].partition("::")[2].partition("::")
    fitting = [
        one
        for one, item in components.items()
        if types.startswith(one.split("::")[2] + "$") and item.name != name
    ]
    named = [one for one in fitting if name.startswith(f"{components[one].name}-")]
    if len(fitting) == 1:
        return fitting[0]
    return max(named, key=lambda one: len(components[one].name), default="")


def _change(component: Item, items: Sequence[Item]) -> ServiceChange | None:
    old, new = component.inputs("old"), component.inputs("new")
    name = component.name
    if component.op == "delete" or (items and all(item.op == "delete" for item in items)):
        return ServiceChange(
            service=name,
            release=(_text(old, "release"), ""),
            image=(_text(old, "image"), ""),
            impact="none" if old.get("left") else "fails",
            impact_text=f"clients feel nothing ({LEFT})"
            if old.get("left")
            else "requests fail: the service is removed",
            whom="",
            stages=(),
            reasons=("it is removed",),
            gone=True,
            data_goes=any(item.type == VOLUME for item in items),
        )
    stages = tuple(_stages(name, component, items))
    if not stages:
        return None
    replaced = any(item.type == CONTAINER and (item.op != "create" or old) for item in items)
    replaced = replaced and len(new.get("topology") or ()) <= len(old.get("topology") or ())
    impact = mapping(new.get("impact")) if replaced else {}
    impacts = mapping(new.get("impacts"))
    if str(impact.get("kind") or "none") == "none":
        impact = next((mapping(impacts[each]) for each in _due(name, items) if each in impacts), impact)
    rotated = tuple(_rotated(old, new))
    felt = mapping(new.get("felt"))
    return ServiceChange(
        service=name,
        release=_releases(old, new, items),
        image=(_text(old, "image"), _text(new, "image")),
        impact=str(impact.get("kind") or "none"),
        impact_text=str(impact.get("text") or "clients feel nothing"),
        whom=str(impact.get("whom") or ""),
        stages=stages,
        reasons=tuple(_reasons(old, new)) or (_otherwise(items),),
        rotated=rotated,
        felt=tuple(str(felt[each]) for each in rotated if each in felt),
        new=not old and component.op != "same",
        backed_up=_backed_up(old, new),
    )


def _due(service: str, items: Iterable[Item]) -> Iterator[str]:
    """Stages that run for something else than the last time, a new image or release apart."""
    of_any = {"IMAGE", "RELEASE", "CONFIGURATION", "REPLICAS"}
    for item in items:
        was, now = (mapping(item.inputs(which).get("environment")) for which in ("old", "new"))
        due = any(was.get(key) != value for key, value in now.items() if key not in of_any)
        if due and item.type == COMMAND and item.op in DONE:
            yield item.name.removeprefix(f"{service}-")


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is a mapping; else an empty one."""
    return value if isinstance(value, dict) else {}


def _text(inputs: State, key: str) -> str:
    return str(inputs.get(key) or "")


def shown(item: Item, which: str, key: str) -> str:
    """What a stage shows, in its ``old`` or ``new`` inputs, as ``RELEASE``, ``IMAGE``; empty where it does not."""
    environment = item.inputs(which).get("environment")
    return str(environment.get(key) or "") if isinstance(environment, dict) else ""


def _releases(old: State, new: State, items: Sequence[Item]) -> tuple[str, str]:
    """Before and after. While an upgrade is half done, some stages show another release than the last update wanted."""
    seen = {which: {shown(item, which, "RELEASE") for item in items} - {""} for which in ("old", "new")}
    after = _text(new, "release") or max(seen["new"], default="")
    before = (seen["old"] | {_text(old, "release")}) - {after, ""}
    return max(before) if before else _text(old, "release") or (after if seen["old"] else ""), after


def _backed_up(old: State, new: State) -> bool:
    """Whether a stage backup is among those that the last update wanted: cut off after it, it is not to do again.

    Of a component that does not change nothing is known: its stages run in their order, a backup before the others.
    """
    if not old and not new:
        return True
    return _text(old, "release") == _text(new, "release") and "backup" in (new.get("stages") or ())


def _rotated(old: State, new: State) -> Iterator[str]:
    was, now = old.get("rotations") or {}, new.get("rotations") or {}
    if isinstance(was, dict) and isinstance(now, dict) and old:
        yield from (str(name) for name, count in now.items() if count != was.get(name, 0))


def _reasons(old: State, new: State) -> Iterator[str]:
    """Without values of configuration: those have a part of their own."""
    if not old and new:
        yield "it is new"
        return
    for key, what in (("release", "release"), ("image", "image"), ("drain_seconds", "drain_seconds")):
        if old.get(key) != new.get(key):
            yield f"{what} {old.get(key) or 'none'} -> {new.get(key) or 'none'}"
    was, now = len(old.get("topology") or ()), len(new.get("topology") or ())
    if was != now:
        yield f"replicas {was} -> {now}"
    elif old.get("topology") != new.get("topology"):
        yield "replicas move to other hosts"
    was_on, is_on = (mapping(one.get("container")).get("database", MANAGED) for one in (old, new))
    if was_on != is_on:
        yield f"database {was_on} -> {is_on}"
    old, new = ({**one, "container": {**mapping(one.get("container")), "database": ""}} for one in (old, new))
    for key, what in (
        ("configuration", "its configuration"),
        ("on_host", "its configuration on a host"),
        ("live", "its live configuration"),
        ("container", "its containers' settings"),
    ):
        if old.get(key, {}) != new.get(key, {}):
            yield f"{what} changes"
    yield from (f"{name} is rotated" for name in _rotated(old, new))


def _otherwise(items: Iterable[Item]) -> str:
    if any(item.type == CONTAINER and item.op == "create" for item in items):
        return "a container is gone"
    return "an earlier update did not come to its end"


def _stages(service: str, component: Item, items: Sequence[Item]) -> Iterator[Stage]:
    inputs = component.inputs()
    does, lost = mapping(inputs.get("does")), mapping(inputs.get("no_way_back"))
    new = {item.name for item in items if item.type == CONTAINER and item.op in DONE}
    started: list[str] = []
    for item in in_order(items):
        if item.type == CONTAINER and item.op in DONE:
            started.append(item.name)
            continue
        if item.type != COMMAND or item.op not in DONE:
            continue
        if started:
            yield _start(started, component, items)
            started = []
        name = item.name.removeprefix(f"{service}-")
        fresh = item.name.removesuffix("-handover") in new or any(
            shown(item, "old", key) != shown(item, "new", key) for key in ("RELEASE", "IMAGE")
        )
        what = str(does.get(name) or _words(name, service, item, fresh=fresh))
        was, now = shown(item, "old", "RELEASE"), shown(item, "new", "RELEASE")
        final = str(lost.get(name) or "") or (UNSAID if shown(item, "new", "NO_WAY_BACK") else "")
        gone = final if was and now and was != now else ""
        yield Stage(name, what, gone)
    if started:
        yield _start(started, component, items)


def _start(names: Sequence[str], component: Item, items: Sequence[Item]) -> Stage:
    """A surge starts new containers beside the old; what has a volume or a port is replaced in place."""
    replaced = {item.name for item in items if item.op in ("create-replacement", "replace")}
    listed = " and ".join(sorted(names))
    if not set(names) & replaced:
        return Stage("start", listed)
    if "drain_seconds" in component.inputs():
        return Stage("start", f"{listed} beside the old")
    return Stage("replace", f"{listed}, in place")


def _words(name: str, service: str, item: Item, *, fresh: bool) -> str:
    replica = name.split("-", maxsplit=1)[0]
    if name.endswith("-handover") and not item.old:
        return f"{service}-{replica} gets requests once it is ready"
    if name.endswith("-handover") and not fresh:
        return f"{service}-{replica} is asked once more whether it works"
    if name.endswith("-handover"):
        return f"{service}-{replica} gets requests once it is ready; the old one is drained and removed"
    if name.endswith("-ready"):
        return f"{service}-{replica} is waited for"
    if name == "retire":
        return _retired(service, shown(item, "old", "REPLICAS"), shown(item, "new", "REPLICAS"))
    return ""


def _retired(service: str, before: str, after: str) -> str:
    """
    >>> _retired("keystone", "3", "1")
    'keystone-2 and keystone-3 are drained and removed'
    >>> _retired("keystone", "2", "2")
    'replicas beyond the wanted number are removed: there is none'
    """
    wanted, there = (int(count) if count.isdecimal() else 0 for count in (after, before))
    gone = [f"{service}-{number}" for number in range(wanted + 1, there + 1)]
    if not gone:
        return "replicas beyond the wanted number are removed: there is none"
    return f"{' and '.join(gone)} {'is' if len(gone) == 1 else 'are'} drained and removed"


def in_order(items: Sequence[Item]) -> list[Item]:
    """Each after what it depends on; as they came where nothing says."""
    by_urn = {item.urn: item for item in items if item.op in DONE}
    done: dict[str, Item] = {}
    for first in list(by_urn):
        stack = [first]
        while stack:
            urn = stack[-1]
            waits = [
                one for one in _depends(by_urn[urn]) if one in by_urn and one not in done and one not in stack
            ]
            if waits:
                stack.append(waits[0])
            else:
                done.setdefault(urn, by_urn[urn])
                stack.pop()
    return list(done.values())


def _depends(item: Item) -> list[str]:
    found = item.state.get("dependencies")
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _in_waves(
    found: Sequence[ServiceChange],
    preview: Preview,
    parents: Mapping[str, str],
    components: Mapping[str, Item],
) -> Iterator[ServiceChange]:
    """Services whose stages wait for others' come after them."""
    changing = {one.service: one for one in found}
    waits: dict[str, set[str]] = {name: set() for name in changing}
    for item in preview.items:
        mine = _ancestor(item.urn, parents, components)
        for urn in _depends(item):
            theirs = _ancestor(urn, parents, components)
            if mine and theirs and mine != theirs:
                ours, others = components[mine].name, components[theirs].name
                if ours in waits and others in changing:
                    waits[ours].add(others)
    told = any(_depends(item) for item in preview.items)
    waves: dict[str, int] = {}

    def wave(name: str, seen: frozenset[str] = frozenset()) -> int:
        if name not in waves:
            before = [wave(other, seen | {name}) for other in waits[name] - seen - {name}]
            waves[name] = max(before, default=0) + 1
        return waves[name]

    for one in sorted(found, key=lambda each: wave(each.service)):
        yield replace(one, wave=wave(one.service) if told and not one.gone else 0)
