"""``kolla-iac backup``: backups of the database server, dumps that upgrades have made, and the way back to one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kolla_iac.cli.terminal import agreed
from kolla_iac.errors import KollaError

if TYPE_CHECKING:
    from pathlib import Path

    from kolla_iac.model.stage import JobStage

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="ENV", help="Name of the environment.")]
Dump = Annotated[
    str,
    typer.Argument(
        metavar="[BACKUP]",
        help="As `kolla-iac backup list` names it; with --until it may be left out: the newest that was whole by then.",
    ),
]
STAGE, FINAL = "backup", "contract"
"""Of a service with a schema: the stage that dumps it, and the one of no return."""


@app.callback()
def _backup() -> None:
    """Make, list, verify and restore backups of the database server, and dumps that upgrades have made."""


@app.command("create")
def create_command(environment: Name) -> None:
    """Back the database server up while it serves, with the settings, the secrets and the state.

    Of an external server the schemas alone, as dumps of one moment each. Goes to the repository that backup.target of
    the settings names, encrypted; only what changed is stored. Then what backup.keep does not keep is removed.
    """
    from kolla_iac.cli import repository
    from kolla_iac.cli.project import root

    for line in repository.create(root(), environment):
        print(line)


@app.command("logs")
def logs_command(environment: Name) -> None:
    """Store the database server's binary logs up to now, so that `restore --until` reaches each moment before.

    `backup create` does it too. Call it as often as what was written between may be lost with the database's host.
    """
    from kolla_iac.cli import repository
    from kolla_iac.cli.project import root

    for line in repository.logs(repository.known(root(), environment)):
        print(line)


@app.command("verify")
def verify_command(
    environment: Name,
    backup: Annotated[str, typer.Argument(metavar="[BACKUP]", help="Without: the newest.")] = "newest",
) -> None:
    """Restore a backup into a server of its own, check its tables, and compare them with what was backed up.

    Touches nothing that runs. Records in the repository when it was verified; the newest verified one always stays.
    """
    from kolla_iac.cli import repository
    from kolla_iac.cli.project import root

    for line in repository.verify(root(), environment, backup):
        print(line)


@app.command("unlock")
def unlock_command(environment: Name) -> None:
    """Take away the repository's locks, such as a killed clean-up leaves. Nothing else may work on it meanwhile."""
    from kolla_iac.cli import repository
    from kolla_iac.cli.project import root

    for line in repository.unlock(root(), environment):
        print(line)


@app.command("list")
def list_command(environment: Name) -> None:
    """List the backups of the database server, and the dumps of schemas; the newest first.

    Stage backup dumps a schema before a new release touches it, and restores the dump on trial.
    """
    from kolla_iac.cli import repository
    from kolla_iac.cli.project import existing, root
    from kolla_iac.model.stackfile import load_file

    project = root()
    read = load_file(existing(project, environment))
    assert read.environment is not None
    if read.environment.backup.target.given:
        print("\n".join([*repository.listed(project, environment), ""]))
    try:
        dumped = last_backups(project, environment)
    except KollaError as error:
        if not read.environment.backup.target.given:
            raise
        print(error.headline.replace("no backup", "no dump of a schema"))
        return
    for stage, _ in dumped:
        for line in _run(stage, "list"):
            print(line)


@app.command("restore")
def restore_command(
    environment: Name,
    backup: Dump = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    into: Annotated[
        str,
        typer.Option(
            metavar="PLACE", help="Of a backup of the server: an empty volume, or a directory by its path."
        ),
    ] = "",
    until: Annotated[
        str,
        typer.Option(
            metavar="MOMENT",
            help="With what was committed since the backup and before this moment: 2026-11-23T10:15:00Z.",
        ),
    ] = "",
) -> None:
    """Put a dump in the place of what its schema holds, or a backup of the server in that of all its data.

    What was written since then is lost; what is replaced is kept. Asks first.

    Of a backup of schemas on an external server, what they hold is backed up first, and the services stop meanwhile.

    After a dump the service stays stopped until `pulumi up` has brought the release that it is of. For a backup of
    the server all services that need it stop meanwhile; cut off, the same command goes on. With --into nothing stops.
    """
    from kolla_iac.cli import restoring_schemas
    from kolla_iac.cli.engine import pulumi
    from kolla_iac.cli.moment import moment
    from kolla_iac.cli.project import existing, root
    from kolla_iac.cli.stage import context
    from kolla_iac.runtime.containers import of_service

    project = root()
    existing(project, environment)
    if not backup and not until:
        raise KollaError("no backup is named", {"next": f"kolla-iac backup list {environment}"})
    if backup.startswith("schemas-") and not into and not until:
        restoring_schemas.restore(project, environment, backup, yes=yes)
        return
    if into or until or backup.startswith("mariadb-"):
        at = moment(until, datetime.now(UTC)) if until else ""
        _server(project, environment, backup or "newest", into, yes, at)
        return
    stage, final = _of(backup, last_backups(project, environment))
    service = stage.service
    for line in _run(stage, f"check {backup}"):
        print(line)
    if not yes:
        print(f"{service} of {environment} stops, and what its schema holds is replaced by {backup}.")
        agreed(environment, yes=yes)
    if final:  # what ran for the later release is to run again; this takes the state's lock before anything is touched
        pulumi(project, ["state", "delete", final, "--stack", environment, "--target-dependents", "--yes"])
    for one in of_service(context(stage.hosts, lambda _: None).hosts, environment, service):
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


def _server(project: Path, environment: str, backup: str, into: str, yes: bool, until: str) -> None:
    """A backup of the whole server: into a place of its own, or into that of the running server's data."""
    from kolla_iac.cli import repository, restoring
    from kolla_iac.cli.engine import pulumi
    from kolla_iac.cli.stage import parse
    from kolla_iac.model.stage import JobStage
    from kolla_iac.runtime.job import run

    about = repository.known(project, environment)
    if until:
        repository.refuse_external(about)
    if into:
        for line in repository.restore_into(project, environment, backup, into, until):
            print(line)
        return
    plan = restoring.plan(about, backup, until)
    print("\n".join(restoring.told(plan, datetime.now(UTC))))
    if plan.goes_on:
        print("goes on  from where an earlier run was cut off")
    agreed(environment, yes=yes)
    state = json.loads(pulumi(project, ["stack", "export", "--show-secrets", "--stack", environment]))

    def schema() -> None:
        for text in restoring.schema_stages(state):
            stage = parse(text)
            assert isinstance(stage, JobStage)
            run(stage, stage.host, about.context)
            print(f"{stage.name}: users and passwords are those of the settings")

    restoring.restore(about, plan, print, schema)
    print(f"{plan.backup['backup']} is restored; kolla-iac doctor {environment} looks at all of it")
    print(f"kept  {plan.kept}; when you do not need it any more: docker volume rm {plan.kept}")


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
    from kolla_iac.cli import repository
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
            context(stage.hosts, lambda _: None),
        )
    except KollaError as error:
        raise repository.in_its_words(error) from error
