"""Why a service changes: what its component says beside what it said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kolla_iac.model.database import MANAGED
from kolla_iac.plan.rollout import Configuration, Rollout
from kolla_iac.plan.standing import Standing


def reasons(old: Rollout, new: Rollout) -> Iterator[str]:
    """A line for each difference that a reviewer should know of."""
    if old.image != new.image:
        yield f"image {old.image} -> {new.image}"
    if old.replicas != new.replicas:
        yield f"replicas {old.replicas} -> {new.replicas}"
    if old.drain_seconds != new.drain_seconds:
        yield f"drain_seconds {old.drain_seconds} -> {new.drain_seconds}"
    yield from _options(old, new)
    for name in rotated(old, new):
        yield f"{name} is rotated"
    for key in sorted({*old.container, *new.container}):
        nothing = MANAGED if key == "database" else "none"
        was, now = old.container.get(key, nothing), new.container.get(key, nothing)
        if was != now:
            yield f"{key} {was} -> {now}"


def of_acts(old: Standing, new: Rollout) -> Iterator[str]:
    """A line for each thing that an act depends on and that is not the service's own: another's secret, an address."""
    found: dict[str, None] = {}
    inputs = [(act.name, act.inputs) for act in new.acts.values()]
    for name, depends_on in (*inputs, ("1-handover", new.asked)):
        shown = old.stages.get(name, {})
        for key, value in depends_on.items():
            was = shown.get(key.upper(), value)
            if was != value and key not in ("release", "image"):
                found[f"{key} {was} -> {value}"] = None
    yield from found


def rotated(old: Rollout, new: Rollout) -> list[str]:
    """Secrets of other values than before."""
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
