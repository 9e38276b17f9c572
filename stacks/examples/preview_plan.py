"""Preview an environment from Python, by Pulumi's Automation API, and read the plan. Nothing is changed.

In a project's folder, in its environment (`source .envrc`), for an environment that is there:

    python stacks/examples/preview_plan.py dev

It prints what changes and why, what clients feel, and the stages in the order in which `pulumi up` runs them.
`preview()` below gives the same as data, for a check of one's own: that nobody replaces the database on a Friday.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulumi import automation

from kolla_iac.plan.diff import Change, plan
from kolla_iac.plan.rollout import Impact, Rollout
from kolla_iac.plan.standing import whole


@dataclass
class Preview:
    """What `pulumi up` would do, as the engine told it."""

    before: list[Rollout] = field(default_factory=list)
    """Each service as it was last deployed."""
    after: list[Rollout] = field(default_factory=list)
    """Each service as the settings want it now."""
    stages: list[str] = field(default_factory=list)
    """Names of the stages that run, in order."""
    counts: dict[str, int] = field(default_factory=dict)
    """Resources by what is done to them: ``{"same": 27, "update": 4, "replace": 2}``."""

    @property
    def changes(self) -> tuple[Change, ...]:
        """The services that change: why, and what their clients feel."""
        return plan(map(whole, self.before), self.after)


def preview(project: Path, environment: str) -> Preview:
    """Has the engine preview the environment.

    Raises:
        automation.CommandError: it failed; holds what it said, such as every problem of the settings.
    """
    seen = Preview()

    def read(event: automation.EngineEvent) -> None:
        if event.resource_pre_event:
            _resource(seen, event.resource_pre_event.metadata)

    stack = automation.select_stack(environment, work_dir=str(project))
    seen.counts = dict(stack.preview(on_event=read).change_summary)
    return seen


def _resource(seen: Preview, step: Any) -> None:
    """Keeps what one step of the engine is about."""
    old, new = (dict(state.inputs or {}) if state else {} for state in (step.old, step.new))
    # a service's component carries its whole rollout as inputs, with placeholders for secrets
    if "topology" in old:
        seen.before.append(_rollout(step.urn, old))
    if "topology" in new:
        seen.after.append(_rollout(step.urn, new))
    acts = step.op in (automation.OpType.CREATE, automation.OpType.UPDATE)
    if acts and step.type == "command:local:Command":
        seen.stages.append(_name(step.urn))


def _rollout(urn: str, inputs: Mapping[str, Any]) -> Rollout:
    """The rollout that a component was made of, without its stages: those come from the engine."""
    impact = {key: value for key, value in inputs["impact"].items() if key != "text"}
    return Rollout(
        service=_name(urn),
        release=inputs["release"],
        form="singleton",
        image=inputs["image"],
        placement=tuple(inputs["topology"].values()),
        configuration=inputs["configuration"],
        on_host=inputs.get("on_host", {}),
        live=inputs.get("live", {}),
        container=inputs["container"],
        rotations={name: int(count) for name, count in inputs.get("rotations", {}).items()},
        impact=Impact(**impact | {"seconds": int(impact["seconds"])}),
    )


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


def main() -> None:
    """Print the plan of the environment that the first argument names."""
    if len(sys.argv) != 2:
        sys.exit("usage: python preview_plan.py ENV")
    try:
        seen = preview(Path.cwd(), sys.argv[1])
    except automation.CommandError as error:
        sys.exit(str(error))
    for change in seen.changes:
        print(f"{change.headline}: {change.impact}")
        print("".join(f"  because {reason}\n" for reason in change.reasons), end="")
    print("stages, in order:" if seen.stages else "no stage runs")
    for number, stage in enumerate(seen.stages, start=1):
        print(f"{number:>4}  {stage}")
    print(", ".join(f"{count} {what}" for what, count in sorted(seen.counts.items())))


if __name__ == "__main__":
    main()
