"""What a service slice declares about itself, and how slices are found.

Each folder of ``kolla_iac/components`` with a ``settings.py`` that has a module-level ``SERVICE`` is a
service; nothing else lists service names.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from kolla_iac.model.base import Strict


class Limits(Strict):
    """Bounds that the kernel enforces on one container."""

    memory: int | None = Field(default=None, ge=64)
    """MiB; None: no bound."""
    cpus: float | None = Field(default=None, gt=0)
    """Cores; None: no bound."""


class HealthCheck(Strict):
    """Docker's health check of one container."""

    interval: int = Field(default=30, ge=1)
    """Seconds."""
    timeout: int = Field(default=30, ge=1)
    """Seconds."""
    retries: int = Field(default=3, ge=1)
    start_period: int = Field(default=5, ge=0)
    """Seconds during which failures do not count."""


class ServiceSettings(Strict):
    """What every service lets a user write under ``services.<name>``."""

    enabled: bool = True
    replicas: int = Field(default=1, ge=1)
    workers: int | None = Field(default=None, ge=1)
    """Processes per replica; None: the service's own default."""
    image: str | None = None
    """A full image reference instead of the environment's source."""
    limits: Limits = Limits()
    overrides: dict[str, dict[str, dict[str, Any]]] = Field(default={})
    """File -> INI section -> option -> value; a list is a multi-valued option, null deletes the option."""
    health_check: HealthCheck = HealthCheck()


@dataclass(frozen=True)
class Secret:
    """One secret that a service needs."""

    name: str
    """``keystone_database_password``; unique over all services."""
    purpose: str
    kind: Literal["password", "url_password", "fernet_keys", "private_key"] = "password"
    """``url_password``: stands in a URL that programs take apart again; letters, digits and ``-._~`` only.
    ``fernet_keys``: a JSON object, key index as text -> urlsafe base64 of 32 bytes; the highest index signs. An
    index is the time when the key was made, in seconds since 1970; smaller numbers come from elsewhere.
    ``private_key``: in PEM."""
    length: int = 40
    """Characters of a password."""
    keys_kept: Callable[[Any], int] = lambda _: 0
    """Of keys: the environment -> seconds for which a key that signs no more must still be read."""
    felt: str = ""
    """What clients feel when it is rotated; empty: nothing."""
    given: bool = False
    """Whether it is somebody else's, and told to us, so that no value can be made."""
    lasts: str = ""
    """Why it is never rotated; empty: it may be."""


@dataclass(frozen=True)
class Service:
    """What the rest of the house may know of a slice."""

    name: str
    title: str
    settings: type[ServiceSettings]
    image: str
    """Name of the image recipe: the folder ``components/<name>/image`` builds it."""
    needs: tuple[str, ...] = ()
    """Services that must be enabled for this one to work."""
    follows: tuple[str, ...] = ()
    """Services whose change comes before its own, although it needs nothing of them."""
    role: str = "control"
    """Hosts with this role carry its replicas."""
    files: tuple[str, ...] = ()
    """Configuration files that it renders, which overrides may therefore address."""
    secrets: tuple[Secret, ...] = ()
    port: int | None = None
    """Port of its API, in its containers and inside the network; None: not published."""
    check: str = "/healthcheck"
    """Path that answers 200 while a replica can do its work; the load balancer asks it."""
    share_host: bool = True
    """Whether two replicas may stand on one host."""
    volume: bool = False
    """Whether each replica has a volume of its own, which no update deletes."""
    shared: tuple[str, ...] = ()
    """What it keeps on its hosts, each on a volume: ``keys`` is on ``keystone-keys``."""
    replaced: Callable[[Any], bool] = lambda _: False
    """The environment -> whether something of the operator's own stands in its place: it is off, and missed by none."""


COMPONENTS = Path(__file__).resolve().parent.parent / "components"


@cache
def services() -> dict[str, Service]:
    """Every service slice by name, in alphabetical order. Imports their ``settings`` modules only."""
    found: dict[str, Service] = {}
    for settings in sorted(COMPONENTS.glob("*/settings.py")):
        module = importlib.import_module(f"kolla_iac.components.{settings.parent.name}.settings")
        service: Service | None = getattr(module, "SERVICE", None)
        if service is not None:
            found[service.name] = service
    return found
