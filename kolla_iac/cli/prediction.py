"""What the plan says that clients feel: from what the state holds, and from the settings that follow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kolla_iac.plan.diff import Change
    from kolla_iac.plan.rollout import Rollout
    from kolla_iac.plan.standing import Standing
    from kolla_iac.probe.analysis import Predicted


def predicted(before: Iterable[Standing], after: Iterable[Rollout]) -> dict[str, Predicted]:
    """Service -> what clients feel of its change and which stages it takes, for every service that changes.

    Raises:
        KollaError: no step leads from the one to the other.
    """
    from kolla_iac.plan.diff import plan
    from kolla_iac.probe.analysis import Predicted

    return {
        change.service: Predicted(
            change.impact.kind,
            change.impact.seconds,
            str(change.impact),
            tuple(_stages(change)),
        )
        for change in plan(before, after)
    }


def _stages(change: Change) -> Iterator[str]:
    """Names that a plan's stages have in the timeline; containers, which have none there, are left out."""
    container = re.compile(rf"{re.escape(change.service)}-\d+")
    for step in change.steps:
        yield from (resource for resource in step.resources if not container.fullmatch(resource))


def of_settings(environment: str, export: str) -> dict[str, Predicted]:
    """The prediction for the settings as they are now.

    Args:
        export: what `pulumi stack export` printed before they were carried out.

    Raises:
        KollaError: there are no settings, they are wrong, or no step leads to them.
    """
    from kolla_iac.cli.project import existing, root
    from kolla_iac.components.rollouts import rollouts
    from kolla_iac.model import rotation
    from kolla_iac.model.stackfile import load_file
    from kolla_iac.plan.state import standing

    file = load_file(existing(root(), environment))
    assert file.environment is not None
    return predicted(
        standing(json.loads(export)), rollouts(file.environment, rotation.counts(file.rotations))
    )
