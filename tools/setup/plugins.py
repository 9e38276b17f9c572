"""Pulumi's docker and command plugins: the official ones, else our stand-ins in a home of their own."""

import os
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from . import pins
from .cache import cache_root, kept, key
from .engine import Engine
from .environment import locked, uv, version_of
from .errors import SetupError
from .report import Report
from .shell import Command, run

_SITE = ("get.pulumi.com", 443)
_INSTALL_SECONDS = 300.0

_SCRIPT = """\
#!/bin/sh
# stand-in for Pulumi's {name} plugin: docs/explanation/stand-in-plugins.md
root=$(cd -P "$(dirname "$0")" && cd -P ../../.. && pwd) || exit 1
exec "$root/venv/bin/python" -I -m kolla_standin {name} {version} "$@"
"""


@dataclass(frozen=True)
class Plugins:
    """Which plugins are in use.

    Attributes:
        home: PULUMI_HOME to set, or None where the user's own serves.
        standins: names of the plugins that are stood in for.
    """

    home: Path | None
    standins: tuple[str, ...]

    def __str__(self) -> str:
        return f"stand-ins for {' and '.join(self.standins)}" if self.standins else "official plugins"


def _user_home() -> Path:
    """The user's own PULUMI_HOME, never the one that an earlier set-up made for stand-ins."""
    given = os.environ.get("PULUMI_HOME")
    if given and not Path(given).is_relative_to(cache_root()):
        return Path(given)
    return Path.home() / ".pulumi"


def _folder(home: Path, name: str, version: str) -> Path:
    return home / "plugins" / f"resource-{name}-v{version}"


def find_plugins(checkout: Path, engine: Engine, report: Report, *, retry: bool) -> Plugins:
    """The plugins, in the versions of the locked SDKs.

    Args:
        retry: ask the download site again although stand-ins are there already.
    """
    lock = checkout / "requirements.lock"
    versions = {name: version_of(lock, package) for name, package in pins.PLUGINS.items()}
    missing = _missing(versions)
    if not missing:
        return Plugins(None, ())
    made = _standin_key(checkout, versions)
    there = (cache_root() / "standins" / made).is_dir()
    if (retry or not there) and _reachable(report):
        for name in missing:
            command: Command = [engine.pulumi, "plugin", "install", "resource", name, versions[name]]
            try:
                env = {"PULUMI_HOME": str(_user_home())}
                run(command, need=f"plugin {name}", timeout=_INSTALL_SECONDS, env=env)
            except SetupError as error:
                report.say(f"the official plugin {name} {versions[name]} is not to be had: {error.why}")
        missing = _missing(versions)
        if not missing:
            return Plugins(None, ())
    folder, _ = kept("standins", made, lambda new: _make(checkout, versions, new))
    home = folder / "home"
    _prefer_official(home, versions, missing)
    return Plugins(home, tuple(missing))


def _missing(versions: dict[str, str]) -> list[str]:
    """The plugins that are neither in the user's plugin cache nor on PATH."""
    return [
        name
        for name, version in versions.items()
        if not (_folder(_user_home(), name, version) / f"pulumi-resource-{name}").exists()
        and shutil.which(f"pulumi-resource-{name}") is None
    ]


def _reachable(report: Report) -> bool:
    try:
        socket.create_connection(_SITE, timeout=pins.CONNECT_SECONDS).close()
    except OSError as error:
        if not (os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")):
            report.say(
                f"no official plugins to be had ({_SITE[0]}: {error.strerror or error}): using stand-ins"
            )
            return False
    return True


def _standin_key(checkout: Path, versions: dict[str, str]) -> str:
    needs = locked(checkout / "requirements.lock", pins.STANDIN_PACKAGES)
    source = checkout / "tools" / "airgap" / "plugins" / "kolla_standin"
    return key([source, needs, _SCRIPT, repr(versions), sys.version, sys.base_prefix])


def _make(checkout: Path, versions: dict[str, str], folder: Path) -> None:
    """A home with the stand-ins in its plugin cache, and the environment that they run in beside it."""
    need = "the environment of the stand-in plugins"
    installer, venv = uv(), folder / "venv"
    run([installer, "venv", "--quiet", "--python", sys.executable, venv], need=need)
    needs = folder / "requirements.txt"
    needs.write_text(locked(checkout / "requirements.lock", pins.STANDIN_PACKAGES))
    python = venv / "bin" / "python"
    install = ["pip", "install", "--quiet", "--no-deps", "--require-hashes", "--compile-bytecode"]
    run([installer, *install, "--python", python, "-r", needs], need=need)
    site = next((venv / "lib").glob("python3*/site-packages"))
    source = checkout / "tools" / "airgap" / "plugins" / "kolla_standin"
    shutil.copytree(source, site / "kolla_standin", ignore=shutil.ignore_patterns("__pycache__"))
    run([python, "-m", "compileall", "-q", site / "kolla_standin"], need=need)
    for name, version in versions.items():
        script = _folder(folder / "home", name, version) / f"pulumi-resource-{name}"
        script.parent.mkdir(parents=True)
        script.write_text(_SCRIPT.format(name=name, version=version))
        script.chmod(0o755)


def _prefer_official(home: Path, versions: dict[str, str], missing: list[str]) -> None:
    """Where one plugin is official and the other is not, the stand-ins' home leads to the official one."""
    for name, version in versions.items():
        official, here = _folder(_user_home(), name, version), _folder(home, name, version)
        if name not in missing and official.is_dir() and not here.is_symlink():
            here.rename(here.with_name(f".{here.name}.standin"))
            here.symlink_to(official)
        elif name in missing and here.is_symlink():
            here.unlink()
            here.with_name(f".{here.name}.standin").rename(here)
