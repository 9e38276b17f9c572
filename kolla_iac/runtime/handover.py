"""Handover: a new generation takes a replica's traffic, and the old one goes.

Nothing is taken from the old one before the new one has shown that it works and the load balancer's own check
says so. Every step looks at what is, so a handover that was cut off is completed by running it again.
"""

from __future__ import annotations

from kolla_iac.errors import KollaError
from kolla_iac.model.stage import (
    LABEL_ENVIRONMENT,
    LABEL_REPLICA,
    LABEL_SERVICE,
    HandoverStage,
    RetireStage,
    VerifyStage,
)
from kolla_iac.runtime.balancer import Balancer, balancers
from kolla_iac.runtime.containers import Found, find, get, of_replica, of_service, state_of
from kolla_iac.runtime.context import Context
from kolla_iac.runtime.failure import Interrupted, with_facts
from kolla_iac.runtime.retiring import retire
from kolla_iac.runtime.waits import wait_for


def check_labels(stage: HandoverStage, new: Found) -> None:
    """The container is the one that the stage means.

    Raises:
        KollaError: a label says otherwise; traffic would go to the wrong service.
    """
    wanted = {
        LABEL_ENVIRONMENT: stage.environment,
        LABEL_SERVICE: stage.service,
        LABEL_REPLICA: str(stage.replica),
    }
    wrong = [
        f"{name}: wanted {value}, is {new.labels.get(name, 'missing')}"
        for name, value in wanted.items()
        if new.labels.get(name) != value
    ]
    if wrong:
        raise KollaError(
            f"{new.name} is not {stage.service}-{stage.replica} of {stage.environment}", {"labels": wrong}
        )


def handover(stage: HandoverStage, context: Context) -> None:
    """Ready, published, checked by the load balancer; then every other generation of the replica goes."""
    new = get(context.hosts, stage.host, stage.container)
    check_labels(stage, new)
    try:
        fronts = balancers(context, stage.environment, stage.balancer)
        _take_over(stage, new, fronts, context)
    except KollaError as error:
        raise type(error)(
            error.headline, with_facts(error, {"meanwhile": meanwhile(stage, new, context)})
        ) from error
    others = of_replica(context.hosts, stage.environment, stage.service, stage.replica)
    for old in [one for one in others if one.id != new.id]:
        retire(old, fronts, stage, context)


def _take_over(stage: HandoverStage, new: Found, fronts: list[Balancer], context: Context) -> None:
    context.say(f"{new} is {state_of(new)}")
    wait_for(stage.ready, new, fronts[0].found, context)
    context.say(f"{new}: {stage.ready.what}")
    alive = {one.name for one in find(context.hosts, {LABEL_ENVIRONMENT: stage.environment})}
    for front in fronts:
        slot = front.publish(stage.backend, new.name, alive)
        context.say(f"{new} published as {stage.backend}/{slot} of {front.found.name}")
        try:
            front.wait_up(stage.backend, slot, new, stage.up_seconds)
        except Interrupted:
            raise  # it stays published: the next handover goes on from here, and may be under way already
        except KollaError:
            front.withdraw(stage.backend, new.name)
            raise
        context.say(f"{front.found.name} says {stage.backend}/{slot} is UP")


def meanwhile(stage: HandoverStage, new: Found, context: Context) -> list[str]:
    """What serves while the new container does not; empty if nobody can tell."""
    try:
        return _meanwhile(stage, new, context)
    except KollaError:
        return []


def _meanwhile(stage: HandoverStage, new: Found, context: Context) -> list[str]:
    others = of_replica(context.hosts, stage.environment, stage.service, stage.replica)
    running = [one for one in others if one.id != new.id and one.running]
    if running:
        return [f"{one} serves on; nothing was taken from it" for one in running]
    rest = {
        one.labels.get(LABEL_REPLICA, "?")
        for one in of_service(context.hosts, stage.environment, stage.service)
        if one.id != new.id and one.running
    }
    none = f"no other container of {stage.service}-{stage.replica} runs"
    return [none + (f"; replicas that do: {', '.join(sorted(rest))}" if rest else "")]


def retire_replicas(stage: RetireStage, context: Context) -> None:
    """Replicas with a number beyond the wanted one go, one after the other, the highest first."""
    found = of_service(context.hosts, stage.environment, stage.service)
    numbers = {one.id: int(one.labels.get(LABEL_REPLICA) or 0) for one in found}
    beyond = sorted(
        (one for one in found if numbers[one.id] > stage.replicas), key=lambda one: -numbers[one.id]
    )
    if not beyond:
        context.say(f"{stage.replicas} replicas wanted, none beyond")
        return
    fronts = balancers(context, stage.environment, stage.balancer)
    for old in beyond:
        retire(old, fronts, stage, context)


def verify(stage: VerifyStage, context: Context) -> None:
    """The exchange through every load balancer, asked from inside its own container."""
    for front in balancers(context, stage.environment, stage.balancer):
        wait_for(stage.exchange, front.found, None, context)
        context.say(f"{front.found.name}: {stage.exchange.what}")
