"""``kolla-iac restore-cloud``: an environment from its backups, on a machine that has nothing of it."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from kolla_iac.errors import KollaError

if TYPE_CHECKING:
    from kolla_iac.cli.repository import Known
    from kolla_iac.model.backup import Target

HOST = "here"
SETTINGS, SECRETS = "settings.yaml", "secrets.json"
"""Of the files that a backup holds beside the data, those from which an environment is made."""


def restore_cloud(
    repository: Annotated[
        str,
        typer.Argument(
            metavar="REPOSITORY",
            help="A directory of the host by its path, a Docker volume of it, sftp://USER@HOST[:PORT]/PATH, or as "
            "restic's -r takes it.",
        ),
    ],
    environment: Annotated[str, typer.Argument(metavar="ENV", help="Of which the backups are.")],
    backup: Annotated[
        str, typer.Option("--backup", metavar="BACKUP", help="Which one, such as mariadb-20260504T100000Z.")
    ] = "newest",
    name: Annotated[str, typer.Option("--as", metavar="NAME", help="Another name for what comes back.")] = "",
    docker: Annotated[
        str, typer.Option("--docker", metavar="ENDPOINT", help="Of the host that the database will run on.")
    ] = "",
    sftp_key: Annotated[
        str,
        typer.Option("--sftp-key", metavar="FILE", help="Of an SFTP server: the private key that it knows."),
    ] = "",
    host_key: Annotated[
        str,
        typer.Option(
            "--host-key", metavar="KEY", help="Of an SFTP server: its public key, `ssh-ed25519 ...`."
        ),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Bring a lost environment back: its settings, its secrets, and its database's data, from a repository of backups.

    The repository's password is typed, or read as the first line of standard input. What is there already is never
    touched: neither an environment's file, nor its containers, nor a volume that holds something. Cut off, the same
    command goes on. Then `kolla-iac up` makes the containers, on the data that is there.
    """
    from kolla_iac.cli import project

    checkout = project.root()
    made = name or environment
    file = project.file_of(checkout, made)
    _nothing_of(checkout, made, file)
    about = reading(repository, environment, docker, _password(), sftp_key, host_key)
    _bring_back(checkout, about, backup, made, file, yes=yes)
    shown = os.path.relpath(file, checkout)
    print(f"written  {shown}, with its secrets")
    print(f"next     look at {shown}: are hosts and ports those of today? then: kolla-iac up {made}")


def _nothing_of(checkout: Path, name: str, file: Path) -> None:
    """Refuses where the environment is there already.

    Raises:
        KollaError: its file has settings, or its state has resources.
    """
    from kolla_iac.cli import engine

    if file.exists() and not _is_begun(file):
        raise KollaError(
            f"{os.path.relpath(file, checkout)} is there already",
            {"meanwhile": "nothing was touched", "next": "move it away, or give another name: --as NAME"},
        )
    if engine.resources(checkout, name):
        raise KollaError(
            f"the state of {name} knows of resources",
            {
                "meanwhile": "nothing was touched",
                "next": f"if none of them is left: pulumi stack rm --force --stack {name}",
                "or": f"of an environment that stands, restore the data: kolla-iac backup restore {name}",
            },
        )


def _is_begun(file: Path) -> bool:
    """Whether the file is what the engine writes for a new stack, and nobody has written settings into."""
    import yaml

    data = yaml.safe_load(file.read_text())
    return isinstance(data, dict) and not data.get("config")


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("password of the repository", hide_input=True))
    return sys.stdin.readline().removesuffix("\n")


def target(text: str, host_key: str = "") -> Target:
    """Where a word says that a repository is.

    Args:
        host_key: of an SFTP server.

    >>> target("/srv/backups").given, target("safe").given, target("rest:http://backup.example:8000/").given
    (('directory',), ('volume',), ('restic',))
    >>> target("sftp://kolla@backup.example:2022/srv/backups", "ssh-ed25519 AAAA").sftp.path
    '/srv/backups'
    """
    from kolla_iac.model.backup import Sftp, Target

    if text.startswith("sftp://"):
        parts = urlsplit(text)
        host, user, path = parts.hostname or "", parts.username or "", parts.path.rstrip("/")
        return Target(sftp=Sftp(host=host, port=parts.port or 22, user=user, path=path, host_key=host_key))
    if text.startswith("/"):
        return Target(directory=text.rstrip("/"))
    return Target(restic=text) if ":" in text else Target(volume=text)


def reading(
    repository: str, environment: str, docker: str, password: str, sftp_key: str = "", host_key: str = ""
) -> Known:
    """What the repository is read with, before the environment's own settings are known.

    Args:
        sftp_key: a file with the private key, for an SFTP server.
        host_key: of that server.

    Raises:
        KollaError: something is missing, or no such place can be.
    """
    from kolla_iac.cli.repository import Known
    from kolla_iac.cli.stage import context
    from kolla_iac.model.backup import REPOSITORY_PASSWORD, SFTP_KEY
    from kolla_iac.model.environment import load_environment
    from kolla_iac.model.releases import RELEASES

    if not password:
        raise KollaError("no password of the repository was given", {"meanwhile": "nothing was touched"})
    try:
        place = target(repository, host_key)
    except ValueError as error:
        raise KollaError(
            f"{repository!r} is no place of a repository",
            {
                "saw": said(error),
                "wanted": "/srv/backups, a volume's name, rest:http://..., or sftp://USER@HOST/PATH with --host-key",
            },
        ) from None
    if place.sftp and not (sftp_key and Path(sftp_key).is_file()):
        raise KollaError(
            "the SFTP server's key is missing",
            {"wanted": "--sftp-key FILE, the private key that the server knows"},
        )
    endpoint = docker or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    written = {
        "release": list(RELEASES)[-1],
        "hosts": [{"name": HOST, "docker": endpoint}],
        "backup": {"target": place.model_dump(exclude_none=True)},
    }
    settings = load_environment(written, "the repository's place")
    secrets = {REPOSITORY_PASSWORD.name: password}
    secrets |= {SFTP_KEY.name: Path(sftp_key).read_text()} if place.sftp else {}
    return Known(environment, Path(repository), settings, secrets, context({HOST: endpoint}, lambda _: None))


def said(error: ValueError) -> str:
    """The first thing that is wrong, and with what."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return " ".join([*(str(one) for one in first["loc"][-1:]), str(first["msg"])])


def _bring_back(checkout: Path, about: Known, backup: str, name: str, file: Path, *, yes: bool) -> None:
    """All of it; the settings' file appears last, so that nothing can be brought up on half of the data.

    Raises:
        KollaError: says why.
    """
    from kolla_iac.cli.repository import bring_image, carry_out
    from kolla_iac.cli.restoring import proof
    from kolla_iac.cli.terminal import ago, agreed
    from kolla_iac.model.stage import LABEL_ENVIRONMENT, LABEL_ROLE
    from kolla_iac.runtime.containers import find

    found = find(about.context.hosts, {LABEL_ENVIRONMENT: name})
    standing = [one.name for one in found if one.container.labels.get(LABEL_ROLE) != "job"]
    if standing:
        raise KollaError(
            f"containers of {name} are there: {', '.join(standing[:3])}",
            {"meanwhile": "nothing was touched", "next": "give another name: --as NAME"},
        )
    bring_image(about)
    (line,) = carry_out(about, "show", backup)
    shown = json.loads(line)
    files = _files(about, shown["backup"])
    if missing := {SETTINGS, SECRETS} - set(files):
        raise KollaError(
            f"{shown['backup']} does not hold {' and '.join(sorted(missing))}",
            {"meanwhile": "nothing was touched", "hint": "kolla-iac backup create puts them into each"},
        )
    secrets = json.loads(files[SECRETS])
    text, lost = settings_text(files[SETTINGS])
    volume = f"kolla-{name}-mariadb-1"
    when = ago(datetime.fromisoformat(shown["made"]), datetime.now(UTC))
    print(f"restore  {shown['backup']} of {about.name}, {shown['release']}, made {when} ago")
    print(proof(shown))
    elsewhere = bool(shown["kind"])
    size = f"{shown['rows']} rows, {shown['bytes'] / 1e6:.1f} MB"
    print(
        f"data     {size}, {'of an external server, which has them' if elsewhere else f'onto volume {volume}'}"
    )
    print(f"settings {os.path.relpath(file, checkout)}, with {len(secrets)} secrets")
    for key in lost:
        print(f"not      {key}: was encrypted with the passphrase of then; set it again")
    agreed(name, yes=yes, question=f"Type {name} to go on")
    if not shown["verified"]:
        print("\n".join(carry_out(about, "verify", shown["backup"])))
    with _written(checkout, name, file, text, secrets):
        if not elsewhere:
            _data(about, shown["backup"], name, volume)
    if elsewhere:
        print(f"lost?    where that server lost them: kolla-iac backup restore {name} {shown['backup']}")
        return
    for host in _elsewhere(about, file):
        print(f"warning  the settings place the database on {host}: bring the volume there, or change them")


def _data(about: Known, backup: str, name: str, volume: str) -> None:
    """The server's data, onto a volume that is new or was begun by a run that was cut off."""
    from kolla_iac.cli.repository import carry_out
    from kolla_iac.model.stage import LABEL_ENVIRONMENT

    about.context.hosts.client(HOST).volumes.create(volume, labels={LABEL_ENVIRONMENT: name})
    try:
        print("\n".join(carry_out(about, "restore-into", backup, into=volume)))
    except KollaError as error:
        again = f"if nobody needs what it holds: docker volume rm {volume}; then the same again"
        facts = {"volume": volume, "next": again, "or": "give another name: --as NAME"}
        raise KollaError(error.headline, {**error.facts, **facts}) from error


def _files(about: Known, backup: str) -> dict[str, str]:
    """Name -> content of what a backup holds beside the data; secret. No log ever has it: it comes by a volume."""
    from docker.types import Mount

    from kolla_iac.cli.repository import carry_out
    from kolla_iac.components.mariadb.backup.tools import RESTORED
    from kolla_iac.model.stage import LABEL_ENVIRONMENT, LABEL_ROLE

    labels = {LABEL_ENVIRONMENT: about.name, LABEL_ROLE: "job"}
    client = about.context.hosts.client(HOST)
    volume = client.volumes.create(labels=labels)
    try:
        carry_out(about, "cloud-into", backup, into=volume.name)
        mount = Mount(str(RESTORED), volume.name, type="volume", read_only=True)
        holder = client.containers.create(about.image, mounts=[mount], labels=labels)
        try:
            chunks, _ = holder.get_archive(str(RESTORED))
            packed = io.BytesIO(b"".join(chunks))
        finally:
            holder.remove(v=True)
    finally:
        volume.remove()
    found = {}
    with tarfile.open(fileobj=packed) as tar:
        for member in tar.getmembers():
            if (stream := tar.extractfile(member)) is not None:
                found[Path(member.name).name] = stream.read().decode()
    return found


def settings_text(text: str) -> tuple[str, list[str]]:
    """An environment's file without what only its passphrase of then opens, and the settings that are missed.

    Its secrets are in the backup beside it; of others no value is known. Comments stay.
    """
    import yaml

    from kolla_iac.model.stackfile import SECRETS_KEY

    config = yaml.safe_load(text)["config"]
    lost = [key for key, value in config.items() if isinstance(value, dict) and set(value) == {"secure"}]
    for key in (SECRETS_KEY, *lost):
        text = re.sub(rf"(?m)^( +){re.escape(key)}:.*\n(?:\1 +.*\n|\n)*", "", text)
    return re.sub(r"(?m)^(encryptionsalt|secretsprovider|encryptedkey):.*\n?", "", text), lost


@contextmanager
def _written(checkout: Path, name: str, file: Path, text: str, secrets: dict[str, str]) -> Iterator[None]:
    """The settings' file with its secrets, encrypted with the passphrase of here; it is in its place after the block.

    So nothing can be brought up before all that the block does is there.
    """
    import yaml

    from kolla_iac.cli import engine
    from kolla_iac.model.stackfile import SECRETS_KEY

    if engine.resources(checkout, name) is None:
        engine.pulumi(checkout, ["stack", "init", name, "--no-select", "--secrets-provider", "passphrase"])
        print(f"made     stack {name}")
    salt = yaml.safe_load(file.read_text()) if file.exists() else {}
    partial = file.with_name(f".{file.name}")
    try:
        partial.write_text(text + yaml.safe_dump(salt) if salt else text)
        for key, value in secrets.items():
            path = f"{SECRETS_KEY}.{key}"
            words = ["--path", "--secret", path, "--stack", name, "--config-file", str(partial)]
            engine.pulumi(checkout, ["config", "set", *words], stdin=value)
        yield
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _elsewhere(about: Known, file: Path) -> list[str]:
    """The host of the settings' database, where its endpoint is another one than that on which the data are now."""
    from kolla_iac.cli.repository import SERVICE
    from kolla_iac.model.stackfile import read_file

    settings = read_file(file).environment
    if settings is None:
        return []  # written for an older version of the settings: `kolla-iac check` says what to change
    here = about.settings.hosts[0].docker
    return [f"{one.name} ({one.docker})" for one in settings.place(SERVICE)[:1] if one.docker != here]
