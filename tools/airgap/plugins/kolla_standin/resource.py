"""What a stand-in resource type is: four operations on Docker or a process, and its rules."""

import secrets
from dataclasses import dataclass, field
from typing import Any, Protocol

from .diffing import Rules
from .values import UNKNOWN, Properties


class ResourceError(Exception):
    """An operation failed; the text is shown to the user as the official plugin would."""


@dataclass(frozen=True)
class Failure:
    """An input that is refused before anything runs."""

    key: str
    reason: str


@dataclass(frozen=True)
class Created:
    """A new resource: its id and its outputs."""

    id: str
    outputs: Properties


@dataclass(frozen=True)
class Found:
    """What reading a resource found. An empty id: it is gone."""

    id: str = ""
    outputs: Properties = field(default_factory=dict)
    inputs: Properties = field(default_factory=dict)


class Resource(Protocol):
    """One resource type, e.g. ``docker:index/container:Container``.

    Operations get and return plain dicts of the official (camelCase) properties and raise ResourceError
    with what the user is to read. They may be called from several threads at once.
    """

    @property
    def rules(self) -> Rules: ...

    def check(self, name: str, old: Properties, new: Properties) -> tuple[Properties, list[Failure]]:
        """Inputs with defaults filled in, and what is wrong with them. May hold unknown values."""

    def create(self, urn: str, inputs: Properties) -> Created: ...

    def update(self, urn: str, id_: str, old: Properties, inputs: Properties) -> Properties:
        """Outputs after the change. ``old`` are the outputs before it."""

    def read(self, id_: str, outputs: Properties, inputs: Properties) -> Found: ...

    def delete(self, urn: str, id_: str, outputs: Properties) -> None: ...


def autonamed(logical: str, old: Properties, new: Properties) -> Any:
    """``new``'s name, else the one it had already, else ``<logical>-<7 hex digits>``."""
    given = new.get("name")
    if given:
        return given
    before = old.get("name")
    if isinstance(before, str) and before != UNKNOWN and before.startswith(f"{logical}-"):
        return before
    return f"{logical}-{secrets.token_hex(4)[:7]}"


def unsupported(new: Properties, supported: frozenset[str], type_name: str) -> list[Failure]:
    """A failure for each input that the official plugin has and the stand-in has not."""
    return [
        Failure(key, f"the stand-in plugin does not support {type_name}.{key}; install the official plugin")
        for key in sorted(new)
        if key not in supported and not key.startswith("__")
    ]
