"""What a service's deployment consists of, as data: the pure side of every component.

A component hands its rollout to ``kolla_iac.resources``, which makes resources of it; ``kolla_iac.plan.diff``
compares two rollouts and says what an update will do. So the plan and the update cannot disagree on what exists.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

PLACE = "{environment}"
"""In texts of acts: where the environment's name goes. Rollouts are made from settings, which do not know it."""
Configuration = Mapping[str, Mapping[str, Mapping[str, str]]]
"""File -> section -> option -> text, secrets as placeholders."""


@dataclass(frozen=True)
class Impact:
    """What the clients of a service feel while it changes."""

    kind: Literal["none", "delayed", "fails"] = "none"
    seconds: int = 0
    """At most; 0 for ``none``, and for what fails for good."""
    why: str = ""
    whom: str = ""
    """Whose requests; empty: those of the service's own clients."""

    def __str__(self) -> str:
        felt = {
            "none": "clients feel nothing",
            "delayed": f"requests are delayed up to {self.seconds} s",
            "fails": f"requests fail for up to {self.seconds} s" if self.seconds else "requests fail",
        }[self.kind]
        return felt + (f" ({self.why})" if self.why else "")


@dataclass(frozen=True)
class Act:
    """A stage that acts once, such as a schema's expansion; it runs when its inputs differ from the last time."""

    name: str
    what: str
    """For people, in the present tense: ``schema keystone is expanded``; with ``{environment}`` for its name."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """What it depends on, readable; what a reviewer sees as its difference."""
    follows_containers: bool = False
    """Whether it runs again whenever a container of the service was replaced."""
    in_image: bool = True
    """Whether it is a Job in the service's image, and so runs again when that changes."""
    reads: tuple[tuple[str, str], ...] = ()
    """File and section, each, whose change runs it again."""
    applies: bool = False
    """Whether it is what carries a change of ``live`` configuration out."""
    irreversible: bool = False
    """Whether an earlier release may not serve any more when it was done for a later one."""
    way_back: str = ""
    """Of an irreversible one: what remains then, and the command; with ``{environment}`` as above."""
    held: bool = False
    """Whether it waits for the operator's word where it has run before; until then it stands as it stood."""
    impact: Impact = Impact()
    """What clients feel of it, when it runs for other inputs than the last time."""
    alone: bool = False
    """Whether nothing else of its inputs may change in the update in which its ``server`` does."""

    def due(self, shown: Mapping[str, str] | None) -> bool:
        """Whether its inputs are others than those that it showed the last time."""
        return any((shown or {}).get(key) != value for key, value in _upper(self.inputs).items())


@dataclass(frozen=True)
class Rollout:
    """A service: acts before, its containers, acts between their start and their handovers, acts after.

    ``surge``: new containers beside the old, handed over one by one. ``singleton``: one container a replica,
    stopped before its successor starts, since it owns a port of the host or a volume. ``relay``: the new container
    beside the old, both on sockets that a third one holds; then the old one ends.
    """

    service: str
    release: str
    """OpenStack series; empty for what is the same in every one, such as the database server."""
    form: Literal["surge", "singleton", "relay"]
    image: str
    placement: tuple[str, ...]
    """Host of replica 1, 2, ..."""
    configuration: Configuration
    on_host: Mapping[str, Configuration] = field(default_factory=dict)
    """Host -> files that differ there from ``configuration``, because of the host's overrides."""
    live: Configuration = field(default_factory=dict)
    """Configuration that a stage changes in running containers, without replacing them."""
    container: Mapping[str, str] = field(default_factory=dict)
    """Whatever else replaces the containers when it changes: ports, limits, health check."""
    asked: Mapping[str, str] = field(default_factory=dict)
    """What a surge's readiness is asked with, as far as it may be shown; when it changes, handovers ask again."""
    drain_seconds: int = 0
    """How long an old replica of a surge or a relay may finish its requests before it is stopped."""
    before: tuple[Act, ...] = ()
    between: tuple[Act, ...] = ()
    """Of a surge: when new containers stand, before the first handover."""
    after: tuple[Act, ...] = ()
    impact: Impact = Impact()
    """Of replacing the containers."""
    first: Impact = Impact()
    """Of the first replacement of containers that were singletons and are not any more."""
    rotations: Mapping[str, int] = field(default_factory=dict)
    """Secret that it uses -> how often it was rotated."""
    left: bool = False
    """Whether no service needs it any more, once an update is complete: it is kept until the operator lets go of it."""
    felt: Mapping[str, str] = field(default_factory=dict)
    """Secret -> what clients feel when it is rotated, of those whose rotation is felt."""

    @property
    def replicas(self) -> int:
        return len(self.placement)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Where its replicas stand, each host once."""
        return tuple(dict.fromkeys(self.placement))

    @property
    def acts(self) -> dict[str, Act]:
        """Name -> act, in their order."""
        return {act.name: act for act in (*self.before, *self.between, *self.after)}

    def act(self, name: str) -> Act | None:
        """One of its acts; None where the settings leave it out."""
        return self.acts.get(name)

    def named(self, environment: str) -> Rollout:
        """The same with the environment's name in what it says to people."""

        def filled(acts: tuple[Act, ...]) -> tuple[Act, ...]:
            return tuple(
                replace(
                    act,
                    what=act.what.replace(PLACE, environment),
                    way_back=act.way_back.replace(PLACE, environment),
                )
                for act in acts
            )

        return replace(
            self, before=filled(self.before), between=filled(self.between), after=filled(self.after)
        )

    def configuration_on(self, host: str) -> Configuration:
        """What a replica on ``host`` gets."""
        return {**self.configuration, **self.on_host.get(host, {})}

    def made_of(self, replica: int) -> str:
        """A short digest of all that makes the engine replace the container of a replica when it differs.

        It stands on the container as a label, so that the state says what a container was made of.
        """
        host = self.placement[replica - 1]
        parts = (host, self.image, self.release, self.configuration_on(host), self.container)
        return _digest((*parts, self.drain_seconds))

    def shown(self, act: Act) -> dict[str, str]:
        """What an act's resource shows of what it depends on; it runs when this differs from the last time.

        The same for the program that registers it and for the plan that foretells it.
        """
        shown = _upper(act.inputs)
        if act.in_image:
            shown["IMAGE"] = self.image
        if act.follows_containers:
            shown["REPLICAS"] = str(self.replicas)
        if act.reads or act.applies:
            read = {
                f"{file} {section}": self.configuration.get(file, {}).get(section)
                for file, section in act.reads
            }
            shown["CONFIGURATION"] = _digest((read, self.live if act.applies else None))
        return shown

    def shown_by_handover(self) -> dict[str, str]:
        """What each of its handovers shows."""
        return {"RELEASE": self.release, "IMAGE": self.image, **_upper(self.asked)}

    def shown_by_retire(self) -> dict[str, str]:
        """What the stage shows in which replicas beyond the wanted number go."""
        return {
            "RELEASE": self.release,
            "REPLICAS": str(self.replicas),
            "DRAIN_SECONDS": str(self.drain_seconds),
        }


def _upper(shown: Mapping[str, str]) -> dict[str, str]:
    return {key.upper(): value for key, value in shown.items()}


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def configurations(
    placement: tuple[str, ...], on: Callable[[str], Configuration]
) -> tuple[Configuration, dict[str, Configuration]]:
    """The first replica's configuration, and for each host the files that differ from it.

    Args:
        on: a host's name -> the whole configuration of a replica there.
    """
    first = on(placement[0])
    others = {
        host: {file: sections for file, sections in on(host).items() if sections != first.get(file)}
        for host in dict.fromkeys(placement)
    }
    return first, {host: files for host, files in others.items() if files}
