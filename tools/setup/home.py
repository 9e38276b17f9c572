"""Where state and passphrase live, and the lines that .envrc reads."""

import contextlib
import os
import secrets
from pathlib import Path

from . import pins
from .engine import Engine
from .plugins import Plugins


def data_home() -> Path:
    """``$KOLLA_IAC_HOME``, by default ``$XDG_DATA_HOME/kolla-iac`` (``~/.local/share/kolla-iac``)."""
    if given := os.environ.get("KOLLA_IAC_HOME"):
        return Path(given)
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "kolla-iac"


def make_home() -> Path:
    """The folder for state (mode 0700) with a random passphrase (0600). What is there is kept."""
    home = data_home()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / "state").mkdir(mode=0o700, exist_ok=True)
    passphrase = home / "passphrase"
    if not passphrase.exists():
        new = home / f".passphrase.{os.getpid()}"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(secrets.token_urlsafe(32) + "\n")
        with contextlib.suppress(FileExistsError):  # never over one that another set-up has just made
            os.link(new, passphrase)
        new.unlink()
    return home


def link_engine(checkout: Path, engine: Engine) -> None:
    """Links in ``.venv/bin`` to an engine of ours; none where the machine's own is on PATH."""
    for name in pins.ENGINE_FILES:
        link = checkout / ".venv" / "bin" / name
        target = engine.folder / name
        if engine.origin == "on PATH" or not target.exists():
            link.unlink(missing_ok=True)
        elif not link.is_symlink() or link.readlink() != target:
            new = link.with_name(f".{name}.{os.getpid()}")
            new.symlink_to(target)
            new.replace(link)


def write_choice(checkout: Path, plugins: Plugins) -> None:
    """Leave for .envrc which PULUMI_HOME the stand-ins need; nothing where they are not in use."""
    note = checkout / ".venv" / "kolla-iac.pulumi-home"
    if plugins.home is None:
        note.unlink(missing_ok=True)
    elif not note.is_file() or note.read_text().strip() != str(plugins.home):
        new = note.with_name(f"{note.name}.{os.getpid()}")
        new.write_text(f"{plugins.home}\n")
        new.replace(note)
