"""Carries out one stage: the right work for its kind, its timeline, and errors that say which stage failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from kolla_iac.errors import KollaError
from kolla_iac.model.stage import (
    BalancerStage,
    EvictStage,
    ExecStage,
    HandoverStage,
    ImagesStage,
    JobStage,
    PortsStage,
    ReadyStage,
    RelayStage,
    RetireStage,
    Stage,
    SwitchStage,
    VerifyStage,
    VolumeStage,
)
from kolla_iac.runtime import balancer, handover, job, relay, single, switch, timeline, volumes
from kolla_iac.runtime.context import Context
from kolla_iac.runtime.failure import Interrupted, StageFailed, with_facts


def title(stage: Stage) -> str:
    """How people call the stage: ``handover keystone-2``, ``job keystone-expand``."""
    match stage:
        case HandoverStage() | ReadyStage() | EvictStage() | RelayStage():
            return f"{stage.kind} {stage.service}-{stage.replica}"
        case _:
            return f"{stage.kind} {stage.name}"


def carry_out(stage: Stage, context: Context) -> None:
    """Runs the stage from the top; what is done already is not done again.

    Raises:
        StageFailed: with the evidence and what to type next.
        Interrupted: somebody asked to stop, and it did between two steps.
    """
    from docker.errors import DockerException  # noqa: PLC0415 - a bad specification should not wait for it
    from requests.exceptions import RequestException  # noqa: PLC0415

    began = time.monotonic()
    record = timeline.started(stage.environment, stage.service, stage.name, stage.kind, stage.release)
    _note(record, context)
    outcome, headline = "failed", "ended without a word"
    try:
        with context.interrupts.listening():
            _dispatch(stage, context)
        outcome, headline = "done", ""
    except Interrupted as error:
        outcome, headline = "interrupted", error.headline
        facts = {"next": f"pulumi up --stack {stage.environment} goes on from here"}
        raise Interrupted(f"{title(stage)} {error.headline}", facts) from error
    except (KollaError, DockerException, RequestException) as raised:
        cause = (
            raised if isinstance(raised, KollaError) else KollaError("Docker failed", {"saw": str(raised)})
        )
        seconds = time.monotonic() - began
        headline = f"{title(stage)} failed after {seconds:.0f} s"
        told = with_facts(cause, {"next": next_step(stage)})
        raise StageFailed(headline, {"why": cause.headline, **told}) from raised
    finally:
        _note(timeline.ended(record, outcome, headline), context)


def next_step(stage: Stage) -> str:
    """What to type once the reason is gone."""
    return f"mend the cause, or set the previous settings back; then: pulumi up --stack {stage.environment}"


def _note(record: dict[str, object], context: Context) -> None:
    warning = timeline.append(record)
    if warning:
        context.write(warning)


_DOES: Mapping[type, Callable[[Any, Context], None]] = {
    HandoverStage: handover.handover,
    RetireStage: handover.retire_replicas,
    SwitchStage: switch.switch,
    VerifyStage: handover.verify,
    BalancerStage: balancer.carry_out,
    ReadyStage: single.ready,
    EvictStage: single.evict,
    PortsStage: relay.free_ports,
    RelayStage: relay.relay,
    VolumeStage: volumes.look,
    ExecStage: single.tell,
    JobStage: job.job,
    ImagesStage: lambda stage, context: context.tools.images(stage, context.say),
}


def _dispatch(stage: Stage, context: Context) -> None:
    _DOES[type(stage)](stage, context)
