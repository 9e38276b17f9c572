"""What stands of a service: what its component said last, what its containers are made of, how far its stages came.

Read from the state of a deployment (``kolla_iac.plan.state``), or made up from a rollout. A stage that was cut off
shows what it showed the time before, so that half-done updates need no record of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from kolla_iac.model.database import MANAGED
from kolla_iac.plan.rollout import Rollout


@dataclass(frozen=True)
class Standing:
    """One service, as the last update left it, finished or not."""

    said: Rollout
    """What its component says of it: the update that came last, whether it was completed or not. Without acts."""
    containers: Mapping[int, str] = field(default_factory=dict)
    """Replica -> ``Rollout.made_of`` of its newest container; empty where it does not say."""
    stages: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Stage -> what it showed when it last succeeded: ``expand``, ``1-handover``, ``2-ready``, ``retire``."""
    newer: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Stage -> replicas whose container was made after it last ran."""
    way_back: str = ""
    """The command that gives the last backup of its schema back; empty where none was made."""

    @property
    def service(self) -> str:
        return self.said.service

    @property
    def releases(self) -> frozenset[str]:
        """Every release that a stage last ran for; two of them while an upgrade is half done."""
        return frozenset(shown["RELEASE"] for shown in self.stages.values() if shown.get("RELEASE"))

    def shows(self, stage: str, wanted: Mapping[str, str]) -> bool:
        """Whether a stage has run, and for this."""
        shown = self.stages.get(stage)
        if shown is None or shown.get("SERVER", MANAGED) != wanted.get("SERVER", MANAGED):
            return False  # what says nothing of a server is of the service mariadb
        return all(shown.get(key) == value for key, value in wanted.items())

    def handed_over(self, rollout: Rollout, replica: int) -> bool:
        """Whether a replica's newest container is followed by its stage, and that for this rollout."""
        name, wanted = gate(rollout, replica)
        return self.shows(name, wanted) and replica not in self.newer.get(name, ())


def gate(rollout: Rollout, replica: int) -> tuple[str, dict[str, str]]:
    """The stage that follows a replica's container, and what it shows."""
    if rollout.form != "singleton":
        return f"{replica}-handover", rollout.shown_by_handover()
    return f"{replica}-ready", {"IMAGE": rollout.image}


def whole(rollout: Rollout) -> Standing:
    """What stands after a rollout was carried out to its end."""
    replicas = range(1, rollout.replicas + 1)
    acts = {name: rollout.shown(act) for name, act in rollout.acts.items()}
    gates = dict(gate(rollout, replica) for replica in replicas)
    retire = {"retire": rollout.shown_by_retire()} if rollout.form == "surge" else {}
    return Standing(
        replace(rollout, before=(), between=(), after=()),
        {replica: rollout.made_of(replica) for replica in replicas},
        {**acts, **gates, **retire},
    )


def cut_off(before: Standing | None, rollout: Rollout, done: Iterable[str]) -> Standing:
    """What stands when an update towards a rollout came no further than these stages.

    Args:
        done: names of stages (``expand``, ``1-handover``), and ``start`` for all new containers.
    """
    complete, names = whole(rollout), set(done)
    there = before or Standing(complete.said)
    finished = {name: shown for name, shown in complete.stages.items() if name in names}
    containers, fresh = dict(there.containers), frozenset[int]()
    if "start" in names:
        containers |= complete.containers
        fresh = frozenset(n for n, made in complete.containers.items() if there.containers.get(n) != made)
    newer = {name: there.newer.get(name, frozenset()) | fresh for name in there.stages if name not in names}
    return Standing(complete.said, containers, {**there.stages, **finished}, newer)
