"""Backups of the whole database server, in the repository that the settings name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kolla_iac.cli import moment
from kolla_iac.errors import KollaError, SettingsError
from kolla_iac.model.backup import Target

if TYPE_CHECKING:
    from kolla_iac.model.environment import Environment
    from kolla_iac.runtime.containers import Found
    from kolla_iac.runtime.context import Context

SERVICE = "mariadb"


@dataclass(frozen=True)
class Known:
    """What a Job of a backup is made from."""

    name: str
    file: Path
    settings: Environment
    secrets: dict[str, str]
    context: Context
    rotations: Mapping[str, int] = field(default_factory=dict)
    """How often each secret was rotated."""

    @property
    def target(self) -> Target:
        """Where its backups go."""
        return self.settings.backup.target

    @property
    def external(self) -> str:
        """``host:port`` of a server of somebody else's that schemas are on; empty where it is the service."""
        external = self.settings.database.external
        return external.address if external else ""

    @property
    def image(self) -> str:
        """MariaDB's image, as the settings have it."""
        from kolla_iac.images import of_service

        return of_service(self.settings, SERVICE)


def known(project: Path, environment: str) -> Known:
    """Settings, secrets and hosts of an environment that has a target for backups.

    Raises:
        KollaError: it has none.
        SettingsError: the settings are wrong, or a secret is missing.
    """
    from kolla_iac.cli.engine import pulumi
    from kolla_iac.cli.project import existing
    from kolla_iac.cli.stage import context
    from kolla_iac.model.rotation import counts
    from kolla_iac.model.stackfile import SECRETS_KEY, load_file

    file = existing(project, environment)
    read = load_file(file)
    assert read.environment is not None
    if not read.environment.backup.target.given:
        raise KollaError(
            f"{environment} has no place for backups of its database server",
            {
                "wanted": f"backup.target in {file.name}",
                "hint": "backup: {target: {directory: /srv/backups}}",
            },
        )
    if read.missing_secrets:
        raise SettingsError(file.name, read.missing_secrets)
    said = json.loads(pulumi(project, ["config", "--show-secrets", "--json", "--stack", environment]))
    values = said[SECRETS_KEY]
    secrets = values.get("objectValue") or json.loads(values["value"])
    hosts = {host.name: host.docker for host in read.environment.hosts}
    return Known(
        environment,
        file,
        read.environment,
        secrets,
        context(hosts, lambda _: None),
        counts(read.rotations),
    )


def create(project: Path, environment: str) -> list[str]:
    """Backs the running server up, with the settings, the secrets and the state; what to tell the operator.

    Raises:
        KollaError: no server runs, or no backup was made: why, and the end of the log.
    """
    from kolla_iac.cli.engine import pulumi

    about = known(project, environment)
    _refuse_down(about)
    cloud = {
        "settings.yaml": about.file.read_text(),
        "secrets.json": json.dumps(about.secrets, indent=1),
        "state.json": pulumi(project, ["stack", "export", "--stack", environment]),
    }
    return carry_out(about, "create", cloud=cloud)


def logs(about: Known) -> list[str]:
    """Stores the running server's binary logs up to now; what to tell the operator.

    Raises:
        KollaError: no server runs, or they were not stored: why, and the end of the log.
    """
    refuse_external(about)
    _refuse_down(about)
    return carry_out(about, "logs")


def refuse_external(about: Known) -> None:
    """
    Raises:
        KollaError: the schemas are on a server of somebody else's, whose binary logs nobody here sees.
    """
    if about.external:
        raise KollaError(
            f"the binary logs of {about.external} are its owner's",
            {"why": "schemas there are backed up as dumps, and no moment between two of them is known"},
        )


def _refuse_down(about: Known) -> None:
    """
    Raises:
        KollaError: the server is the cloud's own, and does not run.
    """
    if not about.external and _server(about) is None:
        raise KollaError(f"no database server of {about.name} runs", {"next": f"kolla-iac up {about.name}"})


def listed(project: Path, environment: str) -> list[str]:
    """The backups of the server for people: a line each, the newest first.

    Raises:
        KollaError: the repository cannot be read; says why.
    """
    (line,) = carry_out(known(project, environment), "list")
    return table(json.loads(line), datetime.now(UTC))


def verify(project: Path, environment: str, backup: str) -> list[str]:
    """Restores a backup into a server of its own and compares; what to tell the operator.

    Raises:
        KollaError: it is not what was backed up; says what is wrong.
    """
    return carry_out(known(project, environment), "verify", backup)


def restore_into(project: Path, environment: str, backup: str, into: str, until: str = "") -> list[str]:
    """Restores a backup's data directory into an empty volume or directory of the database's host.

    Args:
        until: a moment up to which what was committed since the backup is added.

    Raises:
        KollaError: nothing was restored; says why.
    """
    about = known(project, environment)
    _there(about, into)
    return carry_out(about, "restore-into", backup, *[until] * bool(until), into=into)


def unlock(project: Path, environment: str) -> list[str]:
    """Takes every lock of the repository away."""
    return carry_out(known(project, environment), "unlock")


def table(said: dict[str, Any], now: datetime) -> list[str]:
    """What ``list`` of the program says, as lines."""
    from kolla_iac.cli.terminal import ago, columns

    head = ("backup", "age", "release", "data", "new in it", "verified", "kept as")
    rows = [
        (
            one["backup"],
            ago(datetime.fromisoformat(one["made"]), now),
            one["release"],
            f"{one['bytes'] / 1e6:.1f} MB",
            f"{one['added'] / 1e6:.1f} MB",
            f"{ago(moment.read(one['verified']), now)} ago" if one["verified"] else "never",
            ", ".join(one["kept_as"]) or "nothing: it goes with the next",
        )
        for one in said["backups"]
    ]
    lines = columns([head, *rows], indent="") if rows else ["no backup of the database server is there"]
    if said["cut_off"]:
        lines.append(f"{said['cut_off']} more cut off; counts for nothing and goes with the next backup")
    for span in said["moments"]:
        begin, end = (f"{moment.read(one):%Y-%m-%d %H:%M:%S}" for one in span)
        lines.append(f"restore --until reaches every moment from {begin} to {end} UTC")
    return lines


def _server(about: Known) -> Found | None:
    from kolla_iac.runtime.containers import of_service

    if about.external:
        return None  # one that runs nonetheless was left by a move
    found = of_service(about.context.hosts, about.name, SERVICE)
    return next((one for one in found if one.running), None)


def _there(about: Known, place: str) -> None:
    """
    Raises:
        KollaError: it is a volume, and not on the database's host.
    """
    from kolla_iac.runtime.volumes import there

    if not place.startswith("/"):
        there(about.context.hosts, about.settings.place(SERVICE)[0].name, place)


def carry_out(about: Known, phase: str, *words: str, **more: Any) -> list[str]:
    """Runs a phase of the program to its end.

    Raises:
        KollaError: in the program's own words, and the end of its log.
    """
    from kolla_iac.components.mariadb import backups
    from kolla_iac.runtime.job import run

    server = _server(about)
    if about.target.volume:
        _there(about, about.target.volume)
    host = server.host if server else about.settings.place(SERVICE)[0].name
    image = server.container.attrs["Config"]["Image"] if server else about.image
    if about.external:
        bring_image(about)
    stage = backups.job(
        phase,
        *words,
        environment=about.name,
        release=about.settings.release,
        policy=about.settings.backup,
        access=backups.access(about.settings, about.secrets, about.rotations),
        hosts={one.name: one.docker for one in about.settings.hosts},
        host=host,
        image=image,
        network=_network(about, phase, host, server),
        **more,
    )
    try:
        return run(stage, host, about.context)
    except KollaError as error:
        raise in_its_words(error) from error


def _network(about: Known, phase: str, host: str, server: Found | None) -> str:
    """From which a phase reaches the server, or else the repository alone."""
    from kolla_iac.runtime.containers import network_of

    if phase in ("create", "logs", "restore"):
        if server:
            return str(next(iter(server.container.attrs["NetworkSettings"]["Networks"])))
        return network_of(about.context.hosts, host, about.name)
    return "bridge" if about.target.restic or about.target.sftp else "none"


def bring_image(about: Known) -> None:
    """Brings MariaDB's image where it is missing: it has the tools that read a repository."""
    from docker.errors import ImageNotFound

    from kolla_iac.cli.images import Target as Images
    from kolla_iac.cli.images import bring
    from kolla_iac.model.service import services

    settings = about.settings
    host = settings.place(SERVICE)[0]
    try:
        about.context.hosts.client(host.name).images.get(about.image)
    except ImageNotFound:
        named = {services()[SERVICE].image: about.image}
        bring(Images(settings.release, {host.name: host.docker}, named, settings.images.source))


def in_its_words(error: KollaError) -> KollaError:
    """The program's last line as the headline, where it has said one."""
    log = error.facts.get("log")
    lines = list(log) if isinstance(log, Iterable) and not isinstance(log, str) else []
    said = [line for line in lines if not line.startswith(("+ ", "INFO:", "Running command:"))]
    return KollaError(said[-1], {"log": said[-4:-1]} if said[:-1] else {}) if said else error
