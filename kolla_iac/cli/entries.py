"""Entries of clouds.yaml, put into the user's own text: comments and order of all else stay. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from kolla_iac.errors import KollaError


def entry_in(text: str, name: str, source: str) -> dict[str, Any] | None:
    """The entry as it stands; None if there is none.

    Args:
        source: the file's name, for the error.

    Raises:
        KollaError: the text is not that of a clouds.yaml.
    """
    found = _clouds(text, source).get(name)
    if found is not None and not isinstance(found, dict):
        raise KollaError(f"{source}: clouds.{name} is no mapping", {"hint": "mend the file, or name another"})
    return found


def with_entry(text: str, name: str, entry: Mapping[str, Any], source: str) -> str:
    """The text with the entry added, or in the place of the one of this name.

    Where the text has a form that cannot be edited in place (``clouds: {}``), it is written anew as a whole.

    Raises:
        KollaError: the text is not that of a clouds.yaml.
    """
    _clouds(text, source)
    data = yaml.safe_load(text) or {}
    wanted = {**data, "clouds": {**(data.get("clouds") or {}), name: dict(entry)}}
    edited = _edited(text, name, entry)
    if edited is not None and _same(edited, wanted):
        return edited
    return _dump(wanted)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """A line for each value that replacing ``old`` by ``new`` changes. Values that are not ours are not shown.

    >>> differences({"auth": {"auth_url": "a", "password": "x"}, "verify": True}, {"auth": {"auth_url": "b"}})
    ['auth.auth_url: a -> b', 'auth.password: goes', 'verify: goes']
    """
    before, after = dict(_leaves(old)), dict(_leaves(new))
    lines = []
    for path in dict.fromkeys([*before, *after]):
        if path not in after:
            lines.append(f"{path}: goes")
        elif path not in before:
            lines.append(f"{path}: {_shown(path, after[path])} is new")
        elif before[path] != after[path]:
            change = f"{before[path]} -> {after[path]}"
            lines.append(f"{path}: " + ("another one" if _secret(path) else change))
    return lines


def _shown(path: str, value: object) -> str:
    return "a value" if _secret(path) else str(value)


def _secret(path: str) -> bool:
    return "password" in path or "secret" in path or "token" in path


def _leaves(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, below in value.items():
        if isinstance(below, Mapping):
            yield from _leaves(below, f"{path}{key}.")
        else:
            yield f"{path}{key}", below


def _clouds(text: str, source: str) -> dict[str, Any]:
    hint = {"hint": "mend the file, or name another"}
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else "it"
        raise KollaError(f"{source} is not YAML", {"saw": f"{where} does not parse", **hint}) from None
    clouds = data.get("clouds") if isinstance(data, dict) else data
    if clouds is None:
        return {}
    if not isinstance(data, dict) or not isinstance(clouds, dict):
        raise KollaError(f"{source} is no clouds.yaml", {"wanted": "a mapping `clouds`", **hint})
    return clouds


def _edited(text: str, name: str, entry: Mapping[str, Any]) -> str | None:
    """The text, edited in place; None if its form does not allow that."""
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    clouds = _value(root, "clouds")
    if root is None or (clouds is None and not root.flow_style):
        return _ended(text) + _dump({"clouds": {name: dict(entry)}})
    if not isinstance(clouds, yaml.MappingNode) or clouds.flow_style or not clouds.value:
        return None
    indent = clouds.value[0][0].start_mark.column
    block = textwrap.indent(_dump({name: dict(entry)}), " " * indent)
    for key, value in clouds.value:
        if key.value == name:
            start = text.rfind("\n", 0, key.start_mark.index) + 1
            return text[:start] + block + text[_line_end(text, value) :]
    end = _line_end(text, clouds)
    return _ended(text[:end]) + block + text[end:]


def _value(root: Any, key: str) -> Any:
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def _line_end(text: str, node: Any) -> int:
    """Where the line after the node's last one begins. A block's own end lies behind the comments after it."""
    while not isinstance(node, yaml.ScalarNode) and node.value and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    end = node.end_mark.index
    if end and text[end - 1] == "\n":
        return int(end)
    found = text.find("\n", end)
    return len(text) if found < 0 else found + 1


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _same(text: str, wanted: object) -> bool:
    try:
        return bool(yaml.safe_load(text) == wanted)
    except yaml.YAMLError:
        return False


def _dump(data: object) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
