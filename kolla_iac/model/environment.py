"""An environment: everything that an operator may set, in one model. ``release`` alone is enough.

``load_environment`` reads what was written and names every problem at once; Python users build
``Environment`` directly, where fields fail with pydantic's error and rules over several fields with
``SettingsError``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar, overload

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    create_model,
    model_validator,
)

from kolla_iac.errors import KollaError, Problem, SettingsError
from kolla_iac.model import options, plain, problems, rules
from kolla_iac.model import overrides as layering
from kolla_iac.model.backup import BackupSettings
from kolla_iac.model.base import Strict
from kolla_iac.model.database import DatabaseSettings
from kolla_iac.model.hosts import Endpoint, EndpointSettings, Host, NetworkSettings
from kolla_iac.model.images import ImagesSettings
from kolla_iac.model.releases import RELEASES, unknown
from kolla_iac.model.service import ServiceSettings, services
from kolla_iac.model.upgrade import UpgradeSettings

Kind = TypeVar("Kind", bound=ServiceSettings)


def _known(release: str) -> str:
    if reason := unknown(release):
        raise ValueError(reason)
    return release


Series = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": list(RELEASES)})]

if TYPE_CHECKING:
    Services = Strict
else:
    Services = create_model(
        "Services",
        __base__=Strict,
        __doc__="Settings of each service.",
        **{
            name: (service.settings, Field(default=service.settings(), description=service.title))
            for name, service in services().items()
        },
        database=(DatabaseSettings, Field(default=DatabaseSettings(), description="Database server")),
    )


class Environment(Strict):
    """A cloud, as its operator describes it."""

    model_config = ConfigDict(title="Environment")

    release: Series
    """OpenStack series, in quotes: "2025.2"."""
    region: str = Field(default="RegionOne", min_length=1, max_length=255)
    """Keystone's name of the region."""
    hosts: tuple[Host, ...] = Field(default=(Host(name="local"),), min_length=1)
    """Machines with Docker; by default this one."""
    network: NetworkSettings = NetworkSettings()
    endpoints: tuple[EndpointSettings, ...] = ()
    """Public addresses that are not the default ones."""
    services: Services = Services()
    overrides: dict[str, dict[str, dict[str, Any]]] = Field(default={})
    """For all services: file (or ``*``: every .conf file) -> INI section -> option -> value.

    A list is a multi-valued option, null deletes the option. Order: all services < service < host.
    """
    images: ImagesSettings = ImagesSettings()
    backup: BackupSettings = BackupSettings()
    """Of the schemas, before a new release migrates them."""
    upgrade: UpgradeSettings = UpgradeSettings()
    """How far an upgrade goes by itself."""

    @model_validator(mode="after")
    def _rules(self, info: ValidationInfo) -> Self:
        if info.context is None and (found := rules.check(self)):
            raise SettingsError("environment", found)
        return self

    @overload
    def service(self, name: str) -> ServiceSettings: ...
    @overload
    def service(self, name: str, kind: type[Kind]) -> Kind: ...
    def service(self, name: str, kind: type[ServiceSettings] = ServiceSettings) -> ServiceSettings:
        """Settings of a service.

        Args:
            kind: the service's own settings class, for readers and type checkers alike.

        Raises:
            KollaError: no such service.
            TypeError: the settings are of another class.
        """
        if name not in services():
            raise KollaError(f"no service {name!r}", {"hint": problems.choose(name, list(services()))})
        settings = getattr(self.services, name)
        if not isinstance(settings, kind):
            raise TypeError(f"settings of {name} are {type(settings).__name__}, not {kind.__name__}")
        return settings

    @property
    def database(self) -> DatabaseSettings:
        """Which database server there is."""
        found: DatabaseSettings = getattr(self.services, "database")  # noqa: B009 - the fields are made at run time
        return found

    def enabled(self) -> list[str]:
        """Names of the services that are on, in alphabetical order."""
        return [
            name
            for name, service in services().items()
            if self.service(name).enabled and not service.replaced(self)
        ]

    def host(self, name: str) -> Host:
        """A host by name.

        Raises:
            KollaError: no such host.
        """
        for host in self.hosts:
            if host.name == name:
                return host
        raise KollaError(f"no host {name!r}", {"known": ", ".join(host.name for host in self.hosts)})

    def place(self, name: str) -> tuple[Host, ...]:
        """The hosts of a service's replicas 1 to n: in turn over those with its role, in the order written.

        Raises:
            KollaError: no such service, or no host has its role.
        """
        wanted = self.service(name).replicas
        role = services()[name].role
        able = [host for host in self.hosts if role in host.roles]
        if not able:
            raise KollaError(f"no host for {name}", {"wanted": f"a host with the role {role!r}"})
        return tuple(able[index % len(able)] for index in range(wanted))

    def endpoint(self, name: str) -> Endpoint:
        """Where clients reach a service: what was written, else the load balancer's host and the usual port.

        Raises:
            KollaError: no such service, or it is not published.
        """
        self.service(name)
        port = services()[name].port
        if port is None:
            raise KollaError(f"{name} is not published", {"wanted": "a service with a public endpoint"})
        written = next((one for one in self.endpoints if one.name == name), EndpointSettings(name=name))
        return Endpoint(name, written.address or self.place("loadbalancer")[0].address, written.port or port)

    def endpoints_of_enabled(self) -> tuple[Endpoint, ...]:
        """Every public endpoint of the services that are on."""
        return tuple(self.endpoint(name) for name in self.enabled() if services()[name].port is not None)

    def network_driver(self) -> str:
        """``bridge`` or ``overlay``."""
        if self.network.driver != "auto":
            return self.network.driver
        return "bridge" if len(self.hosts) == 1 else "overlay"

    def overrides_for(self, service: str, host: str | Host, file: str) -> layering.Sections:
        """What goes over a service's rendered file on a host: section -> option -> value.

        All services (``*``, then the file), then the service, then the host, each over the ones before. None
        stands for an option that is to be deleted.

        Raises:
            KollaError: no such service or host.
        """
        on = host if isinstance(host, Host) else self.host(host)
        sets = (self.overrides, self.service(service).overrides, on.overrides)
        return layering.merge(part for one in sets for part in layering.layers(one, file))


@dataclass(frozen=True)
class Examined:
    """What was written, and all that is wrong with it."""

    environment: Environment | None
    """The environment with every wrong value left out; None where not even that can be made."""
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()
    """What works, and had better be changed."""


def examine(data: object) -> Examined:
    """Read plain data (mappings, lists, scalars) as an environment, and find every problem.

    Rules over several fields run on what is valid, and only where a value left out cannot mislead them.
    """
    cleaned, found = plain.clean(data)
    if not isinstance(cleaned, dict):
        words = f"must be a mapping (got {problems.got(data)})"
        return Examined(None, (Problem("environment", words, 'the least is: release: "2025.2"'),))
    broken: set[problems.Location] = {("release",)} if cleaned.get("release") is plain.HOLE else set()
    for _ in range(plain.DEEPEST):
        if ("release",) in broken:
            cleaned["release"] = next(iter(RELEASES))
        try:
            env = _validate(cleaned)
        except ValidationError as error:
            details = error.errors(include_url=False)
            for detail in details:
                detail["loc"] = plain.as_written(cleaned, detail["loc"])
            told = frozenset(broken)  # one that is required is missing now that it was left out
            broken |= {detail["loc"] for detail in details}
            fresh = [
                detail
                for detail in details
                if detail["loc"] not in told and not _follows(detail["loc"], broken)
            ]
            found += [problems.translate(detail, Environment) for detail in fresh]
            for detail in details:
                plain.leave_out(cleaned, detail["loc"], unknown=detail["type"] == "extra_forbidden")
        else:
            at = {key: plain.indices(cleaned, key) for key in ("hosts", "endpoints")}
            wrong = tuple(dict.fromkeys([*found, *rules.check(env, broken, at)]))
            return Examined(env, wrong, () if ("release",) in broken else tuple(options.warnings(env, at)))
    return Examined(None, tuple(dict.fromkeys(found)))


def load_environment(data: object, source: str) -> Environment:
    """Plain data as an environment.

    Args:
        data: a mapping as YAML or JSON gives it, e.g. ``{"release": "2025.2"}``.
        source: where it comes from, for the error's headline.

    Raises:
        SettingsError: every problem, of fields and of rules over several, at once.
    """
    examined = examine(data)
    if examined.problems or examined.environment is None:
        raise SettingsError(source, examined.problems)
    return examined.environment


def _follows(location: problems.Location, broken: Iterable[problems.Location]) -> bool:
    """Whether something inside was left out, so that what is wrong now was not wrong as written."""
    return any(len(one) > len(location) and one[: len(location)] == location for one in broken)


def _validate(data: dict[str, Any]) -> Environment:
    """Strictly: no text for a number, no number for text. By way of JSON, which has no tuples."""
    text = json.dumps(plain.without_holes(data))
    return Environment.model_validate_json(text, strict=True, context={"rules": "later"})
