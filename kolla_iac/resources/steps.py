"""Which steps an update may make, asked by the engine before it makes them: in a preview already."""

from __future__ import annotations

import pulumi

from kolla_iac.plan.refusal import no_way, restoring, with_a_move
from kolla_iac.plan.rollout import Act, Rollout
from kolla_iac.resources.names import logical


class Steps:
    """The steps of one rollout: what the engine is told to ask before a stage that belongs to a release.

    What a stage ran for last is its old inputs; the program itself never sees the state. Source of the rule:
    ``kolla_iac.plan.refusal``, which `kolla-iac plan` asks too.
    """

    def __init__(self, environment: str, rollout: Rollout) -> None:
        self._environment, self._rollout = environment, rollout
        self._ran: set[str] = set()
        """Releases for which stages before the one of no return ran last."""
        self._restore = ""
        """The command that gives the last backup back."""

    def hooks(self, act: Act) -> pulumi.ResourceHookBinding | None:
        """What is asked before ``act``; None for one that is of no release and may go with a move."""
        if "release" not in act.inputs and not act.alone:
            return None
        hook = pulumi.ResourceHook(
            logical(self._environment, f"{self._rollout.service}-{act.name}-step"),
            lambda args: self._ask(act, args),
            pulumi.ResourceHookOptions(on_dry_run=True),
        )
        return pulumi.ResourceHookBinding(before_update=[hook])

    def _ask(self, act: Act, args: pulumi.ResourceHookArgs) -> None:
        shown = (args.old_inputs or {}).get("environment") or {}
        if moving := with_a_move(self._rollout.service, act, shown):
            raise moving
        old = shown.get("RELEASE", "")
        if not old:
            return
        if not act.irreversible:
            self._ran.add(old)
            printed = str((args.old_outputs or {}).get("stdout") or "")
            self._restore = restoring(self._environment, printed) or self._restore
        elif refused := no_way(self._rollout, {old}, self._ran, self._restore):
            raise refused
