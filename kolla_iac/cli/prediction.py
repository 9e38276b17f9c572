"""What the plan says that clients feel: from what the state holds, and from the settings that follow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kolla_iac.plan.rollout import Rollout
    from kolla_iac.probe.analysis import Predicted


def components(export: str) -> dict[str, dict[str, Any]]:
    """The inputs of every service's component in what `pulumi stack export` prints, by name.

    A component's inputs are its rollout; see ``kolla_iac.resources.service``.
    """
    resources = json.loads(export).get("deployment", {}).get("resources") or []
    return {
        resource["urn"].rpartition("::")[2]: resource["inputs"]
        for resource in resources
        if resource["type"].startswith("kolla:") and "impact" in resource.get("inputs", {})
    }


def deployed(inputs: Mapping[str, Any], like: Rollout) -> Rollout:
    """The rollout that a component was made of.

    Args:
        like: gives what inputs do not hold, such as the acts, and makes no difference for what clients feel.
    """
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
    )


def predicted(before: Mapping[str, Mapping[str, Any]], after: Iterable[Rollout]) -> dict[str, Predicted]:
    """Service -> what clients feel of its change, for every service that changes.

    Args:
        before: as `components` gives it.
    """
    from kolla_iac.plan.diff import plan
    from kolla_iac.plan.rollout import Impact
    from kolla_iac.probe.analysis import Predicted

    new = list(after)
    names = {rollout.service: rollout for rollout in new}
    old = [deployed(inputs, names[name]) for name, inputs in before.items() if name in names]
    felt = {change.service: change.impact for change in plan(old, new)}
    felt |= {name: Impact("fails", 0, "the service is switched off") for name in before if name not in names}
    return {name: Predicted(impact.kind, impact.seconds, str(impact)) for name, impact in felt.items()}


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
    return predicted(components(export), rollouts(file.environment, rotation.counts(file.rotations)))
