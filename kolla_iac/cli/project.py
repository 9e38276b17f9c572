"""The Pulumi project that the command runs in, and its environments' files."""

from __future__ import annotations

import re
from pathlib import Path

from kolla_iac.errors import KollaError
from kolla_iac.model.environment import Environment
from kolla_iac.model.problems import closest
from kolla_iac.model.stackfile import environment_name, load_file

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
"""Names of environments; they become part of the names of containers, networks and volumes."""


def root() -> Path:
    """The project's folder: the nearest with a ``Pulumi.yaml``, from the working directory upwards.

    Raises:
        KollaError: there is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "Pulumi.yaml").is_file():
            return folder
    raise KollaError(
        "no project here",
        {
            "wanted": f"Pulumi.yaml in {here} or above",
            "next": "cd to the project; kolla-iac new DIR makes one",
        },
    )


def stacks(project: Path) -> Path:
    """The folder of the environments' files: ``stackConfigDir`` in Pulumi.yaml, else the project's own.

    Raises:
        KollaError: Pulumi.yaml is no mapping of YAML.
    """
    import yaml

    file = project / "Pulumi.yaml"
    try:
        said = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise KollaError(f"{file} cannot be read", {"saw": str(error)}) from error
    if not isinstance(said, dict):
        raise KollaError(f"{file} is no mapping", {"wanted": "name: ..., runtime: python, main: ..."})
    return project / str(said.get("stackConfigDir") or ".")


def environments(project: Path) -> list[str]:
    """Names of the environments that have a file."""
    return sorted(environment_name(file) for file in stacks(project).glob("Pulumi.*.yaml"))


def file_of(project: Path, name: str) -> Path:
    """Where an environment's file is, or would be.

    Raises:
        KollaError: as of ``named``.
    """
    file = named(name)
    return stacks(project) / file


def named(name: str) -> str:
    """The name of an environment's file.

    Raises:
        KollaError: the name is not one that an environment may have.
    """
    if not NAME.fullmatch(name):
        raise KollaError(
            f"{name!r} is no name for an environment",
            {"wanted": "lower-case letters, digits and hyphens, 40 at most, such as: dev, staging-2"},
        )
    return f"Pulumi.{name}.yaml"


def existing(project: Path, name: str) -> Path:
    """The file of an environment that exists.

    Raises:
        KollaError: there is no such environment; says which there are.
    """
    there = environments(project)
    if name in there:
        return stacks(project) / f"Pulumi.{name}.yaml"
    facts = {"there are": ", ".join(there) or "none yet"}
    if hint := closest(name, there):
        facts["hint"] = hint
    raise KollaError(f"no environment {name!r}", facts | {"next": f"kolla-iac init {name}"})


def settings_of(name: str) -> Environment:
    """The settings of an environment of the project around the working directory.

    Raises:
        KollaError: no project here, or no such environment.
        SettingsError: the settings are wrong; names every problem.
    """
    read = load_file(existing(root(), name))
    assert read.environment is not None
    return read.environment
