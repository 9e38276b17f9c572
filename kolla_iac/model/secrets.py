"""The catalogue of secrets: what an environment needs, how a value is made, what it must look like."""

from __future__ import annotations

import base64
import json
import re
import secrets
import string
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from kolla_iac.errors import KollaError, Problem
from kolla_iac.model.service import Secret, services

if TYPE_CHECKING:
    from kolla_iac.model.environment import Environment

ALPHABET = string.ascii_letters + string.digits
"""Of passwords: nothing that INI files, URLs, SQL or shells read as syntax."""


def required(env: Environment) -> dict[str, Secret]:
    """Every secret that the environment's enabled services and its backups need, by name."""
    known = services()
    needed = {secret.name: secret for name in env.enabled() for secret in known[name].secrets}
    needed |= {secret.name: secret for secret in env.database.secrets()}
    return needed | {secret.name: secret for secret in env.backup.target.secrets}


def generate(secret: Secret) -> str:
    """A new value from the operating system's random generator.

    Raises:
        KollaError: it is somebody else's, and has to be told.
    """
    if secret.given:
        why = f"it is that of {secret.purpose}"
        raise KollaError(
            f"no value can be made for {secret.name}",
            {"why": why, "next": f"kolla-iac secrets set ENV {secret.name}"},
        )
    if secret.kind == "fernet_keys":
        return json.dumps({str(round(time.time())): _fernet_key()})
    return "".join(secrets.choice(ALPHABET) for _ in range(secret.length))


def missing(env: Environment, names: Iterable[str], environment: str = "ENV") -> list[Problem]:
    """One problem for each required secret that is not among ``names``.

    Args:
        environment: name of the environment, for the hint.
    """
    present = set(names)
    return [
        Problem(
            f"secrets.{name}",
            f"is missing ({secret.purpose})",
            f"kolla-iac secrets set {environment} {name}"
            if secret.given
            else f"kolla-iac secrets generate {environment}",
        )
        for name, secret in required(env).items()
        if name not in present
    ]


def malformed(env: Environment, values: Mapping[str, str]) -> list[Problem]:
    """Problems of required secrets' decrypted values. No problem ever quotes a value."""
    found = []
    for name, secret in required(env).items():
        if name in values and (reason := fault(secret, values[name])):
            found.append(Problem(f"secrets.{name}", reason, "take it out, then: kolla-iac secrets generate"))
    return found


def fault(secret: Secret, value: object) -> str:
    """Why this is no value of the secret; empty where it is one. Never quotes it."""
    if not isinstance(value, str) or not value:
        return "must be text that is not empty"
    if secret.kind == "private_key":
        return (
            "" if re.search(r"-----BEGIN [A-Z ]*PRIVATE KEY-----", value) else "must be a private key in PEM"
        )
    if secret.kind == "fernet_keys":
        return _fernet_fault(value)
    if value != value.strip() or not value.isprintable():
        return "must not begin or end with a blank, nor contain line ends or control characters"
    if secret.kind == "url_password" and not re.fullmatch(r"[A-Za-z0-9._~-]+", value):
        return "must consist of letters, digits and - . _ ~ (it stands in a database's URL)"
    return ""


def _fernet_fault(value: str) -> str:
    try:
        keys = json.loads(value)
    except (ValueError, RecursionError):
        return "must be a JSON object of Fernet keys"
    if not isinstance(keys, dict):
        return "must be a JSON object of Fernet keys"
    if not keys:
        return "must hold at least one key"
    for index, key in keys.items():
        if not (index.isascii() and index.isdigit()):
            return "must have whole numbers as the keys' indices"
        if not _is_fernet_key(key):
            return f"key {index} must be urlsafe base64 of 32 bytes"
    return ""


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _is_fernet_key(key: object) -> bool:
    """Source: the Fernet specification: 128 bits for signing, 128 for encryption."""
    if not isinstance(key, str) or not re.fullmatch(r"[A-Za-z0-9_-]{43}=", key):
        return False
    return len(base64.urlsafe_b64decode(key)) == 32
