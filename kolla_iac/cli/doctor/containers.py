"""Containers: whether each wanted one stands and is well, and what Docker remembers of its last minutes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from kolla_iac.model.service import services
from kolla_iac.model.stage import LABEL_REPLICA, LABEL_SERVICE
from kolla_iac.runtime.checks import Bounds, Check, Fact, Finding, Look, Said
from kolla_iac.runtime.containers import Found, State, log_lines, plain, state_in
from kolla_iac.runtime.status import moment


class Containers(Check):
    """Each container of each service."""

    name = "containers"
    title = "every wanted container runs, is well, and is of the settings' release"

    def run(self, look: Look) -> Iterator[Said]:
        if not look.members and not look.silent:
            yield Finding(
                "error", look.environment, "nothing of it stands", f"kolla-iac up {look.environment}"
            )
            return
        yield Fact(f"{len(look.members)} containers")
        yield from missing(look)
        killed = kills(look)
        for one in look.members:
            yield from judged(one, state_in(one.container.attrs), killed.get(one.id), look)


def missing(look: Look) -> Iterator[Finding]:
    """Replicas without a container; not told while a host does not answer, on which they may stand."""
    if look.silent:
        return
    for service in look.settings.enabled():
        there = {one.labels.get(LABEL_REPLICA) for one in look.of(service)}
        for number in range(1, look.settings.service(service).replicas + 1):
            if str(number) not in there:
                yield Finding("error", f"{service}-{number}", "has no container", look.repair)


def kills(look: Look) -> dict[str, datetime]:
    """Containers of which a process was killed for memory lately, and when. Source: Docker's events, of which it
    keeps the last 256."""
    found: dict[str, datetime] = {}
    until = int(look.now.timestamp()) + 1
    since = until - int(look.bounds.recent_minutes * 60)
    ours = {one.id for one in look.members}
    for client in look.clients.values():
        told = client.api.events(since=since, until=until, filters={"event": ["oom"]}, decode=True)
        for event in told:
            if event.get("id") in ours:
                found[event["id"]] = datetime.fromtimestamp(event["time"], look.now.tzinfo)
    return found


def judged(one: Found, state: State, killed: datetime | None, look: Look) -> Iterator[Finding]:
    """What is wrong with one container."""
    where = f"{one.name} on {one.host}"
    docker, service = look.docker(one.host), one.labels.get(LABEL_SERVICE, "")
    if killed or state.out_of_memory:
        at = f" at {killed:%H:%M:%S} UTC" if killed else ""
        limit = one.container.attrs["HostConfig"].get("Memory") or 0
        bound = f"; its limit is {limit >> 20} MiB" if limit else "; the host has too little"
        mend = look.set(f"a higher services.{service}.limits.memory")
        if not limit:
            mend = (
                f"{docker} stats --no-stream  (who takes it); then fewer replicas or workers, and: {look.up}"
            )
        ended = "" if state.status == "running" else f"; {state.status}"
        yield Finding("error", where, f"was killed for memory{at}{bound}{ended}", mend)
    elif looping(state, look.bounds, look.now):
        code = "" if state.status == "running" else f"exit code {state.exit_code}, "
        saw = "\n".join([f"ends again and again: {code}{state.restarts} restarts", *log_lines(one, 1)[:1]])
        yield Finding(
            "error",
            where,
            saw,
            f"mend what its log names: kolla-iac logs {look.environment} {service}; then: {look.up}",
        )
    elif state.status == "paused":
        yield Finding("error", where, "is paused: it answers nobody", f"{docker} unpause {one.name}")
    elif state.status != "running":
        yield Finding("error", where, f"does not run: {state}", look.repair)
    elif state.health == "unhealthy":
        saw = f"its health check fails: {said(one.container.attrs)}"
        yield Finding("error", where, saw, f"{docker} restart {one.name}")
    yield from outdated(one, look)


def looping(state: State, bounds: Bounds, now: datetime) -> bool:
    """Whether it restarts by itself again and again."""
    began = moment(state.started)
    recent = began is not None and (now - began).total_seconds() < bounds.recent_minutes * 60
    return state.status == "restarting" or (state.restarts >= bounds.restarts and recent)


def said(attrs: Mapping[str, Any]) -> str:
    """What the last run of a health check printed, in a line."""
    log = attrs["State"].get("Health", {}).get("Log") or [{}]
    words = " ".join(plain(str(log[-1].get("Output", ""))).split())
    return words[:200] or f"exit code {log[-1].get('ExitCode', '?')}"


def outdated(one: Found, look: Look) -> Iterator[Finding]:
    """Of another release, or of another image, than the settings say."""
    from kolla_iac import images

    where, service = f"{one.name} on {one.host}", one.labels.get(LABEL_SERVICE, "")
    wanted = look.settings.release
    replica = int(one.labels.get(LABEL_REPLICA) or 0)
    if one.release and one.release != wanted:
        yield Finding("warning", where, f"is of {one.release}; the settings say {wanted}", look.up)
    elif service in look.settings.enabled():
        image = images.of_service(look.settings, service)
        runs = one.container.attrs["Config"]["Image"]
        # one that is not wanted at all is a leftover, whatever it runs
        if runs != image and replica <= look.settings.service(service).replicas:
            yield Finding("warning", where, f"runs {runs}; the settings mean {image}", look.up)
    elif service in services():
        yield Finding("warning", where, f"{service} is off in the settings", look.up)
