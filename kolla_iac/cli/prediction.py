"""What the plan says of a change: from what the state holds, and from the settings that follow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kolla_iac.plan.diff import Change
    from kolla_iac.plan.rollout import Act, Rollout
    from kolla_iac.probe.analysis import Predicted


@dataclass(frozen=True)
class Deployed:
    """What of an environment's state a plan needs."""

    components: Mapping[str, Mapping[str, Any]]
    """Service -> inputs of its component, which are its rollout; see ``kolla_iac.resources.service``."""
    stages: Mapping[str, Mapping[str, str]]
    """Stage -> what it shows a reviewer, such as ``RELEASE``; see ``kolla_iac.resources.stage``."""

    @property
    def rotations(self) -> dict[str, int]:
        """How often each secret was rotated."""
        every = [inputs.get("rotations", {}) for inputs in self.components.values()]
        return {name: int(count) for one in every for name, count in one.items()}


def read(export: str) -> Deployed:
    """What `pulumi stack export` prints."""
    components, stages = {}, {}
    for resource in json.loads(export).get("deployment", {}).get("resources") or []:
        name, inputs = resource["urn"].rpartition("::")[2], resource.get("inputs", {})
        if resource["type"].startswith("kolla:") and "impact" in inputs:
            components[name] = inputs
        elif "STAGE" in inputs.get("environment", {}):
            stages[name] = inputs["environment"]
    return Deployed(components, stages)


def deployed(state: Deployed, like: Rollout) -> Rollout:
    """The rollout that a service of the state was made of.

    Args:
        like: of the same service; gives what the state does not hold.
    """
    inputs = state.components[like.service]
    placement = inputs["topology"]
    return replace(
        like,
        release=inputs["release"],
        image=inputs["image"],
        placement=tuple(placement[number] for number in sorted(placement, key=int)),
        configuration=inputs["configuration"],
        on_host=inputs.get("on_host", {}),
        live=inputs.get("live", {}),
        container=inputs["container"],
        rotations={name: int(count) for name, count in inputs.get("rotations", {}).items()},
        before=tuple(_acts(state, like.service, like.before)),
        after=tuple(_acts(state, like.service, like.after)),
    )


def _acts(state: Deployed, service: str, acts: Iterable[Act]) -> Iterator[Act]:
    for act in acts:
        shown = state.stages.get(f"{service}-{act.name}")
        if shown is not None:
            yield replace(
                act, inputs={key: shown.get(key.upper(), value) for key, value in act.inputs.items()}
            )


def predicted(state: Deployed, like: Iterable[Rollout], after: Iterable[Rollout]) -> dict[str, Predicted]:
    """Service -> what clients feel of its change and which stages it takes, for every service that changes.

    Args:
        like: as ``after``, but with the state's `Deployed.rotations`.
    """
    from kolla_iac.plan.diff import plan
    from kolla_iac.plan.rollout import Impact
    from kolla_iac.probe.analysis import Predicted

    new = list(after)
    old = [deployed(state, one) for one in like if one.service in state.components]
    found = {
        change.service: Predicted(
            change.impact.kind, change.impact.seconds, str(change.impact), tuple(_stages(change))
        )
        for change in plan(old, new)
    }
    off = Impact("fails", 0, "the service is switched off")
    gone = set(state.components) - {rollout.service for rollout in new}
    return found | {name: Predicted(off.kind, off.seconds, str(off)) for name in gone}


def _stages(change: Change) -> Iterator[str]:
    """Names that the steps of a plan have in the timeline. Containers come and go without one of their own."""
    for step in change.steps:
        match step.name:
            case "start" | "replace":
                # beside the old a handover follows, which is a step of its own
                if "then waited for" in step.what:
                    yield f"{step.what.partition(':')[0]}-ready"
            case "handover":
                yield f"{step.what}-handover"
            case "remove":
                pass
            case act:
                yield f"{change.service}-{act}"


def of_settings(environment: str, export: str) -> dict[str, Predicted]:
    """The prediction for the settings as they are now.

    Args:
        export: what `pulumi stack export` printed before they were carried out.

    Raises:
        KollaError: there are no settings, or they are wrong.
    """
    from kolla_iac.cli.project import existing, root
    from kolla_iac.components.rollouts import rollouts
    from kolla_iac.model import rotation
    from kolla_iac.model.stackfile import load_file

    file = load_file(existing(root(), environment))
    assert file.environment is not None
    state = read(export)
    like = rollouts(file.environment, state.rotations)
    return predicted(state, like, rollouts(file.environment, rotation.counts(file.rotations)))
