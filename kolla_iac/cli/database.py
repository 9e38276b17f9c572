"""``kolla-iac database``: what an external database server is, and what it has to be."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from kolla_iac.errors import KollaError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kolla_iac.components.schemas import Schema
    from kolla_iac.model.database import ExternalSettings
    from kolla_iac.model.environment import Environment
    from kolla_iac.model.stackfile import StackFile
    from kolla_iac.model.stage import Upload

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="ENV", help="Name of the environment.")]


@app.callback()
def _database() -> None:
    """Look at an external database server, and say what it needs."""


@app.command("check")
def check_command(
    environment: Name,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Look at the server of services.database.external: all that would fail on it, each with what mends it.

    Asked from a container, in the network of the environment where that is there. Changes nothing.

    Exit code 0: it is as it has to be (warnings apart); 1: something is to be mended.
    """
    read, external = _external(environment)
    found = check(read, external)
    errors = [one for one in found if one["level"] == "error"]
    if as_json:
        print(json.dumps({"environment": environment, "findings": found}, indent=2))
    else:
        print(text(f"{external.host}:{external.port}", found), end="")
    sys.exit(1 if errors else 0)


@app.command("sql")
def sql_command(
    environment: Name,
    show_passwords: Annotated[
        bool,
        typer.Option("--show-passwords", help="With the passwords of the settings; keep it to yourself."),
    ] = False,
) -> None:
    """Print the SQL that whoever runs the server is asked to run: schemas, users, grants, settings."""
    from kolla_iac.components.database.sql import script

    read, external = _external(environment)
    passwords = _secrets(environment) if show_passwords else None
    print(script(environment, external, _schemas(read), passwords), end="")


@app.command("release")
def release_command(environment: Name) -> None:
    """Let go of the server that the schemas have left (services.database.move): its data stay where they are.

    Changes the settings. Where that server is the service mariadb, the next `pulumi up` takes it down and keeps its
    volume, which the state protects no more.
    """
    from kolla_iac.cli import moving

    print(moving.release(environment), end="")


def check(read: StackFile, external: ExternalSettings) -> list[dict[str, str]]:
    """Every finding: level, name, saw, mend.

    Raises:
        SettingsError: secrets are missing.
        KollaError: no container can ask.
    """
    from kolla_iac.components.database.orders import Login, check_files
    from kolla_iac.components.database.server import DatabaseServer, tls_files
    from kolla_iac.components.schemas import of_all
    from kolla_iac.errors import SettingsError

    if read.missing_secrets:
        raise SettingsError(read.path.name, read.missing_secrets)
    schemas, secrets = _schemas(read), _secrets(read.name)
    server = DatabaseServer(external.host, external.port, tls=external.tls)
    admin = (external.admin.user, secrets["database_admin_password"]) if external.admin else ("", "")
    files = check_files(
        "report",
        server.login,
        admin,
        [Login(one.name, one.user, secrets[one.secret]) for one in schemas],
        of_all(schemas),
        tls_files(external.tls, secrets.get("database_client_key", ""), "root"),
    )
    assert read.environment is not None
    return [json.loads(note) for note in _run(read.name, read.environment, schemas[0].name, files)]


def text(where: str, found: list[dict[str, str]]) -> str:
    """The findings for a terminal, errors first."""
    if not found:
        return f"{where} is as it has to be\n"
    errors = [one for one in found if one["level"] == "error"]
    warnings = [one for one in found if one["level"] != "error"]
    lines = [f"{where}: {len(errors)} to be mended, {len(warnings)} to be looked at"]
    for one in (*errors, *warnings):
        lines += [f"  {one['level']:<8} {one['name']}: {one['saw']}", f"           mend  {one['mend']}"]
    return "\n".join(lines) + "\n"


def _external(environment: str) -> tuple[StackFile, ExternalSettings]:
    from kolla_iac.cli.project import existing, root
    from kolla_iac.model.stackfile import load_file

    read = load_file(existing(root(), environment))
    assert read.environment is not None
    external = read.environment.database.external
    if external is None:
        raise KollaError(
            f"{environment} has no external database server",
            {
                "why": "its database is the service mariadb, which `kolla-iac doctor` looks at",
                "wanted": "services.database.external in its settings",
            },
        )
    return read, external


def _schemas(read: StackFile) -> list[Schema]:
    from kolla_iac.components.schemas import schemas
    from kolla_iac.model.rotation import counts

    assert read.environment is not None
    return schemas(read.environment, counts(read.rotations))


def _secrets(environment: str) -> Mapping[str, str]:
    from kolla_iac.cli.engine import pulumi
    from kolla_iac.cli.project import root
    from kolla_iac.model.stackfile import SECRETS_KEY

    said = json.loads(pulumi(root(), ["config", "--show-secrets", "--json", "--stack", environment]))
    found: dict[str, str] = said[SECRETS_KEY]["objectValue"]
    return found


def _run(name: str, environment: Environment, service: str, files: tuple[Upload, ...]) -> list[str]:
    """Runs ``check.py`` in a service's image; its notes."""
    from kolla_iac import images
    from kolla_iac.cli.stage import context, ensure_images
    from kolla_iac.model.service import services
    from kolla_iac.model.stage import ImagesStage, JobStage
    from kolla_iac.resources.container import KOLLA_START
    from kolla_iac.runtime.containers import network_of
    from kolla_iac.runtime.job import run

    own, recipe = environment.service(service).image, services()[service].image
    reference = images.of_service(environment, service)
    host = environment.place(service)[0].name
    about = {
        "name": "database-check",
        "environment": name,
        "service": service,
        "release": environment.release,
        "hosts": {one.name: one.docker for one in environment.hosts if one.name == host},
    }
    source = "registry" if own else environment.images.source
    ensure_images(ImagesStage(**about, images={recipe: reference}, source=source), lambda _: None)
    job = JobStage(
        **about,
        host=host,
        image=reference,
        env={"KOLLA_CONFIG_STRATEGY": "COPY_ALWAYS"},
        files=files,
        user="root",
        capabilities=KOLLA_START,
        timeout=60,
    )
    asks = context(job.hosts, lambda _: None)
    network = network_of(asks.hosts, host, name)
    return run(job.model_copy(update={"network": network}), host, asks)
