"""Relay: two generations take connections from the same listening sockets, and the old one ends.

No connection is lost when a process closes its copy of such a socket, since the others still have it. So there is
nothing to hand over but time: the new one shows that it serves, then the old one is told to finish what it has.
"""

from __future__ import annotations

import time
from typing import Any

from kolla_iac.model.stage import PortsStage, RelayStage
from kolla_iac.runtime.containers import Found, get, of_replica, of_service, state_of, stop_and_remove
from kolla_iac.runtime.context import Context
from kolla_iac.runtime.waits import wait_for

LOOK_SECONDS = 0.2
NEVER: Any = {"Name": "no"}
"""A restart policy; the types of the Docker package do not know it."""


def relay(stage: RelayStage, context: Context) -> None:
    """Waits until the new generation serves, then lets every other one end. Cut off anywhere, it may run again."""
    new = get(context.hosts, stage.host, stage.container)
    wait_for(stage.wait, new, None, context)
    context.say(f"{new}: {stage.wait.what}")
    for old in of_replica(context.hosts, stage.environment, stage.service, stage.replica):
        if old.id != new.id:
            _end(old, stage, context)


def _end(old: Found, stage: RelayStage, context: Context) -> None:
    context.interrupts.check()
    if state_of(old).status == "running":
        if _finished(old, stage.drain_seconds, context):
            context.say(f"{old} takes no connections any more, and has finished those that it had")
        else:
            context.say(f"{old} had {stage.drain_seconds:.0f} s; the connections that it still has end now")
    with context.waiting(f"{old} to stop", stage.stop_seconds):
        stop_and_remove(old, stage.stop_seconds)
    context.say(f"{old} stopped and removed")


def _finished(old: Found, seconds: float, context: Context) -> bool:
    """Tells a load balancer to end softly; whether it did in time."""
    from docker.errors import APIError  # noqa: PLC0415

    try:
        # else Docker would start again what ends by itself
        old.container.update(restart_policy=NEVER)
        old.container.kill("USR1")
    except APIError:
        if state_of(old).status == "running":
            raise
    end = time.monotonic() + seconds
    with context.waiting(f"{old} to finish its connections", seconds):
        while state_of(old).status == "running":
            if time.monotonic() >= end:
                return False
            context.interrupts.sleep(LOOK_SECONDS)
    return True


def free_ports(stage: PortsStage, context: Context) -> None:
    """Ends containers of a service that publish ports themselves: those of a program before the entrance."""
    there = of_service(context.hosts, stage.environment, stage.of)
    holding = [
        one
        for one in there
        if context.hosts.same(one.host, stage.host) and one.container.attrs["HostConfig"].get("PortBindings")
    ]
    for one in holding:
        context.interrupts.check()
        with context.waiting(f"{one} to stop", stage.stop_seconds):
            stop_and_remove(one, stage.stop_seconds)
        context.say(
            f"{one} published the ports itself: stopped and removed; nothing serves until its successor does"
        )
    if not holding:
        context.say("no container of before holds the ports")
