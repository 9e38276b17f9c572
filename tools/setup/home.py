"""What set-up leaves in ``.venv`` for .envrc: the engine, and the home that stand-in plugins need."""

import os
from pathlib import Path

from . import pins
from .engine import Engine
from .plugins import Plugins


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
