"""A backup of schemas put into their place on an external server: planned, asked, what is replaced backed up first."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from kolla_iac.cli.repository import carry_out, create, known
from kolla_iac.cli.restoring import lost, proof, refuse_release
from kolla_iac.errors import KollaError

STOP_SECONDS = 60


def restore(project: Path, environment: str, backup: str, *, yes: bool) -> None:
    """Up to the first stop nothing that runs is touched; in the end everything that ran runs again.

    Raises:
        KollaError: says what stands still, and that the same command goes on.
    """
    from kolla_iac.cli.terminal import agreed
    from kolla_iac.components.schemas import schemas
    from kolla_iac.runtime.containers import of_service

    about = known(project, environment)
    if not about.external:
        raise KollaError(
            f"{backup} is of schemas on an external server, and {environment} has a server of its own",
            {"meanwhile": "nothing was touched", "hint": "--into PLACE writes its statements into a file"},
        )
    (line,) = carry_out(about, "show", backup)
    shown = json.loads(line)
    refuse_release(about, shown)
    names = [one.name for one in schemas(about.settings)]
    # those that stand still too: a run that was cut off has stopped them
    writers = [one for name in names for one in of_service(about.context.hosts, environment, name)]
    print(f"restore  {shown['backup']}, {shown['rows']} rows, onto {about.external}: {', '.join(names)}")
    print(proof(shown))
    print(lost(datetime.fromisoformat(shown["made"]), datetime.now(UTC)))
    print(f"stops    {', '.join(one.name for one in writers)}: requests fail until it is done")
    print("kept     what is replaced, as a backup that is made first")
    agreed(environment, yes=yes)
    if not shown["verified"]:
        print("\n".join(carry_out(about, "verify", shown["backup"])))
    for one in writers:
        one.container.stop(timeout=STOP_SECONDS)
        print(f"{one.name} stopped")
    try:
        print("\n".join([*create(project, environment), *carry_out(about, "restore", shown["backup"])]))
    except KollaError as error:
        again = f"kolla-iac backup restore {environment} {shown['backup']}"
        started = ", ".join(one.name for one in writers)
        more = {
            "meanwhile": f"stopped: {started}",
            "next": f"mend what it names, then the same again: {again}",
        }
        raise KollaError(error.headline, {**error.facts, **more}) from error
    for one in writers:
        one.container.start()
        print(f"{one.name} started")
