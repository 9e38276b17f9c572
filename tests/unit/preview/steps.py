"""Made-up steps of a preview."""

from __future__ import annotations

import json
from typing import Any


def step(op: str, kind: str, name: str, **more: Any) -> dict[str, Any]:
    """A step of a preview as `pulumi preview --json` prints it."""
    urn = f"urn:pulumi:dev::web::{kind}::{name}"
    states = {
        "create": ("newState",),
        "delete": ("oldState",),
    }.get(op, ("oldState", "newState"))
    return {
        "op": op,
        "urn": urn,
        **{key: {"urn": urn, "type": kind, "custom": True, "inputs": {}} for key in states},
        **more,
    }


def digest(*steps: dict[str, Any], **more: Any) -> str:
    return json.dumps({"steps": list(steps), "duration": 2_000_000_000, **more})
