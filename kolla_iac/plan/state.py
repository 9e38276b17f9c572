"""From a deployment's state, as the engine exports it, to what stands of each service.

Components say in their inputs what the last update wanted; containers carry what they are made of as a label; stages
show what they last ran for. Nothing of it is secret, so that no passphrase is needed. Whether a stage has followed the
newest container is told by the engine's own times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kolla_iac.model.stage import LABEL_MADE_OF, LABEL_REPLICA
from kolla_iac.plan.refusal import restoring
from kolla_iac.plan.rollout import Impact, Rollout
from kolla_iac.plan.standing import Standing

State = Mapping[str, Any]
CONTAINER = "docker:index/container:Container"
COMMAND = "command:local:Command"


def standing(export: State) -> list[Standing]:
    """What stands of each service; empty where nothing was deployed.

    Args:
        export: of ``pulumi stack export``.
    """
    resources = [
        resource
        for resource in ((export.get("deployment") or {}).get("resources") or [])
        if not resource.get("delete")
    ]
    parents = {resource["urn"]: resource.get("parent", "") for resource in resources}
    found = []
    for component in resources:
        inputs = component.get("inputs") or {}
        if "topology" in inputs and "stages" in inputs:
            own = [one for one in resources if _below(one["urn"], component["urn"], parents)]
            found.append(
                _service(
                    component["urn"].split("::")[0].removeprefix("urn:pulumi:"), _name(component), inputs, own
                )
            )
    return found


def _service(environment: str, name: str, inputs: State, own: Sequence[State]) -> Standing:
    said = Rollout(
        service=name,
        release=inputs.get("release", ""),
        form="surge",
        image=inputs["image"],
        placement=tuple(
            host for _, host in sorted(inputs["topology"].items(), key=lambda item: int(item[0]))
        ),
        configuration=inputs.get("configuration") or {},
        on_host=inputs.get("on_host") or {},
        live=inputs.get("live") or {},
        container=inputs.get("container") or {},
        drain_seconds=int(inputs.get("drain_seconds") or 0),
        impact=Impact(),
        left=bool(inputs.get("left")),
        rotations={secret: int(count) for secret, count in (inputs.get("rotations") or {}).items()},
    )
    containers: dict[int, str] = {}
    born: dict[int, str] = {}
    stages: dict[str, Mapping[str, str]] = {}
    ran: dict[str, str] = {}
    for one in own:
        if one["type"] == CONTAINER:
            labels = {label["label"]: label["value"] for label in one["inputs"].get("labels", [])}
            replica = int(labels.get(LABEL_REPLICA, 0))
            containers[replica] = labels.get(LABEL_MADE_OF, "")
            born[replica] = _moment(one.get("created"))
        elif one["type"] == COMMAND:
            stage = _name(one).removeprefix(f"{name}-")
            stages[stage] = one["inputs"].get("environment") or {}
            ran[stage] = _moment(one.get("modified"))
    printed = {
        _name(one): str((one.get("outputs") or {}).get("stdout") or "")
        for one in own
        if one["type"] == COMMAND
    }
    newer = {
        stage: frozenset(replica for replica, made in born.items() if moment < made)
        for stage, moment in ran.items()
    }
    way_back = restoring(environment, printed.get(f"{name}-backup", ""))
    return Standing(said, containers, stages, newer, way_back)


def _name(resource: State) -> str:
    return str(resource["urn"].rsplit("::", 1)[-1])


def _below(urn: str, ancestor: str, parents: Mapping[str, str]) -> bool:
    while urn := parents.get(urn, ""):
        if urn == ancestor:
            return True
    return False


def _moment(text: str | None) -> str:
    """A time of the engine's, in UTC, for comparison as text; its fraction has no trailing zeros.

    >>> _moment("2026-11-25T19:28:00.83Z") < _moment("2026-11-25T19:28:00.8301Z")
    True
    """
    return (text or "").removesuffix("Z")
