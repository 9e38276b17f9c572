"""What `kolla-iac up` looks at before it touches anything, and what it makes of an engine that failed."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from pathlib import Path

from kolla_iac.cli import engine
from kolla_iac.cli.project import root, settings_of
from kolla_iac.errors import KollaError, Problem, SettingsError
from kolla_iac.home import state_folder


def check(environment: str) -> list[str]:
    """Passphrase, state, hosts and ports.

    Returns:
        warnings: what does not stop an update.

    Raises:
        SettingsError: with every problem that does.
    """
    from kolla_iac.model.service import services
    from kolla_iac.runtime import preflight

    settings = settings_of(environment)
    published = [name for name in settings.enabled() if services()[name].port is not None]
    endpoints = [settings.endpoint(name) for name in published]
    found = [
        *state(),
        *preflight.problems(
            environment,
            {host.name: host.docker for host in settings.hosts},
            {one.name: (one.address, one.port) for one in endpoints},
        ),
    ]
    if found:
        raise SettingsError(f"{environment}: nothing was touched", found)
    return passphrase()


def passphrase() -> list[str]:
    """A warning where the passphrase's file is not its owner's alone."""
    name = os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE", "")
    path = Path(name)
    if not name or not path.is_file():
        return []
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return [f"{path} may be read by others (mode {mode:04o}); it opens every secret: chmod 600 {path}"]
    return []


def state() -> list[Problem]:
    """The folder of a state that lies on this machine can be written."""
    folder = state_folder(os.environ.get("PULUMI_BACKEND_URL", ""))
    if folder is None:
        return []
    inner = folder / ".pulumi" if (folder / ".pulumi").is_dir() else folder
    try:
        with tempfile.TemporaryFile(dir=inner):
            return []
    except OSError as error:
        hint = (
            "the state's backend is PULUMI_BACKEND_URL; make it writable, or make setup makes the usual one"
        )
        return [Problem(str(inner), f"cannot be written: {error.strerror}", hint)]


def explain(environment: str) -> dict[str, str]:
    """Why the engine cannot work with this environment at all; empty where that is not what is wrong.

    Asks it for what needs passphrase and state, and no host.
    """
    try:
        engine.pulumi(root(), ["stack", "output", "--json", "--show-secrets", "--stack", environment])
        engine.pulumi(root(), ["config", "--show-secrets", "--json", "--stack", environment])
    except KollaError as error:
        said = error.facts.get("said", "")
        text = said if isinstance(said, str) else "\n".join(said)
        return known(text, environment)
    return {}


def known(said: str, environment: str) -> dict[str, str]:
    """Place, reason and what to type, for what an engine says that does not name them."""
    if "passphrase" in said:
        place = os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE") or "PULUMI_CONFIG_PASSPHRASE"
        return {
            "place": place,
            "reason": "the passphrase is not the one with which this environment's secrets were encrypted",
            "next": "put the right one there; no secret can be read without it, and nothing else helps",
        }
    folder = state_folder(os.environ.get("PULUMI_BACKEND_URL", ""))
    for file in (folder / ".pulumi" / "stacks").glob(f"**/{environment}.json") if folder else ():
        try:
            json.loads(file.read_text())
        except ValueError as error:
            kept = file.with_name(f"{file.name}.bak")
            return {
                "place": str(file),
                "reason": f"the state is damaged: {error}",
                "next": f"cp {kept} {file}  (the state before the last change), then: kolla-iac up {environment}",
            }
        beside = file.with_name(f"{file.name}.attrs")
        if beside.exists() and not beside.stat().st_size:
            return {
                "place": str(beside),
                "reason": "an engine was killed while it wrote this file; the state itself is whole",
                "next": f"rm {beside}, then: kolla-iac up {environment}",
            }
    return {}
