"""Which step from release to release an update may make, given how far the last one came."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set

from kolla_iac.errors import KollaError
from kolla_iac.model.database import MANAGED
from kolla_iac.model.releases import no_step
from kolla_iac.plan.rollout import Act, Rollout
from kolla_iac.plan.standing import Standing


def restoring(environment: str, printed: str) -> str:
    """The command that gives back the dump which a stage backup has printed that it made; empty where it made none.

    >>> restoring("dev", "  4.2 s  backup keystone-2025.2-20261126T010849Z.sql.gz: 50 tables, 30 rows")
    'kolla-iac backup restore dev keystone-2025.2-20261126T010849Z.sql.gz'
    """
    made = re.search(r"backup (\S+\.sql\.gz):", printed)
    return f"kolla-iac backup restore {environment} {made[1]}" if made else ""


def refuse(old: Standing, new: Rollout) -> None:
    """Refuses a step that would leave a release out, go down, or leave an upgrade behind half done, and a move of the
    schema that does not go alone.

    Raises:
        KollaError: says why, and the way round.
    """
    for act in new.acts.values():
        if refused := with_a_move(new.service, act, old.stages.get(act.name)):
            raise refused
    final = {act.name for act in new.after if act.irreversible}
    on = {old.stages[name]["RELEASE"] for name in final if "RELEASE" in old.stages.get(name, {})}
    if refused := no_way(new, on, old.releases, old.way_back):
        raise refused


def with_a_move(service: str, act: Act, shown: Mapping[str, str] | None) -> KollaError | None:
    """Why an act may not run together with a move of its service's schema; None where it may.

    It runs on the copy before that takes over, and what it changed there would be made what it is at the source.

    Args:
        shown: what it showed when it last ran; None or empty where it never did.
    """
    if not act.alone or not shown or shown.get("SERVER", MANAGED) == act.inputs["server"]:
        return None
    changed = [
        f"{key} {shown[key.upper()]} -> {value}"
        for key, value in act.inputs.items()
        if key not in ("server", "image") and shown.get(key.upper(), value) != value
    ]
    if not changed:
        return None
    return KollaError(
        f"{service}: its schema moves to {act.inputs['server']}, and a move goes alone",
        {
            "also": changed,
            "meanwhile": "nothing was touched",
            "next": "set that back, and change it when the schema has moved",
        },
    )


def no_way(new: Rollout, on: Set[str], ran: Set[str], restore: str = "") -> KollaError | None:
    """Why no step leads to a rollout, and the way round; None where one does.

    The release that a service stands on is the one that its stage of no return last ran for; one that is ahead of
    it in other stages is an upgrade half done, from which the way back is open.

    Args:
        on: releases for which stages of no return ran last; empty before the first deployment.
        ran: releases for which any stage ran last.
        restore: the command that gives the last backup back.
    """
    if not on:
        return None
    stands = max(on)
    half = sorted(ran - on - {new.release})
    headline = f"{new.service} {stands} -> {new.release} is refused"
    if half and new.release != stands:
        return KollaError(
            headline,
            {
                "why": f"an upgrade to {half[0]} is half done",
                "next": f'release: "{half[0]}" in the settings completes it, "{stands}" goes back',
            },
        )
    reason = no_step(stands, new.release)
    if reason is None:
        return None
    if new.release < stands:
        final = next(act for act in new.after if act.irreversible)
        back = f"{restore}, after which" if restore else f"{final.way_back}; then"
        return KollaError(
            headline,
            {
                "why": f"the upgrade to {stands} is complete, its stage of no return ({final.name}) included",
                "remains": f"{back} {new.release} may come; what was written since that backup is lost",
                "next": f'release: "{stands}" in the settings',
            },
        )
    return KollaError(headline, {"why": reason[0], "next": reason[1]})
