"""All replicas of a service go from one database server to another at once, while requests wait.

Before requests are held, new replicas stand beside the old ones, ready and checked, and the copy has caught up. While
they are held nothing is written: the rest is copied, every table compared, and the load balancer exchanges its slots.
Whatever goes wrong before that exchange leaves everything as it was, and the hold ends by itself. Which side is in use
is read, never remembered: from the marks in both schemas and from what stands in the load balancer's slots.
"""

from __future__ import annotations

import contextlib
import time

from kolla_iac.errors import KollaError
from kolla_iac.model.stage import LABEL_DATABASE, LABEL_REPLICA, SwitchStage
from kolla_iac.runtime.balancer import Balancer, balancers
from kolla_iac.runtime.containers import Found, of_service
from kolla_iac.runtime.context import Context
from kolla_iac.runtime.execute import Conversation
from kolla_iac.runtime.job import conversation
from kolla_iac.runtime.waits import wait_for

TRIES = 4
AGAIN_SECONDS = 3.0
"""Between two tries, so that requests that were under way may end."""
ANSWER_SECONDS = 3600.0
"""How long the copy may take to catch up, or a server to be told."""
RESERVE_SECONDS = 4.0
"""Of the hold, for the exchange itself."""


def switch(stage: SwitchStage, context: Context) -> None:
    """Copies the rest, compares, exchanges; or completes what was cut off.

    Raises:
        KollaError: nothing was exchanged, and what served serves on; or it says which load balancer is left.
    """
    fronts = balancers(context, stage.environment, stage.balancer)
    with conversation(stage.job, context) as talk:
        where = talk.ask("where", ANSWER_SECONDS)["where"]
        if where == "none":
            raise KollaError("the schema is neither copied nor moved", {"hint": "its stage copy comes first"})
        exchanged = [front for front in fronts if _in_use(stage, front, context)]
        if where == "copied" and exchanged:
            raise KollaError(
                f"{stage.service} is served from a copy that nobody has completed",
                {"next": "see which of both servers holds what was written last, before anything else"},
            )
        if where == "moved" or (where == "left" and exchanged):
            context.say("the schema has moved already")
            behind = [front for front in fronts if front not in exchanged]
        else:
            if where == "left":
                talk.ask("back", ANSWER_SECONDS)
            behind = fronts
        if behind:
            new = _prepared(stage, behind, context)
            if behind is fronts:
                _exchange(stage, talk, fronts, new, context)
            else:
                _exchange_late(stage, behind, new)
        told = talk.ask("keep", ANSWER_SECONDS)
        if told["sql"]:
            context.say(
                f"for whoever runs the server that was left, so that nobody writes there: {told['sql']}"
            )
        else:
            context.say("what was left is read-only")


def _new(stage: SwitchStage, context: Context) -> list[Found]:
    """Of each replica the newest container that uses the server to which the schema goes.

    Raises:
        KollaError: a replica has none.
    """
    found = [one for one in of_service(context.hosts, stage.environment, stage.service) if _moved(stage, one)]
    newest = {
        one.labels.get(LABEL_REPLICA, ""): one
        for one in sorted(found, key=lambda one: one.container.attrs["Created"].removesuffix("Z"))
    }
    missing = [str(n) for n in range(1, stage.replicas + 1) if str(n) not in newest]
    if missing:
        raise KollaError(
            f"no container of {stage.service} uses the new server", {"replicas": ", ".join(missing)}
        )
    return [newest[str(n)] for n in range(1, stage.replicas + 1)]


def _moved(stage: SwitchStage, one: Found) -> bool:
    return one.labels.get(LABEL_DATABASE, "") == stage.database


def _in_use(stage: SwitchStage, front: Balancer, context: Context) -> bool:
    """Whether the load balancer sends requests to containers that use the server to which the schema goes."""
    names = front.published(stage.backend)
    behind = [one for one in of_service(context.hosts, stage.environment, stage.service) if one.name in names]
    return any(_moved(stage, one) for one in behind)


def _prepared(stage: SwitchStage, fronts: list[Balancer], context: Context) -> list[Found]:
    new = _new(stage, context)
    for one in new:
        wait_for(stage.ready, one, fronts[0].found, context)
        context.say(f"{one}: {stage.ready.what}")
    for front in fronts:
        front.prepare(stage.backend, new, stage.up_seconds)
        context.say(
            f"{front.found.name} has checked {' and '.join(one.name for one in new)}, which get nothing yet"
        )
    return new


def _exchange(
    stage: SwitchStage, talk: Conversation, fronts: list[Balancer], new: list[Found], context: Context
) -> None:
    for attempt in range(1, TRIES + 1):
        context.interrupts.check()
        told = talk.ask("catch", ANSWER_SECONDS)
        context.say(f"the copy has caught up: the last pass took {told['seconds']} s")
        longest = stage.hold_seconds / 2
        if told["seconds"] > longest:
            raise KollaError(
                f"a pass over the schema takes {told['seconds']} s, and requests may wait {stage.hold_seconds:.0f} s",
                {
                    "meanwhile": "nothing was held, what served serves on",
                    "hint": "when less is written; or by hand, with an outage: docs/how-to/external-database.md",
                },
            )
        busy = _held(stage, talk, fronts, new, context)
        if not busy:
            return
        context.say(
            f"{busy} requests were under way for too long; nothing was changed (try {attempt} of {TRIES})"
        )
        context.interrupts.sleep(AGAIN_SECONDS)
    raise KollaError(
        "requests that are under way do not end, so nothing was exchanged",
        {"wanted": f"{stage.backend} without a request for a moment within {stage.hold_seconds / 2:.0f} s"},
    )


def _held(
    stage: SwitchStage, talk: Conversation, fronts: list[Balancer], new: list[Found], context: Context
) -> int:
    """One try: how many requests were still under way, so that nothing was done; 0: all is exchanged."""
    began = time.monotonic()

    def left() -> float:
        return stage.hold_seconds - RESERVE_SECONDS - (time.monotonic() - began)

    try:
        for front in fronts:
            front.hold(stage.backend, stage.hold_seconds)
        busy = sum(front.wait_quiet(stage.backend, stage.hold_seconds / 2) for front in fronts)
        if busy:
            return busy
        try:
            last = talk.ask("last", max(left(), 0.1))
            talk.ask("leave", max(left(), 0.1))
        except KollaError:
            with contextlib.suppress(KollaError):
                talk.ask("back", RESERVE_SECONDS)
            raise
        _exchange_each(stage, talk, fronts, new)
    finally:
        for front in fronts:
            with contextlib.suppress(KollaError):
                front.hold(stage.backend, 0)
    context.say(
        f"requests waited {time.monotonic() - began:.1f} s: {last['changed']} rows were the rest; "
        f"{last['tables']} tables, {last['rows']} rows are the same; new replicas serve"
    )
    return 0


def _exchange_each(stage: SwitchStage, talk: Conversation, fronts: list[Balancer], new: list[Found]) -> None:
    """Every load balancer; what one has done is looked up where it does not say.

    Raises:
        KollaError: none was exchanged, and the source is in use; or some were, and then the source is read-only.
    """
    names = {one.name for one in new}
    failed = dict[str, KollaError]()
    for front in fronts:
        try:
            front.exchange(stage.backend, new)
        except KollaError as error:
            if not names & set(front.published(stage.backend)):
                failed[front.found.name] = error
    if not failed:
        return
    first = next(iter(failed.values()))
    if len(failed) == len(fronts):
        talk.ask("back", ANSWER_SECONDS)
        raise first
    talk.ask("keep", ANSWER_SECONDS)
    raise KollaError(
        f"not yet exchanged: {', '.join(failed)}", {"saw": first.headline, "next": "pulumi up goes on"}
    )


def _exchange_late(stage: SwitchStage, fronts: list[Balancer], new: list[Found]) -> None:
    """Load balancers that a move which was cut off has not come to; nobody writes where they send requests yet."""
    for front in fronts:
        front.hold(stage.backend, stage.hold_seconds)
        front.exchange(stage.backend, new)
