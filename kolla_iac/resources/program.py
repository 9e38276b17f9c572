"""What a Pulumi program of ours begins with: the stack's settings and secrets, read and found whole."""

from __future__ import annotations

import json
import shutil
import sys

import pulumi

from kolla_iac.errors import KollaError, SettingsError
from kolla_iac.model import options, rotation
from kolla_iac.model import secrets as catalogue
from kolla_iac.model.environment import Environment, load_environment
from kolla_iac.resources.cloud import Cloud


def cloud_of_this_stack() -> Cloud:
    """The cloud that ``kolla-iac:environment`` and ``kolla-iac:secrets`` of the current stack describe.

    Ends the program with the reasons, before any resource is registered, where settings or secrets are not whole.
    """
    stack = pulumi.get_stack()
    config = pulumi.Config("kolla-iac")
    try:
        if shutil.which("kolla-iac") is None:
            raise KollaError(
                "kolla-iac is not on PATH, and stages run it",
                {"hint": "enter the environment: source .envrc"},
            )
        settings = read_settings(stack, config.get("environment"))
        raw = json.loads(pulumi.runtime.get_config("kolla-iac:secrets") or "{}")
        noted, wrong = rotation.read(rotated := config.get_object("rotations"))
        wrong += [*catalogue.missing(settings, raw, stack), *catalogue.malformed(settings, raw)]
        if wrong:
            raise SettingsError(f"Pulumi.{stack}.yaml", wrong)
        for warning in options.warnings(settings):
            pulumi.log.warn(str(warning))
    except KollaError as error:
        pulumi.log.error(str(error))
        sys.exit(1)
    secrets = config.require_secret_object("secrets")
    return Cloud(settings, secrets, rotations=rotation.counts(noted), rotated=rotated)


def read_settings(stack: str, value: str | None) -> Environment:
    """An environment from the text of its Pulumi configuration value.

    Raises:
        SettingsError: with every problem.
    """
    if value is None:
        raise KollaError(
            f"Pulumi.{stack}.yaml has no kolla-iac:environment",
            {"hint": f'kolla-iac init {stack}, or write there: kolla-iac:environment: {{release: "2025.2"}}'},
        )
    return load_environment(json.loads(value), f"Pulumi.{stack}.yaml")
