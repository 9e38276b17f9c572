"""What the programs of this folder get in the Jobs that run them: themselves, their orders, certificates."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kolla_iac.components.database.user import GRANTS
from kolla_iac.model.backup import BackupSettings
from kolla_iac.model.database import SUPPORTED
from kolla_iac.model.stage import Upload
from kolla_iac.render.contract import ConfigFile, uploads

HERE = Path(__file__).parent
INSIDE = "/etc/kolla-iac"
PYTHON = f"env PYTHONPATH={INSIDE} /var/lib/kolla/venv/bin/python"


@dataclass(frozen=True)
class Login:
    """A user of a schema."""

    schema: str
    user: str
    password: str
    """Secret."""


@dataclass(frozen=True)
class Demand:
    """What a service asks of a server."""

    connections: int
    """Opened at once at most, both generations together."""
    recycle: int
    """Seconds after which it opens an idle connection anew."""


def schema_files(
    phase: str, server: Mapping[str, Any], admin: tuple[str, str], login: Login, tls: Iterable[ConfigFile]
) -> tuple[Upload, ...]:
    """What a Job of ``script.py`` gets.

    Args:
        server: as ``DatabaseServer.login`` has it.
        admin: user and password; both empty where there is none. Secret.
        tls: certificates and key.
    """
    user, password = admin
    orders = {"admin_user": user, "admin_password": password, "grants": GRANTS, **vars(login)}
    return uploads(
        f"{PYTHON} -m database.script {phase}",
        [*_package("script", "login", "mark"), _orders("database", {**server, **orders}), *tls],
    )


def check_files(
    phase: str,
    server: Mapping[str, Any],
    admin: tuple[str, str],
    logins: Iterable[Login],
    demand: Demand,
    tls: Iterable[ConfigFile],
) -> tuple[Upload, ...]:
    """What a Job of ``check.py`` gets; see ``schema_files``."""
    user, password = admin
    orders = {
        "admin": {"user": user, "password": password} if user else None,
        "schemas": [vars(login) for login in logins],
        "grants": GRANTS,
        "supported": SUPPORTED,
        **vars(demand),
    }
    return uploads(
        f"{PYTHON} -m database.check {phase}",
        [*_package("check", "judge", "variables", "login"), _orders("check", {**server, **orders}), *tls],
    )


def move_files(
    phase: str,
    environment: str,
    source: tuple[Mapping[str, Any], tuple[str, str]],
    target: Mapping[str, Any],
    login: Login,
    tls: Iterable[ConfigFile],
) -> tuple[Upload, ...]:
    """What a Job of ``move.py`` gets.

    Args:
        environment: whose schema it is, as both servers are told.
        source: as ``DatabaseServer.login`` has it; user and password of an administrator, empty where there is none.
        target: as ``DatabaseServer.login`` has it.
        tls: certificates and key of both.
    """
    server, (user, password) = source
    orders = {
        "environment": environment,
        **vars(login),
        "source": {**server, "admin_user": user, "admin_password": password},
        "target": target,
    }
    return uploads(
        f"{PYTHON} -m database.move {phase}",
        [*_package("move", "rows", "login", "mark"), _orders("move", orders), *tls],
    )


def dump_files(
    policy: BackupSettings, schema: str, client: str, command: str, tls: Iterable[ConfigFile] = ()
) -> tuple[Upload, ...]:
    """What a Job of ``dump.py`` gets.

    Args:
        client: the option file with which it logs in. Secret.
    """
    orders = {
        "schema": schema,
        "required": policy.before_upgrade == "required",
        "trial": policy.verified,
        "keep": policy.keep.last,
    }
    program = ConfigFile(f"{INSIDE}/dump.py", (HERE / "dump.py").read_text())
    client_file = ConfigFile(f"{INSIDE}/client.cnf", client)
    return uploads(command, [program, _orders("dump", orders), client_file, *tls])


def _package(*names: str) -> list[ConfigFile]:
    """Modules of this folder, as the package ``database``."""
    return [
        ConfigFile(f"{INSIDE}/database/{name}.py", (HERE / f"{name}.py").read_text())
        for name in ("__init__", *names)
    ]


def _orders(name: str, orders: Mapping[str, Any]) -> ConfigFile:
    return ConfigFile(f"{INSIDE}/{name}.json", json.dumps(orders))
