"""Backups of the whole server as data: the Job that makes, lists, verifies or restores them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from kolla_iac.components.mariadb import sftp
from kolla_iac.components.mariadb.backup.tools import DATA, HERE, KEPT, REPOSITORY, RESTORED, VOLUMES
from kolla_iac.model.backup import BackupSettings, Target
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


def mounts(phase: str, environment: str, policy: BackupSettings) -> tuple[Mount, ...]:
    """The repository and, where a phase needs them, the server's data; only ``swap`` may write there."""
    target = place(policy.target)[1]
    if phase not in ("create", "logs", "room", "swap"):
        return target
    data = f"kolla-{environment}-mariadb-1"
    return (*target, Mount(volume=data, path=DATA, read_only=phase != "swap"))


def files(
    command: str,
    *,
    environment: str,
    release: str,
    policy: BackupSettings,
    password: str,
    key: str = "",
    client: str = "",
    cloud: Mapping[str, str] | None = None,
    volumes: Sequence[str] = (),
) -> tuple[Upload, ...]:
    """What a Job of the program gets.

    Args:
        command: a phase and its words.
        password: of the repository. Secret.
        key: private key for an SFTP server. Secret.
        client: the option file with which it logs in to the server. Secret.
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
    }
    program = [
        ConfigFile(f"{HERE}/backup/{one.name}", one.read_text()) for one in sorted(PROGRAM.glob("*.py"))
    ]
    more = [ConfigFile(f"{HERE}/cloud/{name}", text) for name, text in (cloud or {}).items()]
    return uploads(
        f"python3 -m backup {command}",
        [
            *program,
            ConfigFile(f"{HERE}/backup.json", json.dumps(orders)),
            ConfigFile(f"{HERE}/repository.password", password),
            *(sftp.files(policy.target.sftp, key) if policy.target.sftp else []),
            *([ConfigFile(f"{HERE}/client.cnf", client)] if client else []),
            *more,
        ],
    )


def job(
    phase: str,
    *words: str,
    environment: str,
    release: str,
    policy: BackupSettings,
    password: str,
    hosts: Mapping[str, str],
    host: str,
    image: str,
    network: str,
    key: str = "",
    client: str = "",
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
        mounted = mounts(phase, environment, policy)
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
            password=password,
            key=key,
            client=client,
            cloud=cloud,
            volumes=(data, into, kept) if together else (),
        ),
        mounts=mounted,
        network=network,
        user="root",
        capabilities=KOLLA_START,
        timeout=SECONDS,
    )
