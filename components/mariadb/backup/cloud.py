"""What a backup holds of the cloud beside the server's data: settings, secrets, state."""

import base64
import contextlib
import hashlib
import hmac
import json
import pathlib
from typing import Any

from .repository import Snapshot, restic
from .tools import Orders, Trouble, lines

CREDENTIALS, KEYS = "keystone.credential", "keystone_credential_keys"
"""The table of what is stored encrypted, and the secret that holds the keys to it."""


def taken_out(orders: Orders, snapshot: Snapshot, folder: pathlib.Path) -> list[str]:
    """Puts the files that lie beside a manifest into a folder; their names."""
    inside = snapshot["paths"][0]
    restic(orders, "restore", f"{snapshot['id']}:{inside}", "--target", str(folder), "--no-lock")
    (folder / "manifest.json").unlink()
    for one in folder.iterdir():
        one.chmod(0o600)
    return sorted(one.name for one in folder.iterdir())


def secrets(orders: Orders, snapshot: Snapshot) -> dict[str, str]:
    """Name -> value of the secrets in a backup; empty where it holds none."""
    inside = snapshot["paths"][0]
    names = restic(orders, "ls", snapshot["id"], inside, "--no-lock").split()
    if f"{inside}/secrets.json" not in names:
        return {}
    found: dict[str, str] = json.loads(restic(orders, "dump", snapshot["id"], f"{inside}/secrets.json"))
    return found


def opened(query: list[str], tables: dict[str, Any], kept: dict[str, str]) -> str:
    """Proves that the keys in a backup are those of the credentials that its server stores; what to say of it.

    Raises:
        Trouble: a credential was stored with another key, so that nobody could read it after a restore.
    """
    if KEYS not in kept or not tables.get(CREDENTIALS, {}).get("rows"):
        return ""
    keys = list(json.loads(kept[KEYS]).values())
    stored = [row[0] for row in lines(query, f"SELECT encrypted_blob FROM {CREDENTIALS}") if row[0] != "NULL"]
    shut = sum(not any(fits(token, key) for key in keys) for token in stored)
    if shut:
        raise Trouble(f"{shut} of {len(stored)} stored credentials do not open with the keys in the backup")
    return f", {len(stored)} stored credentials open with its keys"


def fits(token: str, key: str) -> bool:
    """Whether a Fernet token was made with a key, as its signature says.

    Source: the Fernet specification: the key's first half signs, HMAC-SHA256 over all but the last 32 bytes.

    >>> key = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
    >>> token = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA=="
    >>> fits(token, key), fits(token, key.replace("c", "d", 1)), fits("no token", key)
    (True, False, False)
    """
    with contextlib.suppress(ValueError):
        signer, signed = base64.urlsafe_b64decode(key)[:16], base64.urlsafe_b64decode(token)
        wanted = hmac.new(signer, signed[:-32], hashlib.sha256).digest()
        return len(signed) > 32 and hmac.compare_digest(wanted, signed[-32:])
    return False
