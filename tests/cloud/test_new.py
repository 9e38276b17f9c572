"""`kolla-iac new`, from a wheel in an empty environment: its README's commands, typed as they stand there."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from kolla_iac import __version__
from tools.docs.links import fences

from .installed import Installed, build
from .others import copy_of_checkout
from .support import Cloud, Home, Outcome, free_port

MEMORY = "memory: int = Field(default=64"
"""A default of Memcached's settings, as its slice has it."""


@dataclass
class Project:
    """What `kolla-iac new` has written, and a shell in it that has never heard of this checkout."""

    folder: Path
    env: str
    home: Home
    path: str

    def __post_init__(self) -> None:
        kept = ("PULUMI_HOME", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION")
        given = {
            name: value
            for name, value in os.environ.items()
            if name in kept or not name.startswith(("PULUMI", "KOLLA", "OS_", "VIRTUAL_ENV"))
        }
        # a home of its own, which nothing has made yet
        own = {"PATH": self.path, "KOLLA_IAC_HOME": str(self.folder.parent / "home"), "NO_COLOR": "1"}
        self.environment = given | own | {"UV_PYTHON": sys.executable}

    @property
    def readme(self) -> str:
        return (self.folder / "README.md").read_text()

    def section(self, title: str) -> str:
        """The commands of a section of the README."""
        body = self.readme.partition(f"## {title}\n")[2].partition("\n## ")[0]
        return "\n".join(text for language, text in fences(body) if language == "sh")

    def shell(self, script: str, *, entered: bool = True) -> Outcome:
        """Runs commands as a stranger types them; the first that fails ends it."""
        text = f"set -euo pipefail\n{'source .envrc' if entered else ''}\n{script}"
        self.home.environment, usual = self.environment, self.home.environment
        try:
            return self.home.run("bash", "-c", text, cwd=self.folder)
        finally:
            self.home.environment = usual


@pytest.fixture
def project(installed: Installed, home: Home, tmp_path: Path) -> Iterator[Project]:
    """A folder with a blank in its name, and an environment on a port that is free."""
    made = Project(tmp_path / "my cloud", f"t-{secrets.token_hex(3)}", home, installed.path_without)
    try:
        printed = home.run(
            *("kolla-iac", "new", str(made.folder), "--env", made.env), env={"PATH": installed.path}
        )
        assert f"copied     {made.folder}/wheels/{installed.wheel.name}" in printed.text
        file = made.folder / "stacks" / f"Pulumi.{made.env}.yaml"
        settings = yaml.safe_load(file.read_text())
        settings["config"]["kolla-iac:environment"]["endpoints"] = [{"name": "keystone", "port": free_port()}]
        file.write_text(yaml.safe_dump(settings))
        yield made
    finally:
        Cloud(home, made.env).remove()


def newer(folder: Path) -> Path:
    """A wheel of a later version, with another default in it and another recipe."""
    tree = copy_of_checkout(folder / "tree")
    changes = {
        "kolla_iac/__init__.py": (f'"{__version__}"', '"9.0.0"'),
        "components/memcached/settings.py": (MEMORY, MEMORY.replace("64", "96")),
        "components/loadbalancer/image/Dockerfile.j2": ("\n", "\nENV NEWER=1\n"),
    }
    for name, (old, new) in changes.items():
        text = (tree / name).read_text()
        assert old in text, f"{name} has no {old!r}"
        last = text.rpartition(old)
        (tree / name).write_text(last[0] + new + last[2])
    return build(tree, folder / "newer")


def test_a_project_of_ones_own(project: Project, tmp_path: Path) -> None:
    env = project.env
    once = project.section("On a machine, once")
    up = project.shell(f"{once}\n{project.section('From nothing to a token')}", entered=False)
    assert "a token issued and validated" in up.text
    assert "| project_id" in up.text, "the openstack client's own token"
    assert Path(project.environment["KOLLA_IAC_HOME"], "passphrase").stat().st_mode & 0o777 == 0o600

    nothing = f"pulumi preview --stack {env} --expect-no-changes --non-interactive"
    project.shell(nothing)
    daily = project.shell(project.section("Every day")).text
    assert f"{env}: no problems" in daily
    assert "present" in daily
    assert "missing" not in daily

    # a new version is one line, and the preview says what it changes here
    shutil.copy(newer(tmp_path), project.folder / "wheels")
    pyproject = project.folder / "pyproject.toml"
    line = f'"kolla-iac=={__version__}"'
    assert line in project.section("A new version of kolla-iac") or line in project.readme
    before = pyproject.read_text()
    pyproject.write_text(before.replace(line, '"kolla-iac==9.0.0"'))
    sync, preview, *_ = project.section("A new version of kolla-iac").splitlines()
    said = project.shell(f"{sync}\nkolla-iac --version\n{preview} --non-interactive").text
    assert "kolla-iac 9.0.0" in said
    assert re.search(r"~ line: .* -m 64 .* => .* -m 96 ", said), said
    assert re.search(r'~ image *: "kolla-iac/haproxy:(\w+)" => "kolla-iac/haproxy:(?!\1)\w+"', said), said
    assert "keystone-1-handover" not in said, "what the version does not touch stays"
    pyproject.write_text(before)
    project.shell(f"{sync}\n{nothing}")

    project.shell(f"kolla-iac purge {env} --yes")
    assert Cloud(project.home, env).containers() == []


@pytest.mark.long
def test_without_uv(project: Project) -> None:
    (line,) = (each for each in project.readme.splitlines() if each.startswith("Without uv: "))
    for command in line.split("`")[1::2]:
        project.shell(command, entered=False)
    assert project.shell("type -p kolla-iac; kolla-iac --version").text.splitlines() == [
        str(project.folder / ".venv" / "bin" / "kolla-iac"),
        f"kolla-iac {__version__}",
    ]
