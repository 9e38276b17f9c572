"""``kolla-iac plan``: what an update would do, from what the state says stands and what the settings want."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kolla_iac.plan.standing import Standing


def plan(
    environment: Annotated[str, typer.Argument(metavar="ENV", help="Name of the environment.")],
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    before: Annotated[
        Path | None,
        typer.Option(
            "--before",
            metavar="FILE",
            help="Earlier settings, in the place of the state: as if an update to them had come to its end.",
        ),
    ] = None,
) -> None:
    """Say what `pulumi up` would do: stages in order, what clients feel, what cannot be undone, and why.

    Reads the settings and the state; asks neither hosts nor plugins, and changes nothing. After an update that was cut
    off it says what is left. Refuses a step between releases that no upgrade may make, and says the way round.

    With --before it needs neither state nor passphrase: for those who review a change and have no access to either. An
    empty file: nothing stands yet.
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
    wanted = rollouts(read.environment, counts(read.rotations), environment)
    stands = state.standing(exported(project, environment)) if before is None else _completed(before)
    changes = diff.plan(stands, wanted, needs())
    if as_json:
        print(json.dumps({"environment": environment, "changes": text.data(changes)}, indent=2))
        return
    print(text.text(changes), end="")
    for warning in read.warnings:
        print(f"warning: {warning}")
    if changes and before is None:
        print(
            f"\nnext  pulumi preview --stack {environment}, which asks the engine; pulumi up --stack {environment}"
        )


def _completed(file: Path) -> list[Standing]:
    """What stands after an update to a file's settings.

    Raises:
        KollaError: it cannot be read, or its settings are wrong.
    """
    from kolla_iac.components.rollouts import rollouts
    from kolla_iac.model.rotation import counts
    from kolla_iac.model.stackfile import load_file
    from kolla_iac.plan.standing import whole

    if file.is_file() and not file.stat().st_size:
        return []
    read = load_file(file)
    assert read.environment is not None
    return [whole(one) for one in rollouts(read.environment, counts(read.rotations))]
