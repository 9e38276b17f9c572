"""The engine, its plugins, and what unlocks the secrets."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from kolla_iac.model.stackfile import read_file
from kolla_iac.runtime.checks import Check, Fact, Finding, Look, Said

PLUGINS = {"docker": "pulumi-docker", "command": "pulumi-command"}
"""Plugin -> the Python distribution whose version it must have."""
STAND_IN = "kolla_standin"
"""Stands in the script of every stand-in. Source: docs/explanation/stand-in-plugins.md."""


def enter(project: Path) -> str:
    """What gets the engine: a clone's own set-up, or what a project's README says to install."""
    if (project / "tools" / "setup").is_dir():
        return "make setup, then: source .envrc"
    return "install what README.md says, then: source .envrc"


def least(requirement: str) -> tuple[int, ...]:
    """The lowest version that a requirement allows.

    >>> least("pulumi<4,>=3.259")
    (3, 259)
    """
    found = re.search(r">=\s*([\d.]+)", requirement)
    return numbers(found[1]) if found else ()


def numbers(version: str) -> tuple[int, ...]:
    """``v3.259.0`` as (3, 259, 0).

    >>> numbers("20.10.24+dfsg1")
    (20, 10, 24)
    """
    found = re.match(r"v?(\d+(?:\.\d+)*)", version)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def cache() -> Path:
    """Where set-up keeps what it downloads and builds. Source: docs/reference/files.md."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kolla-iac"


def origin(pulumi: Path) -> str:
    """How an engine came here: ``downloaded``, ``built here``, or ``the machine's own``."""
    place = pulumi.resolve()
    if not place.is_relative_to(cache().resolve()):
        return "the machine's own"
    return "downloaded" if place.parent.name.endswith("-official") else "built here"


class Engine(Check):
    """Which engine is in use, and whether it is new enough."""

    name = "engine"
    title = "the engine and its Python host are there and new enough"
    asks_hosts = False

    def __init__(self, project: Path) -> None:
        self._enter = enter(project)

    def run(self, look: Look) -> Iterator[Said]:
        found = shutil.which("pulumi")
        if found is None:
            yield Finding("error", "this machine", "pulumi is not on PATH", self._enter)
            return
        said = subprocess.run([found, "version"], capture_output=True, text=True, timeout=30, check=False)
        version = said.stdout.strip().removeprefix("v")
        if said.returncode != 0:
            yield Finding(
                "error", found, f"does not start: {said.stderr.strip() or said.returncode}", self._enter
            )
            return
        yield Fact(f"pulumi {version}, {origin(Path(found))}: {found}")
        wanted = next(
            (one for one in metadata.requires("kolla-iac") or () if re.match(r"pulumi\b(?!-)", one)), ""
        )
        if numbers(version) < least(wanted):
            lowest = ".".join(map(str, least(wanted)))
            yield Finding("error", found, f"is {version}; at least {lowest} is needed", self._enter)
        if shutil.which("pulumi-language-python") is None:
            yield Finding("error", "this machine", "pulumi-language-python is not on PATH", self._enter)


class Plugins(Check):
    """Which plugins are in use, and why."""

    name = "plugins"
    title = "the plugins of the SDKs' versions are there"
    asks_hosts = False

    def __init__(self, project: Path) -> None:
        self._enter = enter(project)

    def run(self, look: Look) -> Iterator[Said]:
        for plugin, package in PLUGINS.items():
            version = metadata.version(package)
            found = place(plugin, version)
            if found is None:
                if fetched():
                    yield Fact(
                        f"{plugin} {version}, not here yet: the engine fetches it when it first needs it"
                    )
                    continue
                saw = f"plugin {plugin} {version} is neither in {home()}/plugins nor on PATH"
                yield Finding("error", "this machine", saw, self._enter)
            else:
                yield Fact(f"{plugin} {version}, {why(found)}")


def fetched() -> bool:
    """Whether the engine gets missing plugins by itself."""
    off = os.environ.get("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "").lower()
    return off in ("", "0", "false")


def home() -> Path:
    """The engine's home, where its plugins lie."""
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")


def place(plugin: str, version: str) -> Path | None:
    """The program that the engine starts: of PULUMI_HOME, else of PATH."""
    kept = home() / "plugins" / f"resource-{plugin}-v{version}" / f"pulumi-resource-{plugin}"
    if kept.exists():
        return kept
    found = shutil.which(f"pulumi-resource-{plugin}")
    return Path(found) if found else None


def why(program: Path) -> str:
    """Which one it is, and why that one."""
    head = program.open("rb").read(2000)
    if STAND_IN.encode() in head:
        return "stand-in: set-up found no official one here and could not download it (make setup RETRY=1 asks again)"
    return f"official: {program.resolve()}"


class Secrets(Check):
    """What unlocks the secrets, and whether all are there. No value is read."""

    name = "secrets"
    title = "passphrase and secrets are there, and nobody else reads them"
    asks_hosts = False

    def __init__(self, file: Path) -> None:
        self._file = file

    def run(self, look: Look) -> Iterator[Said]:
        missing = read_file(self._file).missing_secrets
        if missing:
            names = ", ".join(one.path.removeprefix("secrets.") for one in missing)
            mend = f"kolla-iac secrets generate {look.environment}"
            yield Finding("error", self._file.name, f"missing: {names}", mend)
        named = os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE", "")
        if provider := elsewhere(self._file.read_text(encoding="utf-8")):
            yield Fact(f"secrets are unlocked by {provider}")
        elif named:
            yield from private(Path(named), needed=True)
        elif "PULUMI_CONFIG_PASSPHRASE" not in os.environ:
            yield Finding("error", "this shell", "no passphrase is set", "source .envrc")
        secure = os.environ.get("OS_CLIENT_SECURE_FILE", "")
        if secure:
            yield from private(Path(secure), needed=False)


def elsewhere(text: str) -> str:
    """What unlocks the secrets of a stack's file where that is no passphrase; empty where it is one.

    >>> elsewhere("secretsprovider: awskms://alias/x\\nconfig: {}\\n"), elsewhere("secretsprovider: passphrase\\n")
    ('awskms://alias/x', '')
    """
    found = re.search(r"^secretsprovider: (\S+)", text, re.MULTILINE)
    return found[1] if found and found[1] != "passphrase" else ""


def private(file: Path, *, needed: bool) -> Iterator[Said]:
    """Whether a file with secrets is there and its owner's alone."""
    if not file.exists():
        if needed:
            yield Finding("error", str(file), "is not there", f"put it back from where you keep it: {file}")
        return
    mode = file.stat().st_mode & 0o777
    if mode & 0o077:
        yield Finding("error", str(file), f"others may read it (mode {mode:04o})", f"chmod 600 {file}")
    else:
        yield Fact(f"{file} has mode {mode:04o}")
