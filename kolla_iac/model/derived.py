"""Secrets derived from one seed: for programs that keep a single secret value in their stack's configuration."""

from __future__ import annotations

import base64
import hmac
import json

from kolla_iac.model.environment import Environment
from kolla_iac.model.secrets import required
from kolla_iac.model.service import Secret


def derived(environment: Environment, seed: str) -> dict[str, str]:
    """Every secret that can be made, by name; the same at every run with the same seed.

    Args:
        seed: random, 32 bytes or more, such as ``openssl rand -hex 32`` prints; as secret as what comes of it.
            Another seed gives other values for everything; two clouds never share one.
    """
    return {name: _value(secret, seed) for name, secret in required(environment).items() if not secret.given}


def _value(secret: Secret, seed: str) -> str:
    if secret.kind == "fernet_keys":
        return json.dumps({index: _key(seed, f"{secret.name} {index}") for index in ("0", "1")})
    return _key(seed, secret.name).rstrip("=")


def _key(seed: str, name: str) -> str:
    """43 characters and a ``=``: urlsafe base64 of 32 bytes."""
    return base64.urlsafe_b64encode(hmac.digest(seed.encode(), name.encode(), "sha256")).decode()
