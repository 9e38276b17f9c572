"""From what Pulumi printed of a preview to one shape: `pulumi preview --json`, its streaming form, or engine events.

Source: pulumi/pkg ``display.PreviewDigest`` and ``apitype.EngineEvent``, and what engine 3.259 prints.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kolla_iac.errors import KollaError

State = Mapping[str, Any]
HOW = "pulumi preview --json > preview.json"
OPERATIONS = frozenset(
    {
        *("same", "create", "update", "delete", "replace", "create-replacement", "delete-replaced"),
        *("read", "read-replacement", "refresh", "discard", "discard-replaced"),
        *("import", "import-replacement", "remove-pending-replace"),
    }
)
"""Source: apitype.OpType."""


class NotAPreview(KollaError):
    """What was given is no preview; the error says what it is and how to make one."""

    exit_code = 2


@dataclass(frozen=True)
class Item:
    """One operation of a preview on one resource."""

    op: str
    """As Pulumi calls it: ``create``, ``update``, ``create-replacement`` ..."""
    urn: str
    old: State | None = None
    """The resource's state as it stands: inputs, outputs, protect; None where there is none."""
    new: State | None = None
    """And as it would be; outputs are not known yet."""
    diffs: tuple[str, ...] = ()
    """Properties that differ: ``image``, ``environment.IMAGE``."""
    keys: tuple[str, ...] = ()
    """Those that make it a replacement."""

    @property
    def name(self) -> str:
        return self.urn.rsplit("::", 1)[-1]

    @property
    def type(self) -> str:
        """``docker:index/container:Container``, without the types of what it stands below."""
        parts = self.urn.split("::")
        return parts[2].rsplit("$", 1)[-1] if len(parts) > 3 else ""

    @property
    def state(self) -> State:
        """The newer of its two states; empty where it has none."""
        return self.new or self.old or {}

    def inputs(self, which: str = "new") -> State:
        """Inputs of the ``old`` or the ``new`` state; empty where there is no such state."""
        state = self.new if which == "new" else self.old
        found = (state or {}).get("inputs")
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Preview:
    """A whole preview."""

    items: tuple[Item, ...]
    errors: tuple[str, ...] = ()
    """What the engine or the program called an error; a preview with one is not complete."""
    warnings: tuple[str, ...] = ()
    unchanged: int = 0
    """Resources that stay as they are, of which most are no item."""
    seconds: float = 0
    """How long it took; 0 where it does not say."""
    made: float = 0
    """When, in seconds since 1970; 0 where it does not say."""

    @property
    def stack(self) -> str:
        return next((item.urn.split("::")[0].removeprefix("urn:pulumi:") for item in self.items), "")

    @property
    def project(self) -> str:
        return next((item.urn.split("::")[1] for item in self.items if item.urn.count("::") > 2), "")


def read(text: str, source: str) -> Preview:
    """A preview from its text.

    Args:
        source: the file's name, for errors.

    Raises:
        NotAPreview: empty, cut off, or something else.
    """
    text = text.removeprefix("\ufeff").strip()
    if not text:
        raise _wrong(source, "it is empty")
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    if isinstance(data, dict) and not _is_event(data):
        return _of_digest(data, source)
    events = [data] if isinstance(data, dict) else data if isinstance(data, list) else _lines(text, source)
    return _of_events(events, source)


def _wrong(source: str, why: str, **facts: str) -> NotAPreview:
    return NotAPreview(f"{source} is no preview of Pulumi's", {"why": why, **facts, "next": HOW})


def _lines(text: str, source: str) -> list[Any]:
    """A JSON document a line; text before the first is what a program has printed."""
    found: list[Any] = []
    lines = [line for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines, start=1):
        try:
            found.append(json.loads(line))
        except ValueError:
            if not line.lstrip().startswith(("{", '"', "[")) and not found:
                continue
            what = (
                "it ends in the middle" if number == len(lines) or not found else f"line {number} is no JSON"
            )
            raise _wrong(source, what, saw=_shown(line)) from None
    if not found:
        raise _wrong(source, "it is no JSON", saw=_shown(lines[0]))
    return found


def _shown(line: str) -> str:
    return ascii(line[:60])[1:-1] + ("..." if len(line) > 60 else "")


def _is_event(data: object) -> bool:
    return isinstance(data, dict) and "sequence" in data and any(str(key).endswith("Event") for key in data)


def _of_digest(data: State, source: str) -> Preview:
    if "steps" not in data and "changeSummary" not in data and "diagnostics" not in data:
        raise _wrong(source, _otherwise(data))
    items = [_item(one, "op", "oldState", "newState", source) for one in _list(data.get("steps"))]
    said = [
        (str(one.get("severity")), str(one.get("message")))
        for one in _list(data.get("diagnostics"))
        if isinstance(one, dict)
    ]
    duration = data.get("duration")
    seconds = duration / 1e9 if isinstance(duration, int | float) else 0.0
    return _preview(items, said, data.get("changeSummary"), seconds, 0.0)


def _otherwise(data: State) -> str:
    """What a JSON object is that is no preview, as far as anybody can tell."""
    kinds = {
        "resource_changes": "it is a plan of Terraform's or OpenTofu's",
        "deployment": "it is an exported state (pulumi stack export)",
        "resourcePlans": "it is an update plan (--save-plan)",
    }
    other = f"it is JSON with {', '.join(sorted(map(str, data))[:4]) or 'nothing'} and no steps"
    return next((what for key, what in kinds.items() if key in data), other)


def _of_events(events: Iterable[Any], source: str) -> Preview:
    items: list[Item] = []
    said: list[tuple[str, str]] = []
    seconds, made, ended, known, summary = 0.0, 0.0, False, False, None
    for event in events:
        if not _is_event(event):
            raise _wrong(source, "it is JSON, and neither a preview nor an engine's events")
        known = True
        made = max(made, float(event.get("timestamp") or 0))
        if "resourcePreEvent" in event:
            metadata = _with_custom(event["resourcePreEvent"].get("metadata") or {})
            items.append(_item(metadata, "op", "old", "new", source))
        elif "diagnosticEvent" in event:
            one = event["diagnosticEvent"]
            said.append((str(one.get("severity")), str(one.get("message"))))
        elif "summaryEvent" in event:
            seconds, ended = float(event["summaryEvent"].get("durationSeconds") or 0), True
            summary = event["summaryEvent"].get("resourceChanges")
        ended = ended or "cancelEvent" in event
    if not known:
        raise _wrong(source, "it holds no event")
    if not ended:
        raise _wrong(source, "its events end before the summary: the preview was cut off")
    return _preview(items, said, summary, seconds, made)


def _with_custom(metadata: Any) -> Any:
    """With ``custom`` in both states: events leave it out where it is false. Source: apitype.StepEventStateMetadata."""
    if not isinstance(metadata, dict):
        return metadata
    states = {key: metadata[key] for key in ("old", "new") if isinstance(metadata.get(key), dict)}
    return {**metadata, **{key: {"custom": False, **state} for key, state in states.items()}}


def _preview(
    items: list[Item], said: list[tuple[str, str]], summary: Any, seconds: float, made: float
) -> Preview:
    def of(severity: str) -> tuple[str, ...]:
        texts = (text.strip().removeprefix(f"{severity}: ") for kind, text in said if kind == severity)
        return tuple(dict.fromkeys(filter(None, texts)))

    same = summary.get("same") if isinstance(summary, dict) else None
    listed = sum(item.op == "same" for item in items)
    unchanged = same if isinstance(same, int) else listed
    return Preview(tuple(items), of("error"), of("warning"), unchanged, seconds, made)


def _item(one: Any, op: str, old: str, new: str, source: str) -> Item:
    if not isinstance(one, dict) or not isinstance(one.get("urn"), str) or not isinstance(one.get(op), str):
        raise _wrong(source, "a step has no urn or no operation")
    if one[op] not in OPERATIONS:
        raise _wrong(source, f"operation {_shown(one[op])} is not known: a newer Pulumi than this reads")
    detailed = one.get("detailedDiff")
    diffs = [
        *(detailed if isinstance(detailed, dict) else ()),
        *_texts(one.get("diffReasons") or one.get("diffs")),
    ]
    return Item(
        op=one[op],
        urn=one["urn"],
        old=_state(one.get(old)),
        new=_state(one.get(new)),
        diffs=tuple(dict.fromkeys(diffs)),
        keys=tuple(_texts(one.get("replaceReasons") or one.get("keys"))),
    )


def _state(value: Any) -> State | None:
    return value if isinstance(value, dict) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: Any) -> Iterator[str]:
    yield from (one for one in _list(value) if isinstance(one, str))
