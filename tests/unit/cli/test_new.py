"""`kolla-iac new`: what it writes is what this repository is run by, and it never writes over anything."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from kolla_iac import __version__
from kolla_iac.cli import main, new
from kolla_iac.cli.new import AS_THEY_ARE, CI, Origin
from kolla_iac.model.stackfile import load_file
from tools.docs import commands, links
from tools.setup import pins

ROOT = Path(__file__).resolve().parents[3]


def made(folder: Path, *options: str) -> Path:
    with pytest.raises(SystemExit) as stopped:
        main(["new", str(folder), *options])
    assert stopped.value.code == 0
    return folder


def refused(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(["new", str(folder), *options])
    assert stopped.value.code == 1
    return capsys.readouterr().err


def test_program_project_and_environment_are_those_of_this_repository(tmp_path: Path) -> None:
    project = made(tmp_path / "own")
    assert {"Pulumi.yaml", ".envrc", "stacks/__main__.py"} <= set(AS_THEY_ARE)
    for name in ("Pulumi.yaml", ".envrc", "stacks/__main__.py", "stacks/environment.schema.json"):
        assert (project / name).read_bytes() == (ROOT / name).read_bytes(), name


def test_nothing_but_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = made(tmp_path / "own", "--env", "prod", "--release", "2026.1")
    there = {str(path) for path in project.rglob("*") if path.is_file()}
    said = re.findall(r"^(?:written|copied) +(.+)$", capsys.readouterr().out, re.MULTILINE)
    assert set(said) == there
    settings = load_file(project / "stacks" / "Pulumi.prod.yaml").environment
    assert settings is not None
    assert settings.release == "2026.1"
    assert sum(len((project / name).read_text().splitlines()) for name in AS_THEY_ARE) < 100


@pytest.mark.parametrize("host", ["github", "gitlab"])
def test_scripts_and_workflows_are_those_of_this_repository(host: str, tmp_path: Path) -> None:
    project = made(tmp_path / "own", "--ci", host)
    there = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}
    assert set(CI[host]) <= there
    own = {".ci/setup", ".gitlab-ci.yml"}
    for name in set(CI[host]) - own:
        assert (project / name).read_bytes() == (ROOT / name).read_bytes(), name
    for name in ("setup", "plan", "preview", "apply"):
        assert os.access(project / ".ci" / name, os.X_OK), name
    # every script that a workflow runs is there
    texts = [path.read_text() for path in project.rglob("*.yml")]
    assert set(re.findall(r"(?:run:|-) (\.ci/\w+)", "\n".join(texts))) <= there
    assert "review/" in (project / ".gitignore").read_text().split()
    readme = (project / "README.md").read_text()
    assert readme.count("## Review\n") == 1
    assert "KOLLA_IAC_ENVIRONMENT` is set to `dev`" in readme


def test_gitlab_reads_what_is_included(tmp_path: Path) -> None:
    project = made(tmp_path / "own", "--ci", "gitlab")
    (included,) = yaml.safe_load((project / ".gitlab-ci.yml").read_text())["include"]
    assert (project / included["local"]).is_file()


def test_no_workflow_unless_asked_for(tmp_path: Path) -> None:
    project = made(tmp_path / "own")
    assert not {path.name for path in project.iterdir()} & {".ci", ".github", ".gitlab", ".gitlab-ci.yml"}
    assert "## Review" not in (project / "README.md").read_text()


class Machine:
    """A pipeline's machine: what is on its PATH, and a download site with an archive of Pulumi's."""

    def __init__(self, folder: Path) -> None:
        self.project = made(folder / "own", "--ci", "github")
        (self.project / ".venv" / "bin").mkdir(parents=True)
        self.bin, self.site = folder / "bin", folder / "site"
        self.bin.mkdir()
        self.site.mkdir()
        self.program("uv", f'echo "uv $*" >> {folder}/called')
        self.called = folder / "called"
        self.program("uname", "echo x86_64")
        self.program("curl", f'for last; do :; done\ncp "{self.site}/${{last##*/}}" "$6"')

    def program(self, name: str, text: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.bin / name).chmod(0o755)

    def offer(self, digest: str = "") -> None:
        """An archive as Pulumi publishes it, and its checksum."""
        (self.site / "pulumi").mkdir()
        (self.site / "pulumi" / "pulumi").write_text("engine")
        archive = pins.ENGINE_ARCHIVE.format(version=pins.ENGINE, system="linux", machine="x64")
        with tarfile.open(self.site / archive, "w:gz") as tar:
            tar.add(self.site / "pulumi", "pulumi")
        digest = digest or hashlib.sha256((self.site / archive).read_bytes()).hexdigest()
        sums = self.site / pins.ENGINE_CHECKSUMS.format(version=pins.ENGINE)
        sums.write_text(f"{'1' * 64}  other.tar.gz\n{digest}  {archive}\n")

    def set_up(self) -> subprocess.CompletedProcess[str]:
        path = f"{self.bin}:/usr/bin:/bin"
        script = self.project / ".ci" / "setup"
        return subprocess.run([script], env={"PATH": path}, capture_output=True, text=True, check=False)


def test_a_pipelines_machine_gets_packages_and_pulumi(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.offer()
    done = machine.set_up()
    assert done.returncode == 0, done.stderr
    assert machine.called.read_text() == "uv sync --locked\n"
    assert (machine.project / ".venv" / "bin" / "pulumi").read_text() == "engine"


def test_a_pipelines_machine_keeps_its_own_pulumi(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.program("pulumi", "")
    assert machine.set_up().returncode == 0
    assert not (machine.project / "build").exists()


def test_an_archive_that_is_not_the_published_one_is_not_installed(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.offer(digest="0" * 64)
    assert machine.set_up().returncode != 0
    assert not (machine.project / ".venv" / "bin" / "pulumi").exists()


def test_a_pipelines_machine_gets_the_versions_of_set_up() -> None:
    text = (new.SKELETON / "ci" / "setup").read_text()
    assert f"{pins.UV.replace('==', '=')} pulumi={pins.ENGINE}\n" in text
    for name in (pins.ENGINE_ARCHIVE.partition("{version}")[0], "pulumi-$pulumi-checksums.txt"):
        assert name in text


def test_the_version_is_one_line(tmp_path: Path) -> None:
    project = made(tmp_path / "own")
    depends = tomllib.loads((project / "pyproject.toml").read_text())["project"]["dependencies"]
    assert f"kolla-iac=={__version__}" in depends
    lines = [
        line
        for path in project.rglob("*")
        if path.is_file() and path.name != "README.md"
        for line in path.read_text().splitlines()
        if __version__ in line
    ]
    assert lines == [f'    "kolla-iac=={__version__}",']


def test_settings_are_committed_and_the_environment_is_not(tmp_path: Path) -> None:
    ignored = (made(tmp_path / "own") / ".gitignore").read_text().split()
    assert ".venv/" in ignored
    assert not [line for line in ignored if "Pulumi" in line]


def test_its_readme_types_what_there_is(tmp_path: Path) -> None:
    text = (made(tmp_path / "own", "--env", "prod") / "README.md").read_text()
    known = commands.names()
    typed = links.typed(text, "kolla-iac")
    assert len(typed) > 8
    for line in typed:
        words = line.split()
        assert words[0] in known or " ".join(words[:2]) in known, line
    assert "dev" not in [word for line in typed for word in line.split()]
    assert "{" not in text


@pytest.mark.parametrize(
    ("origin", "wheels"),
    [(None, False), (Origin(str(ROOT)), True), (Origin("a wheel", ROOT / "pyproject.toml"), True)],
    ids=["index", "clone", "wheel"],
)
def test_where_the_package_comes_from(
    origin: Origin | None,
    wheels: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(new, "installed_from", lambda: origin)
    project = made(tmp_path / "own")
    uv = tomllib.loads((project / "pyproject.toml").read_text())["tool"]["uv"]
    assert uv == {"package": False} | ({"find-links": ["wheels"]} if wheels else {})
    assert (project / "wheels").is_dir() == wheels
    readme = (project / "README.md").read_text()
    assert ("wheels" in readme) == wheels
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("next ")
    assert ("pip wheel" in last) == bool(origin and not origin.wheel)


def test_this_one_was_installed_from_its_clone() -> None:
    assert new.installed_from() == Origin(str(ROOT))


@pytest.mark.parametrize(
    ("said", "origin"),
    [
        (None, None),
        ({"url": "file:///not/there/kolla_iac-1-py3-none-any.whl", "archive_info": {}}, None),
        ({"url": "https://example.org/k.whl", "archive_info": {}}, Origin("https://example.org/k.whl")),
        (
            {"url": "https://example.org/k.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            Origin("git+https://example.org/k.git@abc"),
        ),
    ],
    ids=["index", "wheel-that-is-gone", "address", "git"],
)
def test_what_an_installer_wrote_down(
    said: dict[str, Any] | None, origin: Origin | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Distribution:
        def read_text(self, name: str) -> str | None:
            return None if said is None else json.dumps(said)

    monkeypatch.setattr(new.importlib.metadata, "distribution", lambda name: Distribution())
    assert new.installed_from() == origin


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.md").write_text("mine")
    assert refused(tmp_path, capsys) == (
        f"{tmp_path} is not empty\n"
        "  holds      README.md\n"
        "  meanwhile  nothing was written\n"
        "  next       give a new folder or an empty one: kolla-iac new DIR\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"


def test_a_fresh_git_repository_is_empty(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert (made(tmp_path) / "Pulumi.yaml").is_file()


def test_a_file_takes_no_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    assert refused(file, capsys) == f"{file} cannot take a project\n  saw  Not a directory\n"
    assert refused(file / "below", capsys).startswith(f"{file / 'below'} cannot take a project\n")


@pytest.mark.parametrize("options", [("--env", "Not a name"), ("--release", "1999.1")])
def test_wrong_words_write_nothing(
    options: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert options[1] in refused(tmp_path / "own", capsys, *options)
    assert not (tmp_path / "own").exists()
