"""How a container that is no longer wanted goes: drained, closed, stopped, removed, in this order."""

from __future__ import annotations

from kolla_iac.model.stage import HandoverStage, RetireStage
from kolla_iac.runtime.balancer import Balancer
from kolla_iac.runtime.containers import Found, state_of, stop_and_remove
from kolla_iac.runtime.context import Context


def retire(
    old: Found,
    balancers: list[Balancer],
    stage: HandoverStage | RetireStage,
    context: Context,
) -> None:
    """Takes a container out of service without a failed request. Cut off anywhere, it may run again.

    Args:
        stage: says the backend, and how long draining and stopping may take.
    """
    context.interrupts.check()
    if state_of(old).status == "running":
        left = sum(balancer.drain(stage.backend, old.name, stage.drain_seconds) for balancer in balancers)
        if left:
            cut = "1 session left, which ends now" if left == 1 else f"{left} sessions left, which end now"
            context.say(f"{old} drained for {stage.drain_seconds:.0f} s; {cut}")
        else:
            context.say(f"{old} drained, no sessions left")
    else:
        context.say(f"{old} does not run, nothing to drain")
    context.interrupts.check()
    for balancer in balancers:
        balancer.withdraw(stage.backend, old.name)
    with context.waiting(f"{old} to stop", stage.stop_seconds):
        stop_and_remove(old, stage.stop_seconds)
    context.say(f"{old} stopped and removed")
