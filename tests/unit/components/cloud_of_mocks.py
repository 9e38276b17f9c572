"""The whole program under Pulumi's mocks: what it registers, without engine and containers.

In addition to the tests on the real engine, for what can only be seen in the registrations: dependencies, secrecy
of inputs and names.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks

from kolla_iac.model.environment import load_environment
from kolla_iac.model.secrets import generate, required
from kolla_iac.resources.cloud import Cloud

SECRET = "4dabf18193072939515e22adb298388d"
"""Key that marks a secret value on its way to the engine. Source: ``pulumi.runtime.rpc._special_sig_key``."""
CONTAINER = "docker:index/container:Container"
COMMAND = "command:local:Command"


class Registered(Mocks):
    """Answers as the engine does and keeps what it was told."""

    def __init__(self) -> None:
        self.resources: list[MockResourceArgs] = []

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        self.resources.append(args)
        named = {"name": args.inputs.get("name") or f"{args.name}-abc1234"} if args.custom else {}
        return f"id of {args.name}", {**args.inputs, **named}

    def call(self, args: MockCallArgs) -> dict[str, Any]:
        raise AssertionError(
            f"the program looks up {args.token}, so its preview would need more than settings"
        )


@dataclass
class Program:
    """What one run registered."""

    resources: list[MockResourceArgs]
    secrets: dict[str, str]

    def inputs(self, name: str, kind: str = "") -> dict[str, Any]:
        """Of the resource with this logical name, secrets in clear."""
        (found,) = [one.inputs for one in self.resources if one.name == name and kind in one.typ]
        return {key: clear(value) for key, value in found.items()}

    def specification(self, name: str) -> dict[str, Any]:
        """What a stage reads on standard input."""
        parsed: dict[str, Any] = json.loads(self.inputs(name)["stdin"])
        return parsed

    def of_type(self, kind: str) -> list[MockResourceArgs]:
        """In the order of registration."""
        return [one for one in self.resources if one.typ == kind]


def is_secret(value: object) -> bool:
    """Whether an input went to the engine as a secret as a whole."""
    return isinstance(value, dict) and SECRET in value


def clear(value: Any) -> Any:
    """An input's value, secret or not."""
    return value["value"] if is_secret(value) else value


def program(
    *also: str,
    secrets: dict[str, str] | None = None,
    rotations: dict[str, int] | None = None,
    **settings: Any,
) -> Program:
    """Runs the stack's program with these settings, and with secrets made for it where none are given.

    Args:
        also: names of further clouds in the same program.
    """
    mocks = Registered()
    pulumi.runtime.set_mocks(mocks, project="kolla-iac", stack="t-mocks", preview=False)
    environment = load_environment({"release": "2025.2", **settings}, "the test")
    values = secrets or {name: generate(secret) for name, secret in required(environment).items()}

    @pulumi.runtime.test
    def run() -> None:
        from kolla_iac.components import Services

        for name in (None, *also):
            Services(Cloud(environment, pulumi.Output.secret(values), environment=name, rotations=rotations))

    run()
    return Program(mocks.resources, values)
