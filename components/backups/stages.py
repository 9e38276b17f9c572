"""The scheduled backups' deployment as data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import yaml

from kolla_iac.components.backups.settings import BackupsSettings
from kolla_iac.components.mariadb import backups
from kolla_iac.components.mariadb.backup import schedule as program
from kolla_iac.model.backup import Schedule, seconds
from kolla_iac.model.environment import Environment
from kolla_iac.model.rotation import NONE, Counts
from kolla_iac.model.stackfile import ROTATIONS_KEY, SETTINGS_KEY
from kolla_iac.model.stage import Upload
from kolla_iac.model.waits import ExecWait
from kolla_iac.plan.rollout import Act, Impact, Rollout

ALIVE = ("bash", "-c", f'test -n "$(find {program.ALIVE} -mmin -2)"')
"""A command that succeeds while the loop lives, whatever comes of the backups."""
STOP_SECONDS = 15
"""More than the program gives restic to take its locks away."""


def ready() -> ExecWait:
    """The loop has begun."""
    return ExecWait(what="the schedule of backups is kept", command=ALIVE, timeout=60)


def schedule(environment: Environment) -> Schedule:
    """The schedule of an environment that has one."""
    assert environment.backup.schedule is not None
    return environment.backup.schedule


def settings(environment: Environment, rotations: Mapping[str, Any]) -> str:
    """``settings.yaml`` in a backup: what the environment's file has in clear.

    Args:
        rotations: as they stand in the file.
    """
    config: dict[str, Any] = {SETTINGS_KEY: environment.model_dump(mode="json", exclude_unset=True)}
    config |= {ROTATIONS_KEY: dict(rotations)} if rotations else {}
    return yaml.safe_dump({"config": config}, sort_keys=False)


def files(
    environment: Environment, name: str, secrets: Mapping[str, str], rotations: Mapping[str, Any]
) -> tuple[Upload, ...]:
    """What its container gets.

    Args:
        name: of the environment.
        secrets: name -> value, all of them. Secret.
        rotations: as they stand in the environment's file.
    """
    when = schedule(environment)
    counted = {secret: int(one.get("count", 0)) for secret, one in rotations.items()}
    return backups.files(
        f"serve {seconds(when.every)} {seconds(when.verify)} {seconds(when.logs)}",
        environment=name,
        release=environment.release,
        policy=environment.backup,
        access=backups.access(environment, secrets, counted),
        cloud={
            "settings.yaml": settings(environment, rotations),
            "secrets.json": json.dumps(dict(secrets), indent=1),
        },
    )


def target(environment: Environment) -> tuple[Act, ...]:
    """What has to be there before, where that is not seen by itself."""
    volume = environment.backup.target.volume
    if volume is None:
        return ()
    return (Act("target", f"volume {volume} is there, for backups", {"volume": volume}, in_image=False),)


def rollout(environment: Environment, image: str = "", rotations: Counts = NONE) -> Rollout:
    """One loop beside the database server. It changes with the settings and the secrets, since backups hold them."""
    own = environment.service("backups", BackupsSettings)
    when, policy = schedule(environment), environment.backup
    text = "".join(one.read_text() for one in sorted(backups.PROGRAM.glob("*.py")))
    held = settings(environment, dict(sorted(rotations.items())))
    return Rollout(
        service="backups",
        release="",
        form="singleton",
        image=environment.service("mariadb").image or image,
        placement=tuple(host.name for host in environment.place("mariadb")),
        configuration={},
        before=target(environment),
        container={
            "schedule": f"a backup every {when.every}, one verified every {when.verify}, logs every {when.logs}",
            "target": ", ".join(f"{kind} {getattr(policy.target, kind)}" for kind in policy.target.given),
            "limits": str(own.limits),
            "health_check": str(own.health_check),
            "program": _digest(text),
            "settings and secrets held": _digest(held),
        },
        impact=Impact("none"),
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
