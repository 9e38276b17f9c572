"""The checkout's virtual environment, exactly what requirements.lock says."""

import os
import shutil
import sys
from pathlib import Path

from . import pins
from .cache import kept, key
from .errors import SetupError
from .shell import Command, answers, install, run


def uv() -> Path:
    """The package installer ``uv``: the machine's own, else fetched with pip into the cache.

    Raises:
        SetupError: neither is there, nor can be had.
    """
    found = shutil.which("uv")
    if found and answers([found, "--version"]):
        return Path(found)
    folder, _ = kept("uv", pins.UV.replace("==", "-"), _fetch_uv)
    return folder / "bin" / "uv"


def _fetch_uv(folder: Path) -> None:
    need = f"{pins.UV} from PyPI, which installs the locked Python packages"
    venv: Command = [sys.executable, "-m", "venv", folder]
    if answers(venv, timeout=120) is None:
        if os.geteuid() == 0 and shutil.which("apt-get"):
            install("python3-venv", need="Debian's package python3-venv")
            shutil.rmtree(folder)
            run(venv, need=need)
        else:
            raise SetupError(
                "the Python module venv is incomplete here",
                f"it makes the place for {need}",
                "sudo apt-get install python3-venv && make setup",
            )
    run([folder / "bin" / "python", "-m", "pip", "install", "-q", pins.UV], need=need)


def locked(lock: Path, packages: tuple[str, ...]) -> str:
    """The entries of ``packages`` in ``lock``, with their hashes, as a requirements file."""
    entries: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lock.read_text().splitlines():
        if line and not line.startswith((" ", "#")):
            current = entries.setdefault(line.split("==")[0], [])
        current.append(line)
    missing = [name for name in packages if name not in entries]
    if missing:
        raise SetupError(
            f"{', '.join(missing)} missing from {lock.name}", "the stand-in plugins need it", "make lock"
        )
    return "\n".join(line for name in packages for line in entries[name]) + "\n"


def version_of(lock: Path, package: str) -> str:
    """The locked version of ``package``."""
    return locked(lock, (package,)).split("==")[1].split()[0]


def make_environment(checkout: Path) -> str:
    """Make or mend ``.venv``; return what was done."""
    venv, lock = checkout / ".venv", checkout / "requirements.lock"
    python = venv / "bin" / "python"
    stamp = venv / "kolla-iac.installed"
    wanted = key([lock, checkout / "pyproject.toml", str(checkout.resolve()), sys.version.split()[0]])
    if stamp.is_file() and stamp.read_text() == wanted and os.access(python, os.X_OK):
        return "as locked already"
    stamp.unlink(missing_ok=True)
    installer = uv()
    target = {"VIRTUAL_ENV": str(venv), "UV_PROJECT_ENVIRONMENT": str(venv)}
    if answers([python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]) is None:
        need = "a virtual environment in .venv"
        run([installer, "venv", "--clear", "--python", sys.executable, venv], need=need, cwd=checkout)
    need = "the Python packages of requirements.lock"
    sync: Command = ["pip", "sync", "--quiet", "--require-hashes", "--python", python, lock]
    run([installer, *sync], need=need, cwd=checkout, env=target)
    itself: Command = ["pip", "install", "--quiet", "--no-deps", "--python", python, "-e", checkout]
    run([installer, *itself], need="kolla_iac itself, in .venv", cwd=checkout, env=target)
    stamp.write_text(wanted)
    return "packages installed as locked"
