"""`kolla-iac clouds`: an environment's entry in a clouds.yaml of the user's choice."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from kolla_iac.errors import KollaError

CONFIG_VARIABLE = "OS_CLIENT_CONFIG_FILE"
SECURE_VARIABLE = "OS_CLIENT_SECURE_FILE"


def clouds(
    environment: Annotated[str, typer.Argument(metavar="ENV", help="Name of the environment.")],
    file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"The clouds.yaml. Without: ${CONFIG_VARIABLE}, else ~/.config/openstack/clouds.yaml.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Of the entry. Without: kolla-ENV.", show_default=False)
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before an entry is replaced.")] = False,
) -> None:
    """Add the environment's entry to a clouds.yaml, its password to the secure.yaml beside it (mode 0600).

    An entry of the same name that differs is replaced only after asking. Everything else in the file stays as it is.
    """
    from kolla_iac.cli import client

    target, secure = places(file, os.environ)
    chosen = name or f"kolla-{environment}"
    wanted = client.entry(outputs(environment))
    password = wanted["auth"].pop("password")
    changed = differing(target, secure, chosen, wanted, password)
    if changed is None:
        print(f"kept     {chosen} in {target}, as it is")
    else:
        if changed and not yes:
            ask(target, chosen, changed)
        client.put(secure, chosen, with_password(secure, chosen, password), private=True)
        client.put(target, chosen, wanted, private=False)
        print(f"{'replaced' if changed else 'added'}  {chosen} in {target}, its password in {secure}")
    print(f"use it   {usage(target, secure, chosen, os.environ)}")


def outputs(environment: str) -> dict[str, Any]:
    """The stack's outputs, secrets in clear; for this process only.

    Raises:
        KollaError: no such environment, or it is not up.
    """
    from kolla_iac.cli import engine, project

    checkout = project.root()
    project.existing(checkout, environment)
    line = ["stack", "output", "--json", "--show-secrets", "--stack", environment]
    found: dict[str, Any] = json.loads(engine.pulumi(checkout, line))
    if not {"keystone", "region", "admin"} <= set(found):
        raise KollaError(f"{environment} is not up", {"next": f"kolla-iac up {environment}"})
    return found


def places(file: Path | None, variables: Mapping[str, str]) -> tuple[Path, Path]:
    """clouds.yaml and secure.yaml, links followed. Source: openstacksdk, "Configuration files"."""
    if file is not None:
        target = file.expanduser().resolve()
        return target, target.with_name("secure.yaml")
    target = (
        Path(variables.get(CONFIG_VARIABLE) or searched(variables) / "clouds.yaml").expanduser().resolve()
    )
    beside = target.with_name("secure.yaml")
    return target, Path(variables.get(SECURE_VARIABLE) or beside).expanduser().resolve()


def searched(variables: Mapping[str, str]) -> Path:
    """The user's folder in which the openstack client looks by itself."""
    return Path(variables.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "openstack"


def differing(
    target: Path, secure: Path, name: str, wanted: dict[str, Any], password: str
) -> list[str] | None:
    """What writing would change in an entry that is there. Empty: there is none yet; None: it is the same."""
    from kolla_iac.cli.client import text_of
    from kolla_iac.cli.entries import differences, entry_in

    there = entry_in(text_of(target), name, str(target))
    hidden = entry_in(text_of(secure), name, str(secure)) or {}
    known = (hidden.get("auth") or {}).get("password")
    if there is None and known is None:
        return []
    changed = differences(there or {}, wanted)
    if known is not None and known != password:
        changed.append("auth.password: another one")
    mode_is_right = secure.exists() and not secure.stat().st_mode & 0o077
    if not changed and known is not None and mode_is_right:
        return None
    return changed if there is not None else [line for line in changed if "is new" not in line]


def with_password(secure: Path, name: str, password: str) -> dict[str, Any]:
    """The entry of secure.yaml as it shall be; what else stands in it stays."""
    from kolla_iac.cli.client import text_of
    from kolla_iac.cli.entries import entry_in

    there = entry_in(text_of(secure), name, str(secure)) or {}
    return {**there, "auth": {**(there.get("auth") or {}), "password": password}}


def ask(target: Path, name: str, changed: list[str]) -> None:
    """Shows what changes, and returns if that is wanted.

    Raises:
        KollaError: it is not, or nobody is there to say so.
    """
    print(f"{name} is in {target} already, and differs:")
    print("\n".join(f"  {line}" for line in changed))
    try:
        wanted = typer.confirm("Replace it?")
    except typer.Abort:
        wanted = False
        print(file=sys.stderr)
    if not wanted:
        raise KollaError("nothing was touched", {"next": "--yes replaces it, --name gives another name"})


def usage(target: Path, secure: Path, name: str, variables: Mapping[str, str]) -> str:
    """The command that uses the entry, from where the user stands."""
    command = f"openstack --os-cloud {name} token issue"
    known, _ = places(None, variables)
    hidden = (
        Path(variables.get(SECURE_VARIABLE) or searched(variables) / "secure.yaml").expanduser().resolve()
    )
    named = [f"{CONFIG_VARIABLE}={target}"] if target != known else []
    named += [f"{SECURE_VARIABLE}={secure}"] if secure != hidden else []
    return " ".join([*named, command])
