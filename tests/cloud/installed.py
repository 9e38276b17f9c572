"""The package as its users have it: a wheel, built from the tree, and an empty environment that it is put into."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.setup.environment import uv

from .support import CHECKOUT

SYSTEM = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where the test's commands find everything but what they are about."""


@dataclass(frozen=True)
class Installed:
    """A wheel, and a virtual environment with nothing but that wheel, what it needs, and pip."""

    wheel: Path
    venv: Path
    engine: Path
    """A folder with Pulumi's programs alone: the checkout's own environment must not be on PATH."""

    @property
    def path(self) -> str:
        """PATH with that environment in front."""
        return ":".join(map(str, (self.venv / "bin", self.engine, *SYSTEM)))

    @property
    def path_without(self) -> str:
        """PATH with uv and the engine, and no kolla-iac."""
        return ":".join(map(str, (self.engine, uv().parent, *SYSTEM)))


def install(folder: Path) -> Installed:
    """Builds and installs; the folder must be empty."""
    wheel = build(CHECKOUT, folder / "wheel")
    python = folder / "venv" / "bin" / "python"
    run(uv(), "venv", "--python", "3.11", folder / "venv")
    # pip, because the engine's Python host asks it for the packages; a wheel's reader has it anyway
    run(uv(), "pip", "install", "--python", python, "pip", wheel)
    engine = folder / "engine"
    engine.mkdir()
    for program in Path(shutil.which("pulumi") or "pulumi").parent.glob("pulumi*"):
        (engine / program.name).symlink_to(program.resolve())
    return Installed(wheel, folder / "venv", engine)


def build(source: Path, folder: Path) -> Path:
    """The wheel of a tree."""
    run(uv(), "build", "--wheel", "--out-dir", folder, source)
    (wheel,) = folder.glob("*.whl")
    return wheel


def run(*command: str | Path) -> None:
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
