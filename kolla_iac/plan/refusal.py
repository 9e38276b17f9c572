"""Which step from release to release an update may make, given how far the last one came."""

from __future__ import annotations

from kolla_iac.errors import KollaError
from kolla_iac.model.releases import no_step
from kolla_iac.plan.rollout import Rollout
from kolla_iac.plan.standing import Standing


def refuse(old: Standing, new: Rollout) -> None:
    """Refuses a step that would leave a release out, go down, or leave an upgrade behind half done.

    The release that a service stands on is the one that its stage of no return last ran for; one that is ahead of
    it in other stages is an upgrade half done, from which the way back is open.

    Raises:
        KollaError: says why, and the way round.
    """
    final = [act for act in new.after if act.irreversible]
    on = {old.stages[act.name]["RELEASE"] for act in final if "RELEASE" in old.stages.get(act.name, {})}
    if not on:
        return
    stands = max(on)
    half = sorted(old.releases - on - {new.release})
    headline = f"{new.service} {stands} -> {new.release} is refused"
    if half and new.release != stands:
        raise KollaError(
            headline,
            {
                "why": f"an upgrade to {half[0]} is half done",
                "next": f'release: "{half[0]}" in the settings completes it, "{stands}" goes back',
            },
        )
    reason = no_step(stands, new.release)
    if reason is None:
        return
    if new.release < stands:
        raise KollaError(
            headline,
            {
                "why": f"the upgrade to {stands} is complete, its stage of no return ({final[0].name}) included",
                "remains": f"{final[0].way_back}, given back by hand; what was written since then is lost",
                "next": f'release: "{stands}" in the settings',
            },
        )
    raise KollaError(headline, {"why": reason[0], "next": reason[1]})
