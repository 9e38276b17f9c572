"""What must be seen beside Keystone: its keys and its schema. Runs inside a replica, and changes nothing.

No key leaves the container: what is compared is the beginning of a SHA-256.
"""

import configparser
import hashlib
import importlib.util
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

CONFIG = Path("/etc/keystone/keystone.conf")
REPOSITORIES = {"fernet": "fernet_tokens", "credential": "credential"}
"""Keys -> the section of keystone.conf whose ``key_repository`` names their folder."""
MIGRATIONS = "common/sql/migrations/versions"


def key(file: Path) -> dict[str, Any]:
    """A fingerprint, the mode, and when it was written (seconds since 1970)."""
    about = file.stat()
    fingerprint = hashlib.sha256(file.read_bytes().strip()).hexdigest()[:12]
    return {"print": fingerprint, "mode": about.st_mode & 0o777, "written": about.st_mtime}


def conf() -> configparser.ConfigParser:
    """What this replica was configured with."""
    read = configparser.ConfigParser(interpolation=None, strict=False)
    read.read(CONFIG)
    return read


def folder(keys: str, section: str) -> dict[str, Any]:
    """A folder of keys, by index as text; none if it is not there. A negative index is a key still in preparation."""
    usual = str(CONFIG.with_name(f"{keys}-keys"))
    path = Path(conf().get(section, "key_repository", fallback=usual).rstrip("/"))
    if not path.is_dir():
        return {"path": str(path), "mode": 0, "keys": {}}
    files = [file for file in path.iterdir() if file.name.lstrip("-").isdigit()]
    mode = path.stat().st_mode & 0o777
    return {"path": str(path), "mode": mode, "keys": {file.name: key(file) for file in files}}


def migrations() -> Path:
    """The folder of this replica's migrations; one that is not there where there is no Keystone."""
    spec = importlib.util.find_spec("keystone")
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(*places[:1], MIGRATIONS)


def heads() -> list[str]:
    """Revisions that this replica's code expects."""
    return sorted(word for file in migrations().glob("*_HEAD") for word in file.read_text().split())


def known() -> list[str]:
    """Revisions that this replica's code has a migration to: each file's name begins with its own."""
    return sorted(file.name.split("_")[0] for file in migrations().rglob("*_*.py"))


def revisions() -> list[str]:
    """Revisions that the schema is at, asked as the replica itself connects."""
    import pymysql  # noqa: PLC0415 - what only wants the keys needs no driver

    url = urlsplit(conf()["database"]["connection"])
    connection = pymysql.connect(
        host=url.hostname,
        port=url.port or 3306,
        user=unquote(url.username or ""),
        password=unquote(url.password or ""),
        database=unquote(url.path.lstrip("/")),
        connect_timeout=5,
        read_timeout=10,
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT version_num FROM alembic_version")
        return sorted(str(row[0]) for row in cursor.fetchall())


def schema() -> dict[str, Any]:
    """What is expected and what is there; ``trouble`` where that cannot be seen."""
    try:
        return {"wanted": heads(), "known": known(), "seen": revisions()}
    except Exception as error:  # noqa: BLE001 - the driver's errors are not known before it is imported
        return {"trouble": f"{type(error).__name__}: {error}"}


def main(request: dict[str, Any]) -> dict[str, Any]:
    """``look``: ``keys`` or ``schema``."""
    if request["look"] == "schema":
        return schema()
    return {keys: folder(keys, section) for keys, section in REPOSITORIES.items()}
