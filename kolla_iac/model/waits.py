"""Waits as data: what must be seen before a stage goes on. ``kolla_iac.runtime.waits`` carries them out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from kolla_iac.model.base import Strict


class _Wait(Strict):
    what: str
    """For people: "a token issued and validated". Printed when the wait fails."""
    timeout: float = 60
    """Seconds until the wait fails."""
    interval: float = 0.25
    """Seconds between two tries."""
    hint: str = ""
    """What to look at when it fails."""


class HttpStep(Strict):
    """One request of an exchange; later steps may use what earlier ones captured as ``{name}``."""

    url: str
    """``{container}`` is the name of the container waited for."""
    method: str = "GET"
    headers: dict[str, str] = Field(default={})
    body: Any = None
    """Sent as JSON when not None."""
    expect: tuple[int, ...] = (200,)
    capture: dict[str, str] = Field(default={})
    """Name -> ``header:X-Subject-Token`` or ``json:token.user.id``."""
    timeout: float = 10
    """Seconds for this one request."""


class HttpWait(_Wait):
    """A sequence of requests that must all be answered as expected, asked from inside the network."""

    kind: Literal["http"] = "http"
    steps: tuple[HttpStep, ...]


class PortWait(_Wait):
    """A TCP port of the container accepts connections (asked inside the container)."""

    kind: Literal["port"] = "port"
    port: int


class LogWait(_Wait):
    """A line of the container's log matches a regular expression."""

    kind: Literal["log"] = "log"
    pattern: str


class HealthWait(_Wait):
    """Docker's own health check of the container says healthy."""

    kind: Literal["health"] = "health"
    what: str = "the container's health check says healthy"


class ExecWait(_Wait):
    """A command inside the container ends with the expected exit code."""

    kind: Literal["exec"] = "exec"
    command: tuple[str, ...]
    stdin: str = ""
    """Given to the command; the place for secrets, which must not be arguments."""
    expect: int = 0


class AllOf(_Wait):
    """Every one of several waits, one after the other, within one time-out."""

    kind: Literal["all"] = "all"
    waits: tuple[Wait, ...]


class AnyOf(_Wait):
    """Any one of several waits."""

    kind: Literal["any"] = "any"
    waits: tuple[Wait, ...]


Wait = Annotated[
    HttpWait | PortWait | LogWait | HealthWait | ExecWait | AllOf | AnyOf, Field(discriminator="kind")
]
AllOf.model_rebuild()
AnyOf.model_rebuild()
