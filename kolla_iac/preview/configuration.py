"""What changes in rendered configuration, once for each distinct content; what looks like a secret is not shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kolla_iac.preview.read import Preview
from kolla_iac.preview.services import mapping

SECRET = re.compile(
    r"(^|[_-])(password|passwd|pass|secret|secret_key|token|passphrase|private_key|api_?key|access_key|credentials?)$",
    re.I,
)
"""Names of options whose values are secrets, whatever anybody says of them."""
ENCRYPTED = "secure"
"""Key below which a stack's settings hold what is encrypted."""
IN_URL = re.compile(r"(?<=://)([^/\s:@]*):([^@\s]+)@")
MASKED = "[not shown]"


@dataclass(frozen=True)
class OptionChange:
    """An option that changes; None where it is not set."""

    section: str
    option: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class FileChange:
    """A rendered file that changes."""

    service: str
    file: str
    where: str
    """``same on 2 replicas``, or the host."""
    options: tuple[OptionChange, ...]


def changes(preview: Preview) -> tuple[tuple[FileChange, ...], tuple[str, ...]]:
    """Files that change, and the names of options whose values were masked."""
    found: list[FileChange] = []
    masked: dict[str, None] = {}
    for item in preview.items:
        old, new = item.inputs("old"), item.inputs("new")
        if "topology" not in new or not old:
            continue
        replicas = len(new.get("topology") or ())
        places = [
            ("configuration", "", old.get("configuration"), new.get("configuration")),
            ("live", "", old.get("live"), new.get("live")),
        ]
        hosts = sorted({*mapping(old.get("on_host")), *mapping(new.get("on_host"))})
        places += [
            ("on_host", host, mapping(old.get("on_host")).get(host), mapping(new.get("on_host")).get(host))
            for host in hosts
        ]
        for kind, host, was, now in places:
            where = (
                f"on {host}"
                if host
                else (
                    "reloaded in place"
                    if kind == "live"
                    else f"same on {replicas} replicas"
                    if replicas > 1
                    else ""
                )
            )
            for file, options in _files(mapping(was), mapping(now)):
                clean = tuple(_shown(one, f"{item.name}: {file}", masked) for one in options)
                found.append(FileChange(item.name, file, where, clean))
    return tuple(found), tuple(masked)


def _files(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, list[OptionChange]]]:
    for file in sorted({*old, *new}):
        was, now = mapping(old.get(file)), mapping(new.get(file))
        options = []
        for section in sorted({*was, *now}):
            before, after = mapping(was.get(section)), mapping(now.get(section))
            for option in sorted({*before, *after}):
                values = tuple(
                    None if one is None else str(one) for one in (before.get(option), after.get(option))
                )
                if values[0] != values[1]:
                    options.append(OptionChange(section, option, values[0], values[1]))
        if options:
            yield file, options


def _shown(one: OptionChange, where: str, masked: dict[str, None]) -> OptionChange:
    clean = shown(one)
    if clean != one:
        masked[f"{where} [{one.section}] {one.option}"] = None
    return clean


def shown(one: OptionChange) -> OptionChange:
    """The option without what looks like a secret."""
    old, new = (_value(one.option, value) for value in (one.old, one.new))
    return OptionChange(one.section, one.option, old, new)


def _value(option: str, value: str | None) -> str | None:
    """
    >>> _value("admin_password", "x"), _value("connection", "mysql://a:b@c/d"), _value("expiration", "7")
    ('[not shown]', 'mysql://a:[not shown]@c/d', '7')
    >>> _value("connection", "mysql://a:<a_password>@c/d")
    'mysql://a:<a_password>@c/d'
    """
    if value is None or value == "[secret]":
        return value
    if (SECRET.search(option) or option == ENCRYPTED) and not _placeholder(value):
        return MASKED
    return IN_URL.sub(lambda it: it[0] if _placeholder(it[2]) else f"{it[1]}:{MASKED}@", value)


def _placeholder(value: str) -> bool:
    return bool(re.fullmatch(r"<[^<>]*>|", value))
