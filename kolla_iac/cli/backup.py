"""``kolla-iac backup``: the dumps that upgrades have made of a schema, and the way back to one of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kolla_iac.errors import KollaError

if TYPE_CHECKING:
    from pathlib import Path

    from kolla_iac.model.stage import JobStage

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="ENV", help="Name of the environment.")]
Dump = Annotated[str, typer.Argument(metavar="BACKUP", help="As `kolla-iac backup list` names it.")]
STAGE, FINAL = "backup", "contract"
"""Of a service with a schema: the stage that dumps it, and the one of no return."""


@app.callback()
def _backup() -> None:
    """List the dumps that upgrades have made of the schema, or give one back."""


@app.command("list")
def list_command(environment: Name) -> None:
    """List the dumps on the volume of backups, the newest first.

    Stage backup makes one before a new release touches the schema, and restores it on trial.
    """
    from kolla_iac.cli.project import existing, root

    project = root()
    existing(project, environment)
    for stage, _ in last_backups(project, environment):
        for line in _run(stage, "list"):
            print(line)


@app.command("restore")
def restore_command(
    environment: Name,
    backup: Dump,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Put a dump in the place of what the schema holds, so that the release it is of can come back.

    What was written since then is lost from the schema; a dump of it is made before. The service is stopped, and
    stays so until `pulumi up` has brought that release. Asks first.
    """
    from kolla_iac.cli.engine import pulumi
    from kolla_iac.cli.project import existing, root
    from kolla_iac.cli.stage import context
    from kolla_iac.runtime.containers import of_service

    project = root()
    existing(project, environment)
    stage, final = _of(backup, last_backups(project, environment))
    service = stage.service
    for line in _run(stage, f"check {backup}"):
        print(line)
    if not yes:
        print(f"{service} of {environment} stops, and what its schema holds is replaced by {backup}.")
        if (
            typer.prompt("Type the environment's name to go on", default="", show_default=False)
            != environment
        ):
            raise KollaError("nothing was touched", {"wanted": f"the name {environment}, typed"})
    if final:  # what ran for the later release is to run again; this takes the state's lock before anything is touched
        pulumi(project, ["state", "delete", final, "--stack", environment, "--target-dependents", "--yes"])
    for one in of_service(context(stage, lambda _: None).hosts, environment, service):
        if one.running:
            one.container.stop(timeout=60)
            print(f"{one} stopped")
    for line in _run(stage, f"restore {backup}"):
        print(line)
    series = re.match(rf"{re.escape(_schema(stage))}-(\d+\.\d+)-", backup)
    release = (
        f'release: "{series[1]}" in the settings' if series else "the release of that time in the settings"
    )
    print(f"next  {release}, then: pulumi up --stack {environment}")


def last_backups(project: Path, environment: str) -> list[tuple[JobStage, str]]:
    """Of each service the stage that made the last dump, as the state has it, and its stage of no return, if it ran.

    Its image, its host, its volume and its login are those with which the schema was dumped.

    Raises:
        KollaError: no such stage was ever carried out.
    """
    from kolla_iac.cli.engine import pulumi

    said = pulumi(project, ["stack", "export", "--show-secrets", "--stack", environment])
    resources = (json.loads(said).get("deployment") or {}).get("resources") or []
    named = {str(one["urn"]).rsplit("::", 1)[-1]: one for one in resources}
    found = []
    for name, made in named.items():
        if name.endswith(f"-{STAGE}"):
            final = named.get(f"{name.removesuffix(STAGE)}{FINAL}")
            found.append((_stage(made["inputs"]["stdin"]), str(final["urn"]) if final else ""))
    if not found:
        raise KollaError(
            f"no backup of {environment} is known",
            {
                "why": "stage backup, which an upgrade begins with, has not run",
                "hint": "backup.before_upgrade in the settings is not never?",
            },
        )
    return found


def _of(backup: str, stages: Iterable[tuple[JobStage, str]]) -> tuple[JobStage, str]:
    """The stage of the schema that a dump's name begins with."""
    stages = list(stages)
    for one in stages:
        if re.match(rf"{re.escape(_schema(one[0]))}-\d", backup):
            return one
    schemas = ", ".join(_schema(stage) for stage, _ in stages)
    raise KollaError(
        f"{backup} is no dump of a schema here",
        {"schemas": schemas, "next": "kolla-iac backup list, for what there is"},
    )


def _schema(stage: JobStage) -> str:
    (content,) = (file.content for file in stage.files if file.path.endswith("dump.json"))
    return str(json.loads(content)["schema"])


def _stage(stdin: Any) -> JobStage:
    from kolla_iac.cli.stage import parse
    from kolla_iac.model.stage import JobStage

    stage = parse(json.loads(stdin["plaintext"]) if isinstance(stdin, dict) else stdin)
    assert isinstance(stage, JobStage)
    return stage


def _run(stage: JobStage, phase: str) -> list[str]:
    """Runs ``dump.py`` as the stage does, with another phase; what it has to say.

    Raises:
        KollaError: in the program's own words, and the end of its log.
    """
    from kolla_iac.cli.stage import context
    from kolla_iac.components.database.clients import CA, CERTIFICATE, KEY
    from kolla_iac.components.database.component import DUMP
    from kolla_iac.components.database.orders import dump_files
    from kolla_iac.model.backup import BackupSettings
    from kolla_iac.render.contract import ConfigFile
    from kolla_iac.runtime.job import run

    (client,) = (file.content for file in stage.files if file.path.endswith("client.cnf"))
    certificates = [
        ConfigFile(path, file.content)
        for file in stage.files
        for path in (CA, CERTIFICATE, KEY)
        if file.path.endswith(path)
    ]
    files = dump_files(BackupSettings(), _schema(stage), client, f"{DUMP} {phase}", certificates)
    name = f"{stage.service}-{STAGE}-{phase.partition(' ')[0]}"
    try:
        return run(
            stage.model_copy(update={"name": name, "files": files}),
            stage.host,
            context(stage, lambda _: None),
        )
    except KollaError as error:
        log = error.facts.get("log")
        if isinstance(log, list) and log:
            raise KollaError(str(log[-1]), {"log": log[-4:-1]}) from error
        raise
