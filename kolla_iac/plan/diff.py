"""From what stands and what is wanted to what an update will do: stages in order, and what clients feel.

Pure, and after the engine's rules: an act runs when what it shows differs from the last time, containers are
replaced when anything of them differs, handovers follow new containers. So from a half-done update it says what is
left, and towards the settings from before it, what going back takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from kolla_iac.plan.reasons import of_acts, reasons, rotated
from kolla_iac.plan.refusal import refuse
from kolla_iac.plan.rollout import Act, Impact, Rollout
from kolla_iac.plan.standing import Standing

LEFT = "nothing uses it any more"


@dataclass(frozen=True)
class Step:
    """One stage of an update."""

    name: str
    """``handover``; of which replica stands in ``what``."""
    what: str
    resources: tuple[str, ...]
    """What of the program it is: ``keystone-1-handover``; several where they come at once."""
    no_way_back: str = ""
    """Of a stage of no return: what remains after it."""


@dataclass(frozen=True)
class Change:
    """What happens to one service."""

    service: str
    headline: str
    impact: Impact
    reasons: tuple[str, ...]
    steps: tuple[Step, ...]
    done: tuple[str, ...] = ()
    """Stages that an update which was cut off has completed already."""
    wave: int = 1
    """Services of one wave change at once."""
    after: tuple[str, ...] = ()
    """Services whose change must have ended before containers of this one start."""
    held: tuple[str, ...] = ()
    """Stages that are due and wait for the operator's word."""

    @property
    def reversible_until(self) -> str:
        """The stage of no return; empty where there is none."""
        return next((step.name for step in self.steps if step.no_way_back), "")


def plan(
    before: Iterable[Standing], after: Iterable[Rollout], needs: Mapping[str, Sequence[str]] | None = None
) -> tuple[Change, ...]:
    """Every service that changes, in the order of ``after``; services that go come last.

    Args:
        needs: service -> services that it needs, which change before it.

    Raises:
        KollaError: no step leads from the release that stands to the one that is wanted; says the way round.
    """
    old = {standing.service: standing for standing in before}
    new = {rollout.service: rollout for rollout in after}
    for name, rollout in new.items():
        if name in old:
            refuse(old[name], rollout)
    changed = [_change(old.get(name), rollout) for name, rollout in new.items()]
    gone = [_gone(standing.said) for name, standing in old.items() if name not in new]
    return _in_waves([change for change in changed if change], needs or {}) + tuple(gone)


def _in_waves(changes: Sequence[Change], needs: Mapping[str, Sequence[str]]) -> tuple[Change, ...]:
    done: dict[str, Change] = {}

    def waits_for(name: str) -> set[str]:
        """Changing services below, also through those that do not change."""
        found: set[str] = set()
        for need in needs.get(name, ()):
            found |= {need} if need in names else waits_for(need)
        return found

    names = {change.service for change in changes}
    for change in changes:
        first = sorted(waits_for(change.service) & set(done))
        wave = max((done[name].wave for name in first), default=0) + 1
        done[change.service] = replace(change, wave=wave, after=tuple(first))
    return tuple(done.values())


def _change(old: Standing | None, new: Rollout) -> Change | None:
    steps = tuple(_steps(old, new))
    held = tuple(act.name for act in new.after if _held(old, act) and not _ran(old, act, new))
    if not steps and not held:
        return None
    if old is None:
        return Change(new.service, f"{new.service} {new.release}".strip() + " is new", Impact(), (), steps)
    replaced = any(step.name in ("start", "replace") for step in steps) and any(
        replica in old.containers for replica in _fresh(old, new)
    )
    impact = new.impact if replaced else Impact()
    if new.form != "singleton" and any(f"{replica}-ready" in old.stages for replica in old.containers):
        impact = new.first
    running = {step.name for step in steps}
    for act in new.between:
        if act.name in running and act.due(old.stages.get(act.name)) and impact.kind == "none":
            impact = act.impact
    felt = [new.felt[name] for name in rotated(old.said, new) if name in new.felt]
    if felt and impact.kind != "fails":
        impact = Impact("fails", 0, "; ".join(felt))
    why = tuple(reasons(old.said, new)) or tuple(of_acts(old, new)) or (_otherwise(steps, held),)
    done = tuple(_done(old, new)) if old.releases - {new.release} and old.said.release == new.release else ()
    return Change(new.service, _headline(old, new), impact, why, steps, done, held=held)


def _otherwise(steps: Iterable[Step], held: Iterable[str]) -> str:
    if steps:
        return "an earlier update did not come to its end"
    return f"{', '.join(held)} waits for the operator"


def _headline(old: Standing, new: Rollout) -> str:
    others = sorted(old.releases - {new.release}) or [old.said.release]
    if others == [new.release]:
        return new.service
    back = new.release in old.releases and others[0] > new.release
    return f"{new.service} {others[0]} -> {new.release}" + (" (back)" if back else "")


def _done(old: Standing, new: Rollout) -> Iterator[str]:
    """Stages of a half-done upgrade that ran for the new release."""
    for act in new.before:
        if (act.in_image or "release" in act.inputs) and old.shows(act.name, new.shown(act)):
            yield act.name
    for act in new.between:
        if old.shows(act.name, new.shown(act)):
            yield act.name
    for replica in range(1, new.replicas + 1):
        if old.handed_over(new, replica):
            yield (
                f"handover {new.service}-{replica}" if new.form != "singleton" else f"{new.service}-{replica}"
            )
    for act in new.after:
        if (act.in_image or "release" in act.inputs) and old.shows(act.name, new.shown(act)):
            yield act.name


def _gone(old: Rollout) -> Change:
    names = tuple(f"{old.service}-{replica}" for replica in range(1, old.replicas + 1))
    return Change(
        old.service,
        f"{old.service} goes",
        Impact("none", 0, LEFT) if old.left else Impact("fails", 0, "the service is switched off"),
        (),
        (Step("remove", f"{', '.join(names)}; volumes stay", names),),
    )


def _fresh(old: Standing | None, new: Rollout) -> list[int]:
    """Replicas that get a new container."""
    there = old.containers if old else {}
    return [n for n in range(1, new.replicas + 1) if there.get(n) != new.made_of(n)]


def _steps(old: Standing | None, new: Rollout) -> Iterator[Step]:
    fresh = _fresh(old, new)
    gone = [replica for replica in sorted(old.containers if old else ()) if replica > new.replicas]
    waiting = [
        replica
        for replica in range(1, new.replicas + 1)
        if replica in fresh or old is None or not old.handed_over(new, replica)
    ]
    yield from _acts("before", old, new, fresh)
    if new.form != "singleton":
        yield from _surge(old, new, fresh, waiting, gone)
    else:
        for replica in waiting:
            name = f"{new.service}-{replica}"
            is_new = old is None or replica not in old.containers
            resources = (f"{name}-ready",) if replica not in fresh else (name, f"{name}-ready")
            if replica not in fresh:
                yield Step("wait", f"{name}: it stands, and is waited for", resources)
            elif is_new:
                yield Step("start", f"{name}: started, then waited for", resources)
            else:
                yield Step("replace", f"{name}: replaced in place, then waited for", resources)
    yield from _acts("after", old, new, fresh)


def _surge(
    old: Standing | None, new: Rollout, fresh: list[int], waiting: list[int], gone: list[int]
) -> Iterator[Step]:
    if fresh:
        names = tuple(f"{new.service}-{replica}" for replica in fresh)
        beside = " beside the old" if old and any(replica in old.containers for replica in fresh) else ""
        yield Step("start", f"{' and '.join(names)}{beside}", names)
    yield from _acts("between", old, new, fresh)
    for replica in waiting:
        name = f"{new.service}-{replica}"
        yield Step("handover", name, (f"{name}-handover",))
    if new.form == "surge" and (old is None or not old.shows("retire", new.shown_by_retire())):
        retired = ", ".join(f"{new.service}-{replica}" for replica in gone)
        what = f"{retired}: drained, stopped, removed" if gone else "none beyond the wanted"
        yield Step("retire", what, (f"{new.service}-retire",))


def _acts(
    side: Literal["before", "between", "after"], old: Standing | None, new: Rollout, fresh: list[int]
) -> Iterator[Step]:
    acts: tuple[Act, ...] = getattr(new, side)
    for act in acts:
        if _held(old, act):
            continue
        if (
            old is None
            or not _ran(old, act, new)
            or (act.follows_containers and (fresh or old.newer.get(act.name)))
        ):
            back = _way_back(old, act, new) if act.irreversible and _later(old, act, new) else ""
            yield Step(act.name, act.what, (f"{new.service}-{act.name}",), back)


def _way_back(old: Standing | None, act: Act, new: Rollout) -> str:
    """What remains after an act: by its name the dump of an upgrade that was cut off after it had made one."""
    made = old is not None and old.way_back and old.shows("backup", {"RELEASE": new.release})
    return f"the dump that stage backup made: {old.way_back}" if old is not None and made else act.way_back


def _ran(old: Standing | None, act: Act, new: Rollout) -> bool:
    """Whether an act has run, and for this."""
    return old is not None and old.shows(act.name, new.shown(act))


def _held(old: Standing | None, act: Act) -> bool:
    """Whether an act waits for the operator: what has never run does not, since there is nothing to go back to."""
    return act.held and old is not None and act.name in old.stages


def _later(old: Standing | None, act: Act, new: Rollout) -> bool:
    """Whether an act runs for a release that it has not run for, in a service that served another before."""
    return old is not None and old.stages.get(act.name, {}).get("RELEASE", new.release) != new.release
