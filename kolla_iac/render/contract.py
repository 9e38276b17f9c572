"""Kolla's container contract: ``config.json`` and the files that ``kolla_set_configs`` puts in their places.

Source: ``set_configs.py`` of the kolla package. ``perm`` is always written with four digits, since
``kolla_set_configs --check`` compares it as text; ``directories`` is not used, since images before kolla 22 lack it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from kolla_iac.model.stage import Upload

CONFIG_FILES = "/var/lib/kolla/config_files"


@dataclass(frozen=True)
class ConfigFile:
    """One file of a service."""

    dest: str
    """Absolute path in the container."""
    content: str
    owner: str = "root"
    perm: str = "0600"


@dataclass(frozen=True)
class Permission:
    """Owner and mode of a path that exists, or that a file made exist."""

    path: str
    owner: str
    perm: str
    recurse: bool = False


def uploads(
    command: str, files: Iterable[ConfigFile] = (), permissions: Iterable[Permission] = ()
) -> tuple[Upload, ...]:
    """The uploads that make a Kolla image run ``command`` with ``files``.

    Args:
        command: split on blanks by ``kolla_start``; no shell quoting.
    """
    files = tuple(files)
    config = {
        "command": command,
        "config_files": [
            {"source": _source(file), "dest": file.dest, "owner": file.owner, "perm": file.perm}
            for file in files
        ],
        "permissions": [
            {"path": item.path, "owner": item.owner, "perm": item.perm, "recurse": item.recurse}
            for item in permissions
        ],
    }
    return (
        Upload(path=f"{CONFIG_FILES}/config.json", content=json.dumps(config, indent=1), mode="0600"),
        *(Upload(path=_source(file), content=file.content, mode="0600") for file in files),
    )


def _source(file: ConfigFile) -> str:
    return CONFIG_FILES + file.dest
