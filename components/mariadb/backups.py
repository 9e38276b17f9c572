"""Backups of the whole server as data: the Job that makes, lists, verifies or restores them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kolla_iac.components.database.clients import option_file
from kolla_iac.components.database.server import DatabaseServer, tls_files
from kolla_iac.components.mariadb import sftp
from kolla_iac.components.mariadb.backup.tools import DATA, HERE, KEPT, REPOSITORY, RESTORED, VOLUMES
from kolla_iac.components.schemas import schemas
from kolla_iac.model.backup import CREDENTIALS, REPOSITORY_PASSWORD, SFTP_KEY, BackupSettings, Target
from kolla_iac.model.database import CLIENT_KEY
from kolla_iac.model.environment import Environment
from kolla_iac.model.rotation import Counts
from kolla_iac.model.stage import JobStage, Mount, Upload
from kolla_iac.render.contract import ConfigFile, uploads
from kolla_iac.resources.container import KOLLA_START

PROGRAM = Path(__file__).parent / "backup"
SECONDS = 6 * 3600
"""A bound on any of the phases; large servers and slow targets take their time."""


def place(target: Target) -> tuple[str, tuple[Mount, ...]]:
    """The repository as restic finds it in the container, and what is mounted for that.

    >>> place(Target(volume="safe"))
    ('/repository', (Mount(volume='safe', path='/repository', read_only=False),))
    >>> place(Target(restic="rest:http://backup.example:8000/"))
    ('rest:http://backup.example:8000/', ())
    """
    if target.sftp:
        return sftp.location(target.sftp), ()
    if target.restic:
        return target.restic, ()
    path = str(REPOSITORY)
    return path, (Mount(volume=target.directory or target.volume or "", path=path),)


@dataclass(frozen=True)
class Access:
    """What opens the repository and the server. All of it is secret."""

    password: str
    """Of the repository."""
    key: str = ""
    """Private key for an SFTP server."""
    credentials: str = ""
    """Lines ``NAME=VALUE`` for restic's environment."""
    client: str = ""
    """Option file with which a Job logs in to the whole server."""
    schemas: Mapping[str, str] = field(default_factory=dict)
    """Of a server of somebody else's: schema -> option file of its user. There is no ``client`` then."""
    certificates: tuple[ConfigFile, ...] = ()
    """Those that the option files name."""

    def to(self, phase: str) -> Access:
        """What a phase needs of it: few log in to a server."""
        if phase in ("create", "logs", "restore", "serve"):
            return self
        return replace(self, client="", schemas={}, certificates=())


def access(environment: Environment, secrets: Mapping[str, str], rotations: Counts) -> Access:
    """With the secrets of an environment."""
    external = environment.database.external
    opens = Access(
        secrets[REPOSITORY_PASSWORD.name], secrets.get(SFTP_KEY.name, ""), secrets.get(CREDENTIALS.name, "")
    )
    if external is None:
        password = secrets.get("mariadb_root_password", "")  # none is known yet of a cloud that is lost
        return replace(opens, client=option_file("mariadb.internal", 3306, "root", password))
    server = DatabaseServer(external.host, external.port, tls=external.tls)
    return replace(
        opens,
        schemas={
            one.name: option_file(
                external.host, external.port, one.user, secrets[one.secret], server.login["tls"]
            )
            for one in schemas(environment, rotations)
        },
        certificates=tuple(tls_files(external.tls, secrets.get(CLIENT_KEY.name, ""), "root")),
    )


def mounts(phase: str, environment: str, policy: BackupSettings, *, whole: bool = True) -> tuple[Mount, ...]:
    """The repository and, where a phase needs them, the server's data; only ``swap`` may write there.

    Args:
        whole: whether it is the service ``mariadb`` that is backed up, and not schemas elsewhere.
    """
    target = place(policy.target)[1]
    if not whole or phase not in ("create", "logs", "room", "swap"):
        return target
    data = f"kolla-{environment}-mariadb-1"
    return (*target, Mount(volume=data, path=DATA, read_only=phase != "swap"))


def files(
    command: str,
    *,
    environment: str,
    release: str,
    policy: BackupSettings,
    access: Access,
    cloud: Mapping[str, str] | None = None,
    volumes: Sequence[str] = (),
) -> tuple[Upload, ...]:
    """What a Job of the program gets.

    Args:
        command: a phase and its words.
        cloud: name -> content of what else a backup is to hold. Secret.
        volumes: names of the server's, of the restored one, of that which keeps, where they lie in /volumes.
    """
    orders = {
        "environment": environment,
        "release": release,
        "repository": place(policy.target)[0],
        "options": [sftp.option(policy.target.sftp)] if policy.target.sftp else [],
        "keep": policy.keep.model_dump(),
        "volumes": list(volumes),
        "schemas": list(access.schemas),
    }
    program = [
        ConfigFile(f"{HERE}/backup/{one.name}", one.read_text()) for one in sorted(PROGRAM.glob("*.py"))
    ]
    logins = {
        "client.cnf": access.client,
        "repository.env": access.credentials,
        **{f"{schema}.cnf": text for schema, text in access.schemas.items()},
    }
    more = [ConfigFile(f"{HERE}/cloud/{name}", text) for name, text in (cloud or {}).items()]
    return uploads(
        f"python3 -m backup {command}",
        [
            *program,
            ConfigFile(f"{HERE}/backup.json", json.dumps(orders)),
            ConfigFile(f"{HERE}/repository.password", access.password),
            *(sftp.files(policy.target.sftp, access.key) if policy.target.sftp else []),
            *(ConfigFile(f"{HERE}/{name}", text) for name, text in logins.items() if text),
            *access.certificates,
            *more,
        ],
    )


def job(
    phase: str,
    *words: str,
    environment: str,
    release: str,
    policy: BackupSettings,
    access: Access,
    hosts: Mapping[str, str],
    host: str,
    image: str,
    network: str,
    cloud: Mapping[str, str] | None = None,
    into: str = "",
    kept: str = "",
    together: str = "",
) -> JobStage:
    """The Job of one phase.

    Args:
        hosts: name -> Docker endpoint.
        network: that of the server for ``create`` and ``logs``; for others one from which the repository is reached.
        into: of ``restore-into`` and what follows it: name of a volume, or a directory of the host.
        kept: of ``swap``: name of the volume that is given the data which the server has now.
        together: of ``room`` and ``swap``: the directory of the host that holds all three volumes, so that nothing is
            to be copied; empty: they lie apart.
    """
    data = f"kolla-{environment}-mariadb-1"
    if together:
        mounted = (*place(policy.target)[1], Mount(volume=together, path=str(VOLUMES)))
    else:
        mounted = mounts(phase, environment, policy, whole=not access.schemas)
        if into:
            mounted = (*mounted, Mount(volume=into, path=str(RESTORED)))
        if phase == "swap":
            mounted = (*mounted, Mount(volume=kept, path=str(KEPT)))
    return JobStage(
        name=f"{environment}-backup-{phase}",  # the host name in a lock, by which restic knows whose it is
        environment=environment,
        service="mariadb",
        release="",
        hosts=dict(hosts),
        host=host,
        image=image,
        env={"KOLLA_CONFIG_STRATEGY": "COPY_ALWAYS", "PYTHONPATH": str(HERE)},
        files=files(
            " ".join([phase, *words]),
            environment=environment,
            release=release,
            policy=policy,
            access=access.to(phase),
            cloud=cloud,
            volumes=(data, into, kept) if together else (),
        ),
        mounts=mounted,
        network=network,
        user="root",
        capabilities=KOLLA_START,
        timeout=SECONDS,
    )
