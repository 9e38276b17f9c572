"""`kolla-iac logs`: all replicas and hosts in one stream."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Annotated

import typer

from kolla_iac.cli.terminal import coloured
from kolla_iac.errors import KollaError

if TYPE_CHECKING:
    from kolla_iac.runtime.logs import Line, Source

SINCE = "1h"
SINCE_FOLLOWED = "1m"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
"""Cyan, yellow, green, magenta, blue, and their bright kin; red is left to alarm."""


def logs(
    environment: Annotated[str, typer.Argument(metavar="ENV", help="Name of the environment.")],
    services: Annotated[list[str] | None, typer.Argument(metavar="[SERVICE]...", help="All without.")] = None,
    since: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help=f"Age (90s, 10m, 1h30m, 2d) or time in UTC (2026-05-04T03:00, 03:00). "
            f"Without: {SINCE}, with --follow {SINCE_FOLLOWED}.",
            show_default=False,
        ),
    ] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    grep: Annotated[
        str, typer.Option(metavar="REGEX", help="Only lines in which it is found.", show_default=False)
    ] = "",
    request_id: Annotated[
        str,
        typer.Option(
            metavar="ID",
            help="Only lines of one request: the answer's header X-Openstack-Request-Id.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Print container logs of all replicas and hosts, merged by time; times are UTC, as in the services' own lines.

    On a terminal each replica has its colour; into a pipe the text is plain. Passwords in URLs are masked.
    """
    from kolla_iac.cli.project import settings_of
    from kolla_iac.runtime.logs import Logs

    settings = settings_of(environment)
    chosen = known(services or [], settings.enabled())
    wanted = filters(grep, request_id)
    start = beginning(since or (SINCE_FOLLOWED if follow else SINCE), time.time())
    troubles: list[KollaError] = []

    def trouble(error: KollaError) -> None:
        troubles.append(error)
        print(error, file=sys.stderr, flush=True)

    endpoints = {host.name: host.docker for host in settings.hosts}
    source = Logs(environment, endpoints, chosen, trouble)
    shown = Printer(environment, len(set(endpoints.values())) > 1, colours=coloured())
    try:
        lines = source.follow(start) if follow else source.read(start)
        printed = put(lines, wanted, shown, at_once=follow)
    except KeyboardInterrupt:
        sys.exit(130)
    if not printed and not troubles:
        print(nothing(environment, chosen, since or SINCE, grep or request_id), file=sys.stderr)
    sys.exit(1 if troubles else 0)


def put(
    lines: Iterable[Line], wanted: Callable[[str], bool], shown: Callable[[Line], str], *, at_once: bool
) -> int:
    """Prints the wanted ones; how many these were."""
    printed = 0
    for line in lines:
        if wanted(line.text):
            print(shown(line), flush=at_once)
            printed += 1
    return printed


def nothing(environment: str, services: Iterable[str], since: str, searched: str) -> str:
    """What is said where there is no line."""
    what = f"no line with {searched}" if searched else "no line"
    whose = ", ".join(services) or "any service"
    return f"{what} of {whose} in {environment} since {since}; --since looks further back"


class Printer:
    """A line as it is shown: ``2026-05-04T03:02:01.123Z keystone-1-416b4b3  text``.

    Args:
        several: name the host too, since there are several.
        colours: one for each replica, in the order in which they appear.
    """

    def __init__(self, environment: str, several: bool, *, colours: bool) -> None:
        self._prefix = f"kolla-{environment}-"
        self._several = several
        self._colours = colours
        self._width = 0
        self._given: dict[tuple[str, str], int] = {}
        self._next = count()

    def __call__(self, line: Line) -> str:
        name = self.label(line.source)
        self._width = max(self._width, len(name))
        head = f"{line.time[:23]}Z {name:<{self._width}}"
        if self._colours:
            head = f"\x1b[{self._colour(line.source)}m{head}\x1b[0m"
        return f"{head}  {line.text}"

    def label(self, source: Source) -> str:
        """``keystone-1-416b4b3``, ``mariadb-1``, ``second/mariadb-1``."""
        name = source.name.removeprefix(self._prefix)
        return f"{source.host}/{name}" if self._several else name

    def _colour(self, source: Source) -> int:
        key = (source.service, source.replica)
        if key not in self._given:
            self._given[key] = _COLOURS[next(self._next) % len(_COLOURS)]
        return self._given[key]


def known(services: Iterable[str], enabled: list[str]) -> list[str]:
    """The services, each of which the environment has.

    Raises:
        KollaError: it does not have one.
    """
    from kolla_iac.model.problems import closest

    chosen = list(dict.fromkeys(services))
    for name in chosen:
        if name not in enabled:
            facts: Mapping[str, str] = {"there are": ", ".join(enabled)}
            hint = closest(name, enabled)
            raise KollaError(f"no service {name!r}", {**facts, **({"hint": hint} if hint else {})})
    return chosen


def filters(grep: str, request_id: str) -> Callable[[str], bool]:
    """Whether a line's text is wanted.

    Args:
        grep: a regular expression; empty: any.
        request_id: with or without the ``req-`` in front; empty: any.

    Raises:
        KollaError: the expression does not parse.
    """
    try:
        pattern = re.compile(grep)
    except re.error as error:
        raise KollaError(f"--grep {grep!r} is no regular expression", {"saw": str(error)}) from None
    request = f"req-{request_id.removeprefix('req-')}" if request_id else ""
    return lambda text: request in text and pattern.search(text) is not None


def beginning(since: str, now: float) -> float:
    """Seconds since 1970 of what ``--since`` says.

    Args:
        since: an age, or a time; a time of day is that of the last 24 hours; without an offset it is UTC.
        now: seconds since 1970.

    Raises:
        KollaError: it is neither, or lies ahead.

    >>> beginning("1h30m", 10_000)
    4600
    >>> beginning("2026-05-04T03:00", 2e9) == beginning("2026-05-04T05:00+02:00", 2e9)
    True
    """
    age = re.fullmatch(r"(?:\d+[smhd])+", since)
    if age:
        return now - sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([smhd])", since))
    today = datetime.fromtimestamp(now, UTC).date().isoformat()
    of_day = re.fullmatch(r"\d{1,2}:\d\d(:\d\d)?", since) is not None
    try:
        read = datetime.fromisoformat(f"{today}T{'0' if since[1] == ':' else ''}{since}" if of_day else since)
    except ValueError:
        wanted = "an age such as 90s, 10m, 1h30m, 2d, or a time in UTC such as 2026-05-04T03:00, 03:00"
        raise KollaError(f"--since {since!r} is no time", {"wanted": wanted}) from None
    at = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    if of_day and at > now:
        at -= 86400
    if at > now:
        raise KollaError(f"--since {since!r} lies ahead", {"now": f"{today}, in UTC"})
    return at
