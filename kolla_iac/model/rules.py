"""Rules over several fields of an environment. Each yields problems; none of them raises."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kolla_iac.errors import Problem
from kolla_iac.model.options import look
from kolla_iac.model.overrides import EVERY_FILE, Overrides
from kolla_iac.model.problems import Location, choose, got, path
from kolla_iac.model.service import services

if TYPE_CHECKING:
    from kolla_iac.model.environment import Environment


@dataclass(frozen=True)
class Written:
    """An environment, and what of it was left out because it was wrong in itself."""

    env: Environment
    broken: frozenset[Location] = frozenset()
    at: dict[str, list[int]] = field(default_factory=dict)
    """For lists of which items were left out: where those that are left stood."""

    def whole(self, *prefix: str) -> bool:
        """Whether nothing at or below a location was left out."""
        return not any(one[: len(prefix)] == prefix or prefix[: len(one)] == one for one in self.broken)

    def index(self, key: str, index: int) -> int:
        """Where an item stood when it was written."""
        where = self.at.get(key, [])
        return where[index] if index < len(where) else index


Rule = Callable[[Written], Iterator[Problem]]


def check(
    env: Environment, broken: Iterable[Location] = (), at: dict[str, list[int]] | None = None
) -> list[Problem]:
    """Every problem that the rules find.

    Args:
        broken: locations that were left out, so that no rule takes a default for what was written.
        at: original indices of the lists' items, where some were left out.
    """
    written = Written(env, frozenset(broken), at or {})
    return [problem for rule in RULES for problem in rule(written)]


def _host_twice(written: Written) -> Iterator[Problem]:
    names: dict[str, int] = {}
    daemons: dict[str, int] = {}
    for position, host in enumerate(written.env.hosts):
        index = written.index("hosts", position)
        if host.name in names:
            reason = f"there is a host of this name already at hosts[{names[host.name]}] (got {host.name!r})"
            yield Problem(f"hosts[{index}].name", reason)
        if host.docker in daemons:
            reason = f"is the Docker daemon of hosts[{daemons[host.docker]}] already (got {host.docker!r})"
            yield Problem(f"hosts[{index}].docker", reason, "ssh://user@host reaches another machine's")
        names.setdefault(host.name, index)
        daemons.setdefault(host.docker, index)


def _roles(written: Written) -> Iterator[Problem]:
    known = sorted({service.role for service in services().values()})
    for position, host in enumerate(written.env.hosts):
        for number, role in enumerate(host.roles):
            if role not in known:
                where = f"hosts[{written.index('hosts', position)}].roles[{number}]"
                yield Problem(where, f"no service has this role (got {role!r})", choose(role, known))
    if not written.whole("hosts"):
        return
    present = {role for host in written.env.hosts for role in host.roles}
    for role in known:
        users = [name for name in written.env.enabled() if services()[name].role == role]
        if users and role not in present:
            yield Problem("hosts", f"no host has the role {role!r}, which {', '.join(users)} need")


def _needs(written: Written) -> Iterator[Problem]:
    on = written.env.enabled()
    for name in on:
        if not written.whole("services", name, "enabled"):
            continue
        for other in services()[name].needs:
            if other not in on and not services()[other].replaced(written.env):
                hint = f"turn {other} on, or {name} off too"
                yield Problem(f"services.{other}.enabled", f"is false, but {name} needs {other}", hint)


def _room(written: Written) -> Iterator[Problem]:
    for name in written.env.enabled():
        service = services()[name]
        able = [host for host in written.env.hosts if service.role in host.roles]
        wanted = written.env.service(name).replicas
        if not service.share_host and able and wanted > len(able) and written.whole("hosts"):
            reason = f"must be at most {len(able)} (got {wanted}): no two may stand on one host"
            yield Problem(f"services.{name}.replicas", reason, f"add a host with the role {service.role!r}")


def _endpoints(written: Written) -> Iterator[Problem]:
    published = [name for name, service in services().items() if service.port is not None]
    seen: dict[str, int] = {}
    for position, endpoint in enumerate(written.env.endpoints):
        index = written.index("endpoints", position)
        where = f"endpoints[{index}].name"
        if endpoint.name not in services():
            reason = f"there is no such service (got {endpoint.name!r})"
            yield Problem(where, reason, choose(endpoint.name, published))
        elif endpoint.name not in published:
            reason = f"{endpoint.name} has no public endpoint"
            yield Problem(where, reason, f"published: {', '.join(published)}")
        elif endpoint.name in seen:
            yield Problem(where, f"{endpoint.name} is at endpoints[{seen[endpoint.name]}] already")
        seen.setdefault(endpoint.name, index)


def _clashes(written: Written) -> Iterator[Problem]:
    """Two endpoints, written or default ones, on one address and port."""
    places: dict[tuple[str, int], str] = {}
    lists = written.env.endpoints
    at = {one.name: position for position, one in reversed(list(enumerate(lists)))}
    balancer = next(
        (host.address for host in written.env.hosts if services()["loadbalancer"].role in host.roles), ""
    )
    for position, one in enumerate(lists):
        service = services().get(one.name)
        port = one.port or (service.port if service else None)
        if port is None or at[one.name] != position:
            continue
        key = (one.address or balancer, port)
        if key in places:
            where = f"endpoints[{written.index('endpoints', position)}].port"
            yield Problem(where, f"{places[key]} is on {key[0]}:{port} already")
        places.setdefault(key, one.name)
    for name in written.env.enabled():
        default = services()[name].port
        if default is None or name in at or not written.whole("endpoints"):
            continue
        key = (balancer, default)
        if key in places:
            hint = f"give one of them another port: endpoints: [{{name: {name}, port: ...}}]"
            yield Problem("endpoints", f"{places[key]} and {name} are both on {key[0]}:{default}", hint)
        places.setdefault(key, name)


def _network(written: Written) -> Iterator[Problem]:
    hosts = len(written.env.hosts)
    if written.env.network.driver == "bridge" and hosts > 1:
        reason = f"a bridge does not reach beyond one host (there are {hosts})"
        yield Problem("network.driver", reason, "driver: auto or overlay")


def _images(written: Written) -> Iterator[Problem]:
    images = written.env.images
    if images.source == "registry" and images.registry is None and written.whole("images", "registry"):
        yield Problem("images.registry", "is required by the source 'registry'", "registry: registry.example")
    known = sorted({service.image for service in services().values()})
    for image in images.digests:
        if image not in known:
            where = path(("images", "digests", image))
            yield Problem(where, "there is no such image", choose(image, known))
    for name in services():
        reference = written.env.service(name).image
        if reference is not None and not _REFERENCE.fullmatch(reference):
            reason = f"must be an image reference (got {got(reference)})"
            yield Problem(f"services.{name}.image", reason, "registry.example/path/name:tag")


def _database(written: Written) -> Iterator[Problem]:
    if not written.whole("services", "database"):
        return
    database = written.env.database
    for name, server in (("external", database.external), ("source", database.source)):
        if server and server.tls and server.tls.verify != "none" and server.tls.ca is None:
            hint = "the authority's certificate in PEM; or verify: none, which trusts whoever answers"
            reason = f"is required by verify: {server.tls.verify}"
            yield Problem(f"services.database.{name}.tls.ca", reason, hint)
    if database.source and not database.move:
        hint = "move: true; or take the source out, when the data are here"
        yield Problem("services.database.source", "says whence data come, and nothing moves", hint)
    if database.moves_from == database.address:
        hint = "external: the server to which the data go; or source: the one from which they come"
        yield Problem("services.database.move", f"the data are on {database.address}, and stay there", hint)


def _backup_target(written: Written) -> Iterator[Problem]:
    given = written.env.backup.target.given
    if len(given) > 1:
        reason = f"must be one of directory, volume, sftp and restic (got {' and '.join(given)})"
        yield Problem("backup.target", reason, "target: {directory: /srv/backups}")


def _backup_schedule(written: Written) -> Iterator[Problem]:
    backup = written.env.backup
    if backup.schedule is None:
        return
    if not backup.target.given and written.whole("backup", "target"):
        hint = "target: {directory: /srv/backups}"
        yield Problem("backup.schedule", "needs a place for the backups, backup.target", hint)


def _overrides(written: Written) -> Iterator[Problem]:
    known = sorted({file for service in services().values() for file in service.files})
    env = written.env
    yield from _files(env.overrides, ("overrides",), known, "no service renders this file")
    for name, service in services().items():
        files = list(service.files)
        reason = f"{name} does not render this file" if files else f"{name} renders no file to override"
        yield from _files(env.service(name).overrides, ("services", name, "overrides"), files, reason)
    for position, host in enumerate(env.hosts):
        at = ("hosts", written.index("hosts", position), "overrides")
        yield from _files(host.overrides, at, known, "no service renders this file")


def _removed_options(written: Written) -> Iterator[Problem]:
    if written.whole("release"):
        yield from (problem for problem, fate in look(written.env, written.at) if fate.removed)


def _files(overrides: Overrides, at: Location, files: list[str], reason: str) -> Iterator[Problem]:
    for file, sections in overrides.items():
        if file != EVERY_FILE and file not in files:
            yield Problem(path((*at, file)), reason, choose(file, files) if files else "")
        for section, options in sections.items():
            here = (*at, file, section)
            if not section or not section.isprintable() or set(section) & set("[]"):
                yield Problem(path(here), "is no name of an INI section", "without brackets: DEFAULT")
            for option, value in options.items():
                if not option or not option.isprintable() or set(option) & set("=:[]#;"):
                    yield Problem(path((*here, option)), "is no name of an INI option")
                if not _writable(value):
                    words = f"must be text, a number, true, false, null or a list of these (got {got(value)})"
                    yield Problem(path((*here, option)), words)


def _writable(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(isinstance(item, str | int | float) for item in value)
    return value is None or isinstance(value, str | int | float)


_REFERENCE = re.compile(
    r"([A-Za-z0-9.-]+(:[0-9]+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
    r"(@sha256:[0-9a-f]{64})?"
)
"""Source: the distribution project's grammar of references, without its rarer forms."""

RULES: tuple[Rule, ...] = (
    _host_twice,
    _roles,
    _needs,
    _room,
    _endpoints,
    _clashes,
    _network,
    _images,
    _database,
    _backup_target,
    _backup_schedule,
    _overrides,
    _removed_options,
)
