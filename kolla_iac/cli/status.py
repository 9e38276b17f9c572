"""`kolla-iac status`: what of an environment stands and serves."""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kolla_iac.cli.terminal import ago, coloured, columns, paint
from kolla_iac.errors import KollaError

if TYPE_CHECKING:
    from types import ModuleType

    from kolla_iac.model.environment import Environment
    from kolla_iac.runtime.status import ContainerSeen, ServiceSeen, Status, Wanted

EVERY_SECONDS = 2.0
_HOME, _TO_LINE_END, _TO_SCREEN_END = "\x1b[H", "\x1b[K", "\x1b[J"


class CannotTell(KollaError):
    """Nothing can be said of the environment."""

    exit_code = 2


def status(
    environment: Annotated[str, typer.Argument(metavar="ENV", help="Name of the environment.")],
    as_json: Annotated[bool, typer.Option("--json", help="For programs; times in UTC.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look every 2 s until Ctrl-C; into a pipe, print what changed.")
    ] = False,
) -> None:
    """Say what serves: per service release, image, replicas wanted and serving, health, load balancer, since when.

    Exit code 0: whole; 1: degraded; 2: not reachable, which is a host that does not answer, or a cloud that is not up.
    """
    look = looking(environment)
    if watch:
        try:
            keep_watching(look, as_json=as_json)
        except KeyboardInterrupt:
            sys.exit(130)
    seen = look()
    print(json.dumps(data(seen), indent=2) if as_json else text(seen, colours=coloured()))
    sys.exit(seen.exit_code)


def looking(environment: str) -> Callable[[], Status]:
    """A function that looks once, each time anew.

    Raises:
        CannotTell: no such environment, or its settings are wrong.
    """
    from kolla_iac.cli.project import settings_of
    from kolla_iac.runtime.status import read

    try:
        settings = settings_of(environment)
    except KollaError as error:
        raise CannotTell(str(error)) from None
    endpoints = {host.name: host.docker for host in settings.hosts}
    asked = wanted(settings)
    return lambda: read(environment, settings.release, asked, endpoints)


def wanted(settings: Environment) -> list[Wanted]:
    """What the settings ask for, service by service; those behind the load balancer first."""
    from kolla_iac.model.service import services
    from kolla_iac.runtime.status import Wanted

    asked = [
        Wanted(
            name,
            settings.release,
            settings.service(name).replicas,
            balanced=services()[name].port is not None,
            ask=getattr(_own(name), "ask", None),
        )
        for name in settings.enabled()
    ]
    return sorted(asked, key=lambda one: (not one.balanced, one.service))


def _own(service: str) -> ModuleType | None:
    """The ``status.py`` of a service that has more to say: ``ask`` its container, and what it answers as a ``line``."""
    from kolla_iac.model.service import COMPONENTS

    if not (COMPONENTS / service / "status.py").is_file():
        return None
    return importlib.import_module(f"kolla_iac.components.{service}.status")


def keep_watching(look: Callable[[], Status], *, as_json: bool) -> None:
    """In place on a terminal; elsewhere one more print, under its time, whenever something but ages changed."""
    repaint = sys.stdout.isatty() and not as_json
    last: Any = None
    while True:
        seen = look()
        now = essence(seen)
        if repaint:
            sys.stdout.write(
                painted_over(f"{text(seen, colours=coloured())}\n\n{_clock(seen)}, Ctrl-C ends\n")
            )
        elif now != last:
            print(json.dumps(data(seen)) if as_json else f"{_clock(seen)}\n{text(seen, colours=False)}\n")
        sys.stdout.flush()
        last = now
        time.sleep(EVERY_SECONDS)


def painted_over(screen: str) -> str:
    """The text as it takes the place of what stands on the terminal, which is never empty in between.

    >>> painted_over("a\\nb\\n")
    '\\x1b[Ha\\x1b[K\\nb\\x1b[K\\n\\x1b[J'
    """
    return _HOME + screen.replace("\n", f"{_TO_LINE_END}\n") + _TO_SCREEN_END


def _clock(seen: Status) -> str:
    return seen.at.astimezone().strftime("%H:%M:%S")


def text(seen: Status, *, colours: bool) -> str:
    """For people: a headline, a line per service, and what explains a service that is not whole."""
    headline, colour = {
        "whole": ("whole", "green"),
        "degraded": ("degraded", "yellow"),
        "absent": ("not up: none of its containers stands on its hosts", "red"),
        "unreachable": ("not reachable: what stands on a host that does not answer is unknown", "red"),
    }[seen.word]
    lines = [f"{paint(seen.environment, 'bold', wanted=colours)}  {paint(headline, colour, wanted=colours)}"]
    for host in seen.hosts:
        if host.problem:
            lines += ["", f"  host {host.name} ({host.endpoint}): {host.problem}"]
            lines += [f"    hint: {host.hint}"] if host.hint else []
    if seen.word == "absent":
        return "\n".join([*lines, "", f"  next  kolla-iac up {seen.environment}"])
    lines += ["", *_table(seen)]
    for index, service in enumerate(seen.services):
        if not service.whole and colours:
            row = len(lines) - len(seen.services) + index
            lines[row] = paint(lines[row], "yellow", wanted=True)
    lines += ["", *told] if (told := [line for one in seen.services for line in _told(one, seen)]) else []
    details = [line for service in seen.services for line in _details(service, seen)]
    lines += ["", *details] if details else []
    lines += [f"  {trouble}" for trouble in seen.troubles]
    if seen.word == "degraded":
        ailing = [one.wanted.service for one in seen.services if not one.whole]
        logs = " ".join(["kolla-iac logs", seen.environment, *ailing])
        lines += ["", f"  next  {logs}", f"        {_mend(seen)}"]
    return "\n".join(lines)


def _told(service: ServiceSeen, seen: Status) -> list[str]:
    own = _own(service.wanted.service)
    if own is None or not any(one.state.status == "running" for one in service.containers):
        return []
    said = own.line(service.told, seen.at) if service.told else "has not said yet what came of it"
    return [f"  {service.wanted.service}: {said}"]


def _mend(seen: Status) -> str:
    return f"pulumi up --refresh --stack {seen.environment}, which repairs what is missing or stopped"


_HEAD = ("service", "release", "image", "serving", "health", "load balancer", "since")


def _table(seen: Status) -> list[str]:
    rows = [_HEAD]
    for one in seen.services:
        releases = sorted({each.release for each in one.containers if each.release})
        images = sorted({each.image for each in one.containers})
        since = ago(one.since, seen.at)
        rows.append(
            (
                one.wanted.service,
                ", ".join(releases) or "-",
                ", ".join(images) or "-",
                f"{one.serving} of {one.wanted.replicas}",
                _counted(one.health),
                _counted(one.balancing) if one.wanted.balanced else "-",
                f"{since} ago" if since else "-",
            )
        )
    return columns(rows)


def _counted(words: Mapping[str, int]) -> str:
    """``{"healthy": 2}`` as ``2 healthy``.

    >>> _counted({"UP": 1, "DOWN": 1}), _counted({})
    ('1 DOWN, 1 UP', 'none')
    """
    return ", ".join(f"{number} {word}" for word, number in sorted(words.items())) or "none"


def _details(service: ServiceSeen, seen: Status) -> list[str]:
    name = service.wanted.service
    wrong = [one for one in service.containers if one.ailing or not one.serving]
    lines = [
        f"  {name}-{number}: no container" + (" on a host that answers" if seen.exit_code == 2 else "")
        for number in service.missing
    ]
    lines += [
        f"  {name}-{one.replica}: {_explained(one, service, seen)}"
        for one in wrong
        if one not in service.beside
    ]
    lines += [f"  {name}-{one.replica}: {_explained(one, service, seen)}" for one in service.beside]
    old = {one.release for one in service.containers if one.release} - {service.wanted.release}
    lines += [
        f"  {name}: {', '.join(sorted(old))} stands, the settings say {service.wanted.release}" for _ in old
    ][:1]
    return lines


def _explained(one: ContainerSeen, service: ServiceSeen, seen: Status) -> str:
    where = f"{one.name} on {one.host}"
    if one in service.beside:
        where += " stands beside it" if one.replica <= service.wanted.replicas else " is not wanted"
    facts = [where, str(one.state)]
    if service.wanted.balanced:
        facts += [
            f"{slot.balancer} says {slot.state}" + (f" (check {slot.check})" if slot.check else "")
            for slot in one.slots
        ] or ["in no load balancer" if _asked(seen) else "no load balancer runs"]
    since = ago(one.since, seen.at)
    return ", ".join(facts) + (f", for {since}" if since else "")


def _asked(seen: Status) -> bool:
    """Whether a load balancer runs; where none does, nobody can say what stands in it."""
    from kolla_iac.runtime.status import BALANCER

    balancers = [
        one for service in seen.services if service.wanted.service == BALANCER for one in service.containers
    ]
    return any(one.state.status == "running" for one in balancers)


def essence(seen: Status) -> Any:
    """What ``--watch`` compares: everything but the time of looking and what grows by itself."""
    found = data(seen)
    del found["at"]
    for service in found["services"]:
        del service["since"]
        for one in service["containers"]:
            del one["since"]
            for slot in one["load_balancer"]:
                del slot["sessions"]
    return found


def data(seen: Status) -> dict[str, Any]:
    """For programs: what JSON can hold, times in UTC as ISO 8601."""
    return {
        "environment": seen.environment,
        "state": seen.word,
        "release": seen.release,
        "at": seen.at.isoformat(timespec="seconds"),
        "hosts": [
            {"name": one.name, "endpoint": one.endpoint, "reachable": not one.problem, "problem": one.problem}
            for one in seen.hosts
        ],
        "troubles": list(seen.troubles),
        "services": [_service_data(one) for one in seen.services],
    }


def _service_data(service: ServiceSeen) -> dict[str, Any]:
    return {
        "service": service.wanted.service,
        "whole": service.whole,
        "wanted": service.wanted.replicas,
        "serving": service.serving,
        "missing": list(service.missing),
        "since": _iso(service.since),
        **({"told": dict(service.told)} if service.told else {}),
        "containers": [
            {
                "name": one.name,
                "host": one.host,
                "replica": one.replica,
                "release": one.release or None,
                "image": one.image,
                "status": one.state.status,
                "health": one.state.health or None,
                "restarts": one.state.restarts,
                "exit_code": one.state.exit_code,
                "out_of_memory": one.state.out_of_memory,
                "serving": one.serving,
                "since": _iso(one.since),
                "load_balancer": [
                    {
                        "name": slot.balancer,
                        "slot": f"{slot.backend}/{slot.slot}",
                        "state": slot.state,
                        "check": slot.check or None,
                        "sessions": slot.sessions,
                    }
                    for slot in one.slots
                ],
            }
            for one in service.containers
        ],
    }


def _iso(moment: Any) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
