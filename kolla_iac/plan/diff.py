"""From two sets of rollouts, before and after, to what an update will do: stages in order, and what clients feel.

Pure, and after the engine's rules: an act runs when its inputs differ, containers are replaced when anything of
them differs, handovers follow new containers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from kolla_iac.plan.rollout import Configuration, Impact, Rollout


@dataclass(frozen=True)
class Step:
    """One stage of an update."""

    name: str
    """``handover``; of which replica stands in ``what``."""
    what: str
    irreversible: bool = False


@dataclass(frozen=True)
class Change:
    """What happens to one service."""

    service: str
    headline: str
    impact: Impact
    reasons: tuple[str, ...]
    steps: tuple[Step, ...]


def plan(before: Iterable[Rollout], after: Iterable[Rollout]) -> tuple[Change, ...]:
    """Every service that changes, in the order of ``after``; services that go come last."""
    old = {rollout.service: rollout for rollout in before}
    new = {rollout.service: rollout for rollout in after}
    changed = [_change(old.get(name), rollout) for name, rollout in new.items()]
    gone = [_gone(rollout) for name, rollout in old.items() if name not in new]
    return tuple(change for change in (*changed, *gone) if change is not None)


def text(changes: Iterable[Change]) -> str:
    """The plan for people; ``nothing to change`` for an empty one."""
    lines: list[str] = []
    for change in changes:
        lines.append(f"{change.headline:<36} {change.impact}")
        lines += [f"  because {reason}" for reason in change.reasons]
        for number, step in enumerate(change.steps, start=1):
            mark = "   (cannot be undone)" if step.irreversible else ""
            lines.append(f"  {number:>3}  {step.name:<13} {step.what}{mark}")
    return "\n".join(lines) + "\n" if lines else "nothing to change\n"


def _change(old: Rollout | None, new: Rollout) -> Change | None:
    if old == new:
        return None
    reasons = tuple(_reasons(old, new)) if old else ()
    fresh, gone = _containers(old, new)
    headline = new.service
    if old and old.release != new.release:
        headline = f"{new.service} {old.release} -> {new.release}"
    elif old is None:
        headline = f"{new.service} {new.release}".strip() + " is new"
    replaced = old is not None and any(replica <= old.replicas for replica in fresh)
    felt = [new.felt[name] for name in _rotated(old, new) if name in new.felt] if old else []
    impact = new.impact if replaced else Impact()
    if felt and impact.kind != "fails":
        impact = Impact("fails", 0, "; ".join(felt))
    return Change(
        new.service,
        headline,
        impact,
        reasons,
        tuple(_steps(old, new, fresh, gone)),
    )


def _gone(old: Rollout) -> Change:
    what = ", ".join(f"{old.service}-{replica}" for replica in range(1, old.replicas + 1))
    return Change(
        old.service,
        f"{old.service} goes",
        Impact("fails", 0, "the service is switched off"),
        (),
        (Step("remove", f"{what}; volumes stay"),),
    )


def _containers(old: Rollout | None, new: Rollout) -> tuple[list[int], list[int]]:
    """Replicas that get a new container, and replicas that go."""
    replicas = range(1, new.replicas + 1)
    if old is None:
        return list(replicas), []
    fresh = [
        replica
        for replica in replicas
        if replica > old.replicas or _container(old, replica) != _container(new, replica)
    ]
    return fresh, list(range(new.replicas + 1, old.replicas + 1))


def _container(rollout: Rollout, replica: int) -> tuple[object, ...]:
    """All that makes the engine replace the container of a replica when it differs."""
    host = rollout.placement[replica - 1]
    return host, rollout.image, rollout.release, rollout.configuration_on(host), rollout.container


def _reasons(old: Rollout, new: Rollout) -> Iterator[str]:
    if old.image != new.image:
        yield f"image {old.image} -> {new.image}"
    if old.replicas != new.replicas:
        yield f"replicas {old.replicas} -> {new.replicas}"
    yield from _options(old, new)
    for name in _rotated(old, new):
        yield f"{name} is rotated"
    for key in sorted({*old.container, *new.container}):
        was, now = old.container.get(key, "none"), new.container.get(key, "none")
        if was != now:
            yield f"{key} {was} -> {now}"


def _rotated(old: Rollout, new: Rollout) -> list[str]:
    return [name for name, count in new.rotations.items() if count != old.rotations.get(name, 0)]


def _options(old: Rollout, new: Rollout) -> Iterator[str]:
    hosts = sorted({*old.on_host, *new.on_host})
    left_files, right_files = (_files(each, hosts) for each in (old, new))
    for file in sorted({*left_files, *right_files}):
        was, now = left_files.get(file, {}), right_files.get(file, {})
        for section in sorted({*was, *now}):
            before, after = was.get(section, {}), now.get(section, {})
            for option in sorted({*before, *after}):
                values = (before.get(option), after.get(option))
                if values[0] != values[1]:
                    left, right = ("(not set)" if value is None else value for value in values)
                    yield f"{file} [{section}] {option}: {left} -> {right}"


def _files(rollout: Rollout, hosts: Iterable[str]) -> Configuration:
    """Every file with the sections that a reviewer compares; on hosts of their own mind, under their name."""
    own = {
        f"{file} on {host}": sections
        for host in hosts
        for file, sections in rollout.configuration_on(host).items()
    }
    return {**rollout.configuration, **own, **rollout.live}


def _steps(old: Rollout | None, new: Rollout, fresh: list[int], gone: list[int]) -> Iterator[Step]:
    names = [f"{new.service}-{replica}" for replica in fresh]
    yield from _acts("before", old, new, fresh, gone)
    if new.form == "surge":
        if names:
            beside = " beside the old" if old and any(replica <= old.replicas for replica in fresh) else ""
            yield Step("start", f"{' and '.join(names)}{beside}")
        yield from (Step("handover", name) for name in names)
        if old is None or old.replicas != new.replicas:
            retired = ", ".join(f"{new.service}-{replica}" for replica in gone)
            yield Step(
                "retire", f"{retired}: drained, stopped, removed" if gone else "none beyond the wanted"
            )
    else:
        verb = "replaced in place, then waited for" if old else "started, then waited for"
        yield from (Step("replace" if old else "start", f"{name}: {verb}") for name in names)
    yield from _acts("after", old, new, fresh, gone)


def _acts(
    side: Literal["before", "after"], old: Rollout | None, new: Rollout, fresh: list[int], gone: list[int]
) -> Iterator[Step]:
    was = {act.name: act for act in getattr(old, side, ())}
    for act in getattr(new, side):
        if (
            old is None
            or was.get(act.name) != act
            or (act.follows_containers and (fresh or gone))
            or (act.in_image and old.image != new.image)
            or (act.applies and old.live != new.live)
            or any(_section(old, *read) != _section(new, *read) for read in act.reads)
        ):
            yield Step(act.name, act.what, act.irreversible and old is not None)


def _section(rollout: Rollout, file: str, section: str) -> Mapping[str, str] | None:
    return rollout.configuration.get(file, {}).get(section)
