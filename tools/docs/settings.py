"""Reference pages of the settings: made from the models themselves, so that they cannot disagree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from kolla_iac.model.releases import SERIES, steps_from
from kolla_iac.model.schema import schema
from kolla_iac.model.service import ServiceSettings, services
from tools.docs.markdown import code, prose, table

HEAD = ("setting", "value", "default", "what it is")
WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true`, `false`",
    "null": "nothing",
}
BOUNDS = {
    "minimum": "{} or more",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "minItems": "{} or more items",
}


class Row(NamedTuple):
    """One setting."""

    path: str
    """``hosts[].docker``."""
    value: str
    default: str
    what: str


def page() -> str:
    """docs/reference/settings.md."""
    document = schema()
    definitions: dict[str, Any] = document["$defs"]
    top: dict[str, Any] = definitions["Environment"]["properties"]
    plain = [
        row for name, node in top.items() if not _nested(node, definitions) for row in _rows(name, node, {})
    ]
    parts = [_INTRO, "## Of the environment\n\n", table(HEAD, plain)]
    for name, node in top.items():
        if name != "services" and _nested(node, definitions):
            parts += [
                f"\n## {name}\n\n",
                _what(node, definitions),
                table(HEAD, _rows(name, node, definitions)),
            ]
    each = definitions["Services"]["properties"]
    common = ", ".join(map(code, ServiceSettings.model_fields))
    parts.append(
        f"\n## services\n\nEvery service takes {common}; the rest is its own.\n"
        "`database` is no service: it says which database server they use.\n"
    )
    for name, node in each.items():
        rows = _rows(f"services.{name}", node, definitions)
        parts += [f"\n### services.{name}\n\n", _what(node, definitions), table(HEAD, rows)]
    return "".join(parts)


def services_page() -> str:
    """docs/reference/services.md: what each slice declares about itself, and the releases."""
    parts = [_SERVICES_INTRO, "## Releases\n\n"]
    rows = [
        (
            code(r.series),
            r.name,
            r.published.isoformat(),
            "yes" if r.slurp else "no",
            ", ".join(map(code, steps_from(r.series))) or "none yet",
            ", ".join(f"{k} {v}" for k, v in r.versions.items()) or "not deployed by this project",
        )
        for r in SERIES.values()
    ]
    parts.append(table(("release", "name", "published", "SLURP", "upgrades to", "versions"), rows))
    for service in services().values():
        facts = [
            ("image", code(service.image)),
            ("role of its hosts", code(service.role)),
            ("needs", ", ".join(map(code, service.needs)) or "nothing"),
            ("port of its API", str(service.port) if service.port else "not published"),
            (
                "the load balancer asks",
                code(f"GET {service.check}") if service.port else "nothing, it is not behind it",
            ),
            ("files that overrides may address", ", ".join(map(code, service.files)) or "none"),
            ("keeps data on a volume", "yes, one for each replica" if service.volume else "no"),
            ("it has a volume of its hosts for", ", ".join(service.shared) or "nothing"),
            ("two replicas on one host", "yes" if service.share_host else "no"),
        ]
        parts += [f"\n## {service.name}\n\n", table((service.title, ""), facts)]
        if service.secrets:
            secrets = [(code(one.name), one.kind.replace("_", " "), one.purpose) for one in service.secrets]
            parts += ["\n", table(("secret", "kind", "of"), secrets)]
    return "".join(parts)


def _nested(node: dict[str, Any], definitions: dict[str, Any]) -> bool:
    return "$ref" in node or "$ref" in node.get("items", {})


def _what(node: dict[str, Any], definitions: dict[str, Any]) -> str:
    own = node.get("description") or _definition(node, definitions).get("description", "")
    return f"{prose(own)}\n\n" if own else ""


def _definition(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    reference = node.get("$ref") or node.get("items", {}).get("$ref", "")
    found: dict[str, Any] = definitions.get(reference.rsplit("/", 1)[-1], {})
    return found


def _rows(path: str, node: dict[str, Any], definitions: dict[str, Any], default: Any = None) -> Iterator[Row]:
    """The settings at and below a node.

    Args:
        default: of the node as a whole, where it differs from its parts' own.
    """
    optional = next((one for one in node.get("anyOf", []) if "$ref" in one), None)
    if optional:
        yield Row(code(path), "mapping", "none", prose(node.get("description", "")))
        yield from _rows(path, optional, definitions)
        return
    inner = _definition(node, definitions)
    if not inner:
        shown = node["default"] if default is None and "default" in node else default
        required = "default" not in node and default is None
        yield Row(
            code(path),
            _value(node),
            "required" if required else _default(shown),
            prose(node.get("description", "")),
        )
        return
    listed = node.get("type") == "array"
    whole = {} if listed else (node.get("default") if default is None else default) or {}
    for name, part in inner["properties"].items():
        yield from _rows(
            f"{path}[].{name}" if listed else f"{path}.{name}", part, definitions, whole.get(name)
        )


def _value(node: dict[str, Any]) -> str:
    if "anyOf" in node:
        return " or ".join(_value(one) for one in node["anyOf"] if one.get("type") != "null")
    if "enum" in node:
        return ", ".join(code(json.dumps(one)) for one in node["enum"])
    kind = node.get("type", "any")
    if kind == "array":
        return f"list of {_value(node['items'])}"
    if kind == "object":
        below = node.get("additionalProperties")
        return "mapping" if not isinstance(below, dict) else f"mapping of {_value(below)}"
    words = WORDS[kind]
    bounds = [text.format(node[name]) for name, text in BOUNDS.items() if name in node]
    if "pattern" in node:
        bounds.append(f"matches `{node['pattern']}`")
    return f"{words}, {', '.join(bounds)}" if bounds else words


def _default(value: Any) -> str:
    if value is None or value in ({}, []):
        return "none"
    return code(json.dumps(value, ensure_ascii=False))


_INTRO = """\
# Settings

All that an operator may set, as it stands in `stacks/Pulumi.<environment>.yaml` under `kolla-iac:environment`.
`release` alone is enough:

```yaml
config:
  kolla-iac:environment:
    release: "2025.2"
```

`kolla-iac check ENV` names every problem at once. Editors complete from
[`stacks/environment.schema.json`](../../stacks/environment.schema.json), which `kolla-iac schema` prints.
An unknown key is an error. "none" as a default means: nothing set.

"""

_SERVICES_INTRO = """\
# Services, releases and secrets

What each folder of `components/` says about itself. What may be set of it: [settings](settings.md).

"""
