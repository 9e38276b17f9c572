"""``kolla-iac plan``: what an update would do, from what the state says stands and what the settings want."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def plan(
    environment: Annotated[str, typer.Argument(metavar="ENV", help="Name of the environment.")],
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what `pulumi up` would do: stages in order, what clients feel, what cannot be undone, and why.

    Reads the settings and the state; asks neither hosts nor plugins, and changes nothing. After an update that was cut
    off it says what is left. Refuses a step between releases that no upgrade may make, and says the way round.
    """
    from kolla_iac.cli.engine import exported
    from kolla_iac.cli.project import existing, root
    from kolla_iac.components.rollouts import needs, rollouts
    from kolla_iac.model.rotation import counts
    from kolla_iac.model.stackfile import load_file
    from kolla_iac.plan import diff, state, text

    project = root()
    read = load_file(existing(project, environment))
    assert read.environment is not None
    wanted = rollouts(read.environment, counts(read.rotations))
    changes = diff.plan(state.standing(exported(project, environment)), wanted, needs())
    if as_json:
        print(json.dumps({"environment": environment, "changes": text.data(changes)}, indent=2))
        return
    print(text.text(changes), end="")
    for warning in read.warnings:
        print(f"warning: {warning}")
    if changes:
        print(
            f"\nnext  pulumi preview --stack {environment}, which asks the engine; pulumi up --stack {environment}"
        )
