"""Carries out the waits of ``kolla_iac.model.waits``.

A wait is tried until it holds or its time is over. A container that is over, or restarts again and again, ends
it early: waiting would not help.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kolla_iac.model.waits import (
    AllOf,
    AnyOf,
    ExecWait,
    HealthWait,
    HttpWait,
    LogWait,
    PortWait,
    Wait,
)
from kolla_iac.runtime.containers import Found, describe, log_lines, state_of, tidy
from kolla_iac.runtime.context import Context
from kolla_iac.runtime.execute import CannotRun, call, run
from kolla_iac.runtime.failure import WaitFailed

CRASHES = 3
"""Restarts during a wait after which it is given up."""
CHUNK_SECONDS = 2.0
"""An exchange is tried inside the asking container for this long before the container's state is looked at."""


@dataclass
class Seen:
    """What a wait saw: the last thing, and how often in a row."""

    text: str = "nothing yet"
    times: int = 0
    at: float = field(default_factory=time.time)
    detail: str = ""

    def add(self, text: str, detail: str = "", times: int = 1, at: float | None = None) -> None:
        """One more answer; equal ones in a row are counted."""
        self.times = self.times + times if text == self.text else times
        self.text, self.detail, self.at = text, detail, at or time.time()

    @property
    def brief(self) -> str:
        """The last thing in one line; empty before the first."""
        return f"{self.text}: {self.detail}" if self.detail else self.text if self.times else ""

    def lines(self) -> list[str]:
        clock = time.strftime("%H:%M:%S", time.localtime(self.at))
        times = "once" if self.times == 1 else f"{self.times} times"
        first = self.text if not self.times else f"{self.text}, {times}, the last at {clock}"
        return [first, *([self.detail] if self.detail else [])]


def wait_for(wait: Wait, target: Found, asker: Found | None, context: Context) -> None:
    """Waits until it holds for the target container; every few seconds, says so.

    Args:
        asker: the container that HTTP requests are sent from; None: the target itself.

    Raises:
        WaitFailed: with what was wanted and seen, the container's state, its last log lines and the hint.
        Interrupted: somebody asked to stop.
    """
    guard = _Guard(target)
    seen = Seen()
    end = time.monotonic() + wait.timeout
    with context.waiting(f"{target}: {wait.what}", wait.timeout) as told:
        while True:
            context.interrupts.check()
            if _holds(wait, target, asker or target, seen, end):
                return
            told.saw(seen.brief)
            reason = guard.lost() or (f"not within {wait.timeout:.0f} s" if time.monotonic() >= end else "")
            if reason:
                break
            context.interrupts.sleep(min(wait.interval, max(end - time.monotonic(), 0)))
    raise failed(wait, target, seen, reason)


def failed(wait: Wait, target: Found, seen: Seen, reason: str) -> WaitFailed:
    """The error with its evidence."""
    facts: dict[str, str | Iterable[str]] = {
        "wanted": f"{wait.what}: {target}",
        "saw": seen.lines(),
        "container": describe(target),
        "log": log_lines(target) or ["empty"],
    }
    if wait.hint:
        facts["hint"] = wait.hint
    return WaitFailed(f"{target.name}: {reason}", facts)


class _Guard:
    """Notices that waiting is of no use."""

    def __init__(self, target: Found) -> None:
        self._target = target
        self._restarts = state_of(target).restarts

    def lost(self) -> str:
        """Why the container will not come; empty if it still may."""
        state = state_of(self._target)
        if state.over:
            return (
                f"the container is {state.status} (exit code {state.exit_code}) and nothing starts it again"
            )
        crashes = state.restarts - self._restarts
        if crashes >= CRASHES or (state.status == "restarting" and state.restarts >= CRASHES):
            return (
                f"the container ends again and again ({state.restarts} restarts, exit code {state.exit_code})"
            )
        return ""


def _holds(  # noqa: PLR0911 - one return a kind
    wait: Wait, target: Found, asker: Found, seen: Seen, end: float
) -> bool:
    """One try, or for HTTP a short series of them."""
    match wait:
        case HttpWait():
            return _http(wait, target, asker, seen, end)
        case HealthWait():
            return _health(target, seen)
        case PortWait():
            return _port(wait, target, seen)
        case LogWait():
            return _log(wait, target, seen)
        case ExecWait():
            return _exec(wait, target, seen, end)
        case AllOf():
            return all(_holds(part, target, asker, seen, end) for part in wait.waits)
        case AnyOf():
            return any(_holds(part, target, asker, seen, end) for part in wait.waits)


def _http(wait: HttpWait, target: Found, asker: Found, seen: Seen, end: float) -> bool:
    seconds = min(CHUNK_SECONDS, max(end - time.monotonic(), 0))
    request: dict[str, Any] = {
        "steps": [step.model_dump(mode="json") for step in wait.steps],
        "names": {"container": target.name},
        "seconds": seconds,
        "interval": wait.interval,
    }
    longest = seconds + sum(step.timeout for step in wait.steps) * 2 + 15
    try:
        answer = call(asker, "ask", request, longest)
    except CannotRun as error:
        seen.add(f"{error.headline}: {error.facts.get('saw', '')}")
        return False
    if answer["ok"]:
        return True
    seen.add(answer["saw"], answer["body"], answer["times"], answer["at"])
    return False


def _health(target: Found, seen: Seen) -> bool:
    state = state_of(target)
    if state.health == "healthy":
        return True
    results = target.container.attrs["State"].get("Health", {}).get("Log") or []
    detail = " ".join(tidy(results[-1].get("Output", ""), 2)) if results else ""
    seen.add(state.health or "a container without health check", detail)
    return False


def listening(table: str) -> set[int]:
    """Ports in state LISTEN in the text of ``/proc/net/tcp`` or ``tcp6``.

    >>> listening("sl local rem st\\n0: 0100007F:1388 00000000:0000 0A")
    {5000}
    """
    rows = (line.split() for line in table.splitlines())
    return {int(row[1].rpartition(":")[2], 16) for row in rows if len(row) > 3 and row[3] == "0A"}


def _port(wait: PortWait, target: Found, seen: Seen) -> bool:
    # Looking at the table disturbs nothing: a connection would count as an aborted one in a database.
    try:
        result = run(target, ["cat", "/proc/net/tcp", "/proc/net/tcp6"], timeout=15)
    except CannotRun as error:
        seen.add(f"{error.headline}: {error.facts.get('saw', '')}")
        return False
    open_ports = listening(result.output)
    seen.add("ports that listen: " + (", ".join(map(str, sorted(open_ports))) or "none"))
    return wait.port in open_ports


def _log(wait: LogWait, target: Found, seen: Seen) -> bool:
    from docker.errors import DockerException  # noqa: PLC0415

    try:
        text = target.container.logs().decode(errors="replace")
    except DockerException as error:
        seen.add(f"no log ({error})")
        return False
    seen.add(f"{len(text.splitlines())} lines, none that matches {wait.pattern}")
    return re.search(wait.pattern, text, re.MULTILINE) is not None


def without(text: str, stdin: str) -> str:
    """The text without words of at least eight characters that standard input had: secrets travel there.

    >>> without("near 'hunter2hunter2'", "IDENTIFIED BY 'hunter2hunter2'")
    "near '***'"
    """
    words = {word for word in re.split(r"[\s'\"`=,;()]+", stdin) if len(word) >= 8}
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(word, "***")
    return text


def _exec(wait: ExecWait, target: Found, seen: Seen, end: float) -> bool:
    # A command that hangs must end by itself: Docker cannot end what it started inside a container.
    seconds = max(end - time.monotonic(), 1)
    bounded = ["timeout", "-k", "2", f"{seconds:.0f}", *wait.command]
    try:
        result = run(target, bounded, stdin=wait.stdin, timeout=seconds + 5)
    except CannotRun as error:
        seen.add(f"{error.headline}: {error.facts.get('saw', '')}")
        return False
    if result.exit_code == wait.expect:
        return True
    output = " ".join(tidy(without(result.errors or result.output, wait.stdin), 3))
    seen.add(f"exit code {result.exit_code} from {wait.command[0]}", output)
    return False
