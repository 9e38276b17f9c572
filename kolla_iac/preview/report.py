"""What a preview says to a reviewer, as one value that every format renders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from kolla_iac.model.present import Present, said
from kolla_iac.preview import configuration, services
from kolla_iac.preview.configuration import FileChange
from kolla_iac.preview.measured import Measured
from kolla_iac.preview.read import Item, Preview
from kolla_iac.preview.services import ServiceChange, Stage
from kolla_iac.preview.words import sentence, why_replaced

if TYPE_CHECKING:
    from kolla_iac.preview.beside import Beside

VERSION = 1
"""Of the report as JSON: grows when a field changes its meaning or goes."""
Kind = Literal[
    "failed", "stale", "data-loss", "interruption", "irreversible", "downgrade", "unknown", "drift", "masked"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What may need a human's eye, the most urgent first."""
GATES: tuple[Kind, ...] = ("data-loss", "interruption", "irreversible", "unknown", "drift")
"""Kinds that a pipeline may stop at."""
TALLY = {
    "create": "created",
    "update": "updated",
    "create-replacement": "replaced",
    "replace": "replaced",
    "delete": "deleted",
    "import": "imported",
    "import-replacement": "imported",
    "read": "read",
}
"""Operation -> what is said of it, in the order in which it is said. What is not here is part of a replacement."""
DATA = (services.VOLUME,)
"""Types whose deletion deletes data, beside whatever is protected."""
OURS = ("docker:", "command:local:", "kolla:", "pulumi:")
LOSES = ("delete", "replace", "delete-replaced", "create-replacement")


@dataclass(frozen=True)
class Finding:
    """Something that a human should look at."""

    kind: Kind
    what: str
    why: str = ""
    needs: str = ""
    """Label that approves it; empty where none is asked for."""
    approved: bool | None = None
    """Whether the request carries that label; None where nobody said which it carries."""


@dataclass(frozen=True)
class Resource:
    """A line of the full list."""

    op: str
    """As the tally calls it: ``replaced``."""
    type: str
    name: str
    changed: tuple[str, ...] = ()
    """Properties that differ, by name only."""
    why: str = ""
    """In words, of a container that is replaced."""


@dataclass(frozen=True)
class Report:
    """Everything that is said of a preview; each part may be empty."""

    stack: str
    project: str
    verdict: str
    findings: tuple[Finding, ...] = ()
    tally: dict[str, int] = field(default_factory=dict)
    """What is said of an operation -> how many resources; ``unchanged`` last."""
    services: tuple[ServiceChange, ...] = ()
    configuration: tuple[FileChange, ...] = ()
    images: tuple[tuple[str, str, str], ...] = ()
    """Service, image before, image after."""
    present: tuple[Present, ...] = ()
    """Of these images those whose size a host has told, when the stage that brings images ran for them."""
    secrets: tuple[str, ...] = ()
    """Names of those that are rotated."""
    resources: tuple[Resource, ...] = ()
    """All that change; the deleted and the replaced first."""
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    measured: Measured | None = None
    """What a probe saw while it was carried out."""
    settings: FileChange | None = None
    """How the environment's settings differ from those of the base."""
    base: str = ""
    """What the preview was made against."""
    made: float = 0
    """When the preview was made, in seconds since 1970; 0 where it does not say."""
    seconds: float = 0
    """How long it took."""

    def data(self) -> dict[str, Any]:
        """As JSON can hold it: ``version``, and this class's own fields."""
        return {"version": VERSION, **asdict(self)}


def report(preview: Preview, beside: Beside | None = None) -> Report:
    """The report of a preview.

    Args:
        beside: what stands beside its own data.
    """
    changed = services.changes(preview)
    images = tuple(
        (one.service, one.image[0], one.image[1]) for one in changed if one.image[0] != one.image[1]
    )
    files, masked = configuration.changes(preview)
    tally = _tally(preview)
    findings = [*_findings(preview, changed, masked), *_stale(beside)]
    findings = sorted(_approved(findings, beside), key=lambda one: KINDS.index(one.kind))
    return Report(
        stack=preview.stack,
        project=preview.project,
        verdict=_verdict(preview, changed, findings, tally),
        findings=tuple(dict.fromkeys(findings)),
        tally=tally,
        services=changed,
        configuration=files,
        images=images,
        present=tuple(_present(preview, {each for _, *both in images for each in both})),
        secrets=tuple(dict.fromkeys(name for one in changed for name in one.rotated)),
        resources=tuple(_resources(preview)),
        errors=preview.errors,
        warnings=preview.warnings,
        measured=beside.measured if beside else None,
        settings=beside.settings if beside else None,
        base=beside.base if beside else "",
        made=preview.made,
        seconds=preview.seconds,
    )


def _present(preview: Preview, references: Collection[str]) -> Iterator[Present]:
    """What the stages that bring images said when they last ran; what they will say is not known yet."""
    for item in preview.items:
        if item.type == services.COMMAND and services.shown(item, "old", "STAGE") == "images":
            outputs = services.mapping((item.old or {}).get("outputs"))
            yield from (one for one in said(str(outputs.get("stdout"))) if one.reference in references)


def _tally(preview: Preview) -> dict[str, int]:
    # a replacement is one resource in two or three steps
    seen = {(item.urn, TALLY[item.op]) for item in preview.items if item.op in TALLY}
    counted = Counter(word for _, word in seen)
    found = {word: counted[word] for word in dict.fromkeys(TALLY.values()) if counted[word]}
    return found | ({"unchanged": preview.unchanged} if preview.unchanged else {})


def _findings(preview: Preview, changed: Iterable[ServiceChange], masked: Iterable[str]) -> Iterator[Finding]:
    if preview.errors:
        yield Finding("failed", "the preview failed, and does not say all", preview.errors[0].splitlines()[0])
    for item in preview.items:
        yield from _of_item(item)
    yield from _drift(preview.items)
    for one in changed:
        if one.impact == "fails" or one.felt:
            why = "; ".join(filter(None, (one.impact_text if one.impact == "fails" else "", *one.felt)))
            yield Finding("interruption", f"{one.service}: clients feel this", why)
        elif one.impact == "delayed":
            yield Finding("interruption", f"{one.service}: clients wait", one.impact_text)
        for stage in one.stages:
            if stage.no_way_back:
                backed_up = any(other.name == "backup" for other in one.stages) or one.backed_up
                why = f"no way back from there but {stage.no_way_back}"
                yield Finding("irreversible", f"{one.service}: stage {stage.name} cannot be undone", why)
                if not backed_up:
                    yield Finding(
                        "data-loss",
                        f"{one.service}: stage {stage.name} runs and no backup was made before",
                        why,
                    )
        if one.down:
            yield Finding("downgrade", f"{one.service} goes back from {one.release[0]} to {one.release[1]}")
    for name in masked:
        yield Finding(
            "masked", f"{name} looks like a secret and is not marked as one", "its value is not shown here"
        )


def _stale(beside: Beside | None) -> Iterator[Finding]:
    for why in beside.stale if beside else ():
        yield Finding("stale", "this preview is not true any more", why)


def _approved(findings: Iterable[Finding], beside: Beside | None) -> Iterator[Finding]:
    approvals = (beside.approvals if beside else None) or {}
    labels = beside.labels if beside else None
    for one in findings:
        label = approvals.get(one.kind, "")
        approved = None if labels is None else label in labels
        yield replace(one, needs=label, approved=approved) if label else one


def _of_item(item: Item) -> Iterator[Finding]:
    if item.state.get("custom") is False:
        return  # a component is nothing but its parts, each of which has a step of its own
    protected = bool((item.old or {}).get("protect"))
    what = f"{item.type} {item.name}"
    if item.op in LOSES and item.type in DATA:
        yield Finding(
            "data-loss", f"{what} is {'deleted' if item.op == 'delete' else 'replaced'}", "with its data"
        )
    elif item.op in LOSES and protected:
        yield Finding("data-loss", f"{what} is protected, and {TALLY.get(item.op, 'replaced')}")
    elif item.op in ("delete", "replace") and not item.type.startswith(OURS):
        word = "deleted" if item.op == "delete" else "replaced"
        yield Finding("unknown", f"{what} is {word}", "what its users feel is not known here")


def _drift(items: Iterable[Item]) -> Iterator[Finding]:
    """What a refresh found to be gone, or to be otherwise than it was last told to be."""
    refreshed: set[str] = set()
    for item in items:
        what = f"{item.type} {item.name}"
        if item.op == "refresh":
            refreshed.add(item.urn)
        elif item.urn in refreshed and item.op == "create":
            yield Finding("drift", f"{what} is gone", "it is made again")
        elif item.urn in refreshed and item.op in ("update", "replace", "create-replacement"):
            # a stage's inputs are hidden where they are secret
            as_meant = item.inputs("old") != item.inputs("new") or item.type.startswith("command:")
            if item.diffs and not as_meant:
                yield Finding("drift", f"{what} is not what it was made to be", ", ".join(item.diffs[:6]))


def _verdict(
    preview: Preview, changed: tuple[ServiceChange, ...], findings: Iterable[Finding], tally: dict[str, int]
) -> str:
    """One sentence; a second one for the point of no return."""
    kinds = {one.kind for one in findings}
    if preview.errors:
        return "This preview failed: what follows is not all that would happen."
    if not any(word not in ("unchanged", "read") for word in tally):
        return "Nothing changes."
    if not changed:
        return " ".join((*_data(preview, kinds), f"{_counted(tally)}."))
    sentences = [*_data(preview, kinds), sentence(changed)]
    if all(one.gone for one in changed) and not preview.unchanged:
        sentences[-1] = f"Everything is removed: {', '.join(one.service for one in changed)}."
    for one in changed:
        for number, stage in enumerate(one.stages, start=1):
            if stage.no_way_back:
                sentences.append(f"Point of no return: {stage.name} (stage {number} of {len(one.stages)}).")
    return " ".join(sentences)


def _data(preview: Preview, kinds: Collection[Kind]) -> Iterator[str]:
    """What a verdict begins with where data is lost for certain, or may be."""
    if any(item.op in LOSES and item.type in DATA for item in preview.items):
        yield "Data is deleted."
    elif "data-loss" in kinds:
        yield "Data is at risk."


def _counted(tally: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {word}" for word, count in tally.items())


def _resources(preview: Preview) -> Iterator[Resource]:
    order = {"deleted": 0, "replaced": 1, "created": 2, "updated": 3}
    found: dict[str, Resource] = {}
    for item in preview.items:
        word = TALLY.get(item.op, "")
        if word in ("", "read") or item.urn in found:
            continue
        changed = tuple(dict.fromkeys(name.split(".")[0].split("[")[0] for name in (*item.diffs, *item.keys)))
        why = why_replaced(item) if word == "replaced" else ""
        found[item.urn] = Resource(word, item.type, item.name, changed, why)
    yield from sorted(found.values(), key=lambda one: order.get(one.op, 9))


__all__ = [
    "GATES",
    "KINDS",
    "FileChange",
    "Finding",
    "Report",
    "Resource",
    "ServiceChange",
    "Stage",
    "report",
]
