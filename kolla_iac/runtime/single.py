"""Singletons: one container of a replica at a time, its data on volumes."""

from __future__ import annotations

from kolla_iac.model.stage import EvictStage, ExecStage, ReadyStage
from kolla_iac.runtime.containers import get, of_replica, stop_and_remove
from kolla_iac.runtime.context import Context
from kolla_iac.runtime.waits import wait_for

STOP_SECONDS = 60.0


def ready(stage: ReadyStage, context: Context) -> None:
    """Removes other generations that a cut-off run has left, then waits until the singleton works."""
    current = get(context.hosts, stage.host, stage.container)
    for other in of_replica(context.hosts, stage.environment, stage.service, stage.replica):
        if other.id != current.id:
            context.interrupts.check()
            with context.waiting(f"{other} to stop", STOP_SECONDS):
                stop_and_remove(other, STOP_SECONDS)
            context.say(f"{other}, left by an earlier run, stopped and removed")
    wait_for(stage.wait, current, None, context)
    context.say(f"{current}: {stage.wait.what}")


def tell(stage: ExecStage, context: Context) -> None:
    """Tries the commands in the container until they succeed."""
    current = get(context.hosts, stage.host, stage.container)
    wait_for(stage.wait, current, None, context)
    context.say(f"{current}: {stage.wait.what}")


def evict(stage: EvictStage, context: Context) -> None:
    """Stops and removes every container of the replica on the host."""
    replica = of_replica(context.hosts, stage.environment, stage.service, stage.replica)
    here = [one for one in replica if context.hosts.same(one.host, stage.host)]
    for one in here:
        context.interrupts.check()
        with context.waiting(f"{one} to stop", stage.stop_seconds):
            stop_and_remove(one, stage.stop_seconds)
        context.say(f"{one}, which no state knows, stopped and removed")
    if not here:
        context.say(f"no container of {stage.service}-{stage.replica} on host {stage.host}")
