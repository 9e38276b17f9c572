"""What `kolla-iac doctor` asks the load balancer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from kolla_iac.model.stage import LABEL_REPLICA
from kolla_iac.runtime.balancer import look as slots_seen
from kolla_iac.runtime.checks import CannotLook, Check, Fact, Finding, Look, Said
from kolla_iac.runtime.containers import Found
from kolla_iac.runtime.execute import call

SECONDS = 20.0
Slots = Mapping[tuple[str, str], str]
"""Backend and slot -> container."""


class SlotsAgree(Check):
    """Slots stand in three places: slots.json, the configuration on disk, the running worker."""

    name = "slots"
    title = "slots on disk, in the running worker, and the containers agree"

    def run(self, look: Look) -> Iterator[Said]:
        for one in look.running("loadbalancer"):
            seen = call(one, "haproxy", {"action": "published"}, SECONDS)
            if "trouble" in seen:
                raise CannotLook(f"load balancer {one.name}", {"saw": seen["trouble"]})
            listed, written = of_file(seen["slots"] or "{}"), of_text(seen["text"] or "")
            yield Fact(f"{one.name}: {len(listed)} slots taken")
            where = f"{one.name} on {one.host}"
            for (backend, slot), saw in differences(listed, written, seen["running"]).items():
                yield Finding("error", where, f"{backend}/{slot}: {saw}", republish(look, backend))
            yield from strangers(where, listed, look)
            yield from reloads(where, seen, look, one)
            yield from folders(where, seen["folders"], look, one)


class SlotsServe(Check):
    """Whether HAProxy's own checks of the containers succeed."""

    name = "balancing"
    title = "every wanted replica gets requests"

    def run(self, look: Look) -> Iterator[Said]:
        for one in look.running("loadbalancer"):
            seen = slots_seen(one, SECONDS)
            yield Fact(
                f"{one.name}: {', '.join(f'{each.backend}/{each.slot} {each.state}' for each in seen)}"
            )
            for each in seen:
                # what is closed on purpose is not DOWN; one that should be open is found by comparing slots
                if each.state.startswith("DOWN"):
                    target = next((found for found in look.members if found.name == each.container), None)
                    docker = look.docker(target.host if target else one.host)
                    saw = f"gets no requests: {one.name} says {each.state}, check {each.check}"
                    yield Finding("error", each.container, saw, f"{docker} restart {each.container}")


def of_file(text: str) -> Slots:
    """What slots.json says."""
    return {
        (backend, slot): name for backend, taken in json.loads(text).items() for slot, name in taken.items()
    }


def of_text(text: str) -> Slots:
    """What the server lines of 10-cloud.cfg say; empty slots are disabled there.

    >>> of_text("backend api\\n    server s1 a-1:80 init-addr last\\n    server s2 192.0.2.1:80 disabled\\n")
    {('api', 's1'): 'a-1'}
    """
    found, backend = {}, ""
    for line in text.splitlines():
        if section := re.match(r"backend (\S+)", line):
            backend = section[1]
        elif (server := re.match(r"\s+server (\S+) ([^\s:]+):\d+ (?!disabled)", line)) and backend:
            found[backend, server[1]] = server[2]
    return found


def differences(listed: Slots, written: Slots, running: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    """What each place says of the slots on which they do not agree."""
    works = {(row["backend"], row["slot"]): row["container"] for row in running if row["open"]}
    closed = {(row["backend"], row["slot"]) for row in running if not row["open"]}
    found = {}
    for slot in sorted({*listed, *written, *works}):
        said = (listed.get(slot), written.get(slot), works.get(slot))
        if len(set(said)) > 1:
            words = [name or "nothing" for name in said]
            if slot in closed:
                words[2] = "closed"
            found[slot] = (
                f"slots.json says {words[0]}, its configuration {words[1]}, the running worker {words[2]}"
            )
    return found


def republish(look: Look, backend: str) -> str:
    """The handovers put each replica's container into its slot again, in all places."""
    return look.again(f"{backend}-*-handover")


def strangers(where: str, listed: Slots, look: Look) -> Iterator[Finding]:
    """Slots of containers that are not there, and containers without a slot."""
    names = {found.name for found in look.members}
    for (backend, slot), name in listed.items():
        if name not in names and not look.silent:
            saw = f"{backend}/{slot} holds {name}, which is not there"
            yield Finding("warning", where, saw, republish(look, backend))
    for backend in {backend for backend, _ in listed}:
        wanted = range(1, look.settings.service(backend).replicas + 1) if _known(look, backend) else ()
        for replica in wanted:
            there = [one for one in look.of(backend) if one.labels.get(LABEL_REPLICA) == str(replica)]
            if there and not {one.name for one in there} & set(listed.values()):
                saw = f"{', '.join(one.name for one in there)} stands in no slot: it gets no requests"
                yield Finding("error", where, saw, republish(look, backend))


def _known(look: Look, backend: str) -> bool:
    return backend in look.settings.enabled()


def reloads(where: str, seen: Mapping[str, Any], look: Look, one: Found) -> Iterator[Finding]:
    """Whether the running worker serves the configuration that lies on disk."""
    told = re.search(r"^\s+description (\S+)", seen["text"] or "", re.MULTILINE)
    if told and told[1] != seen["description"]:
        saw = f"the running worker serves {seen['description'] or 'nothing'}; on disk is {told[1]}"
        # not `docker kill`: what was sent a signal by it does not start with its host any more
        mend = f"{look.inside(one)} pkill -USR2 -o -x haproxy"
        yield Finding("error", where, saw, mend)


def folders(where: str, found: Mapping[str, float], look: Look, one: Found) -> Iterator[Finding]:
    """Working folders of checks that were cut off."""
    for folder, age in found.items():
        if age > look.bounds.folder_minutes * 60:
            saw = f"a check that was cut off {age / 60:.0f} min ago has left {folder}"
            yield Finding("warning", where, saw, f"{look.inside(one)} rm -r {folder}")
