"""What comes from the installed PyPI package ``kolla``: its scripts, its user table, its version.

Read from the package's files and never imported: importing kolla reads the distribution's metadata and its
configuration library, and only its files are needed.
"""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from kolla_iac.errors import KollaError


@dataclass(frozen=True, order=True)
class User:
    """A user that exists, with this number, in every image of Kolla's contract."""

    name: str
    uid: int
    group: str
    gid: int


@cache
def package() -> Path:
    """Folder of the installed package ``kolla``.

    Raises:
        KollaError: it is not installed, or so old that it keeps its templates elsewhere.
    """
    spec = find_spec("kolla")
    if spec is None or not spec.submodule_search_locations:
        raise KollaError(
            "the Python package kolla is not installed",
            {
                "wanted": "Kolla's scripts and user table, for the images",
                "next": "pip install 'kolla>=23,<24'",
            },
        )
    folder = Path(next(iter(spec.submodule_search_locations)))
    if not (folder / "docker").is_dir():
        raise KollaError(
            "the installed package kolla has no folder docker",
            {
                "wanted": "kolla 23, which keeps its scripts in the package",
                "saw": f"kolla {version('kolla')}",
            },
        )
    return folder


@cache
def kolla_version() -> str:
    """``23.0.0``."""
    return version("kolla")


def script(path: str) -> bytes:
    """Content of a file of Kolla's templates, e.g. ``base/start.sh``.

    Raises:
        KollaError: kolla has no such file.
    """
    file = package() / "docker" / path
    if not file.is_file():
        raise KollaError(f"kolla {kolla_version()} has no file {path}", {"wanted": "a script for a recipe"})
    return file.read_bytes()


@cache
def users() -> tuple[User, ...]:
    """Kolla's user table, sorted by name. Source: ``kolla.common.users.USERS``.

    A group has its user's name unless the table says otherwise.
    """
    table = cast(
        "Mapping[str, Mapping[str, int | str]]",
        runpy.run_path(str(package() / "common" / "users.py"))["USERS"],
    )
    return tuple(
        sorted(
            User(name, int(row["uid"]), str(row.get("group", name)), int(row["gid"]))
            for name, row in ((key.removesuffix("-user"), row) for key, row in table.items())
        )
    )


def passwd() -> str:
    """The table as lines of ``/etc/passwd``."""
    rows = sorted(users(), key=lambda user: user.uid)
    return "".join(f"{u.name}:x:{u.uid}:{u.gid}::/home/{u.name}:/usr/sbin/nologin\n" for u in rows)


def group() -> str:
    """The table as lines of ``/etc/group``, each group once."""
    rows = dict(sorted((user.gid, user.group) for user in users()))
    return "".join(f"{name}:x:{gid}:\n" for gid, name in rows.items())
