"""The JSON schema of an environment's file, for editors."""

from __future__ import annotations

import json
from typing import Any

from kolla_iac.model.environment import Environment
from kolla_iac.model.rotation import Rotation
from kolla_iac.model.stackfile import ROTATIONS_KEY, SECRETS_KEY, SETTINGS_KEY

FILE = "environment.schema.json"
"""Its committed copy, beside the environments' files."""


def schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of ``Pulumi.<environment>.yaml``; ``$defs/Environment`` is the settings'."""
    inner = Environment.model_json_schema()
    definitions = inner.pop("$defs", {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An environment of kolla_iac",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": {
                    SETTINGS_KEY: {"$ref": "#/$defs/Environment"},
                    SECRETS_KEY: {
                        "type": "object",
                        "description": "Written by `kolla-iac secrets generate` and the Pulumi engine.",
                        "additionalProperties": {
                            "type": "object",
                            "properties": {"secure": {"type": "string"}},
                            "required": ["secure"],
                            "additionalProperties": False,
                        },
                    },
                    ROTATIONS_KEY: {
                        "type": "object",
                        "description": "Written by `kolla-iac secrets generate` and `rotate`: ages, in clear.",
                        "additionalProperties": Rotation.model_json_schema(),
                    },
                },
                "required": [SETTINGS_KEY],
            }
        },
        "required": ["config"],
        "$defs": {"Environment": inner, **definitions},
    }


def text() -> str:
    """The schema as it is printed and committed."""
    return json.dumps(schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
