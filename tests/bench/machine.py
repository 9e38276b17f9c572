"""The machine and the versions that figures were taken on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import docker

from tests.engine.harness import plugins_in_use

CHECKOUT = Path(__file__).resolve().parents[2]


def lines() -> list[tuple[str, str]]:
    """What is what, in the order in which it is printed."""
    daemon = docker.from_env()
    load = " ".join(f"{figure:.2f}" for figure in os.getloadavg())
    plugins = ", ".join(f"{name} {kind}" for name, kind in plugins_in_use().items())
    return [
        ("commit", _said("git", "-C", str(CHECKOUT), "describe", "--always", "--dirty")),
        ("machine", f"{os.cpu_count()} cores ({_cpu()}), {_memory()} GB, {_system()}"),
        ("load", f"{load} (1, 5 and 15 minutes, before the first figure)"),
        ("engine", _said("pulumi", "version")),
        ("plugins", plugins or "none installed"),
        ("Docker", str(daemon.version()["Version"])),
        ("Python", f"{platform.python_version()}, pulumi {version('pulumi')}, kolla {version('kolla')}"),
    ]


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or f"unknown ({done.stderr.strip()})"


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)


def _system() -> str:
    return f"{platform.freedesktop_os_release().get('PRETTY_NAME', 'Linux')}, Linux {platform.release()}"
