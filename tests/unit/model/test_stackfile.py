"""Files of environments."""

from pathlib import Path

import pytest

from kolla_iac.errors import SettingsError
from kolla_iac.model.stackfile import environment_name, load_file, read_file

GOOD = """\
encryptionsalt: v1:abc
config:
  docker:host: unix:///elsewhere
  kolla-iac:environment: {release: "2025.2"}
  kolla-iac:secrets:
    mariadb_root_password: {secure: v1:xyz}
"""


def test_settings_and_names_of_secrets(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(GOOD)
    read = load_file(file)
    assert read.name == "dev"
    assert read.environment is not None
    assert read.environment.release == "2025.2"
    assert read.secrets == {"mariadb_root_password"}
    assert "secrets.mariadb_root_password" not in {problem.path for problem in read.missing_secrets}
    assert "secrets.keystone_admin_password" in {problem.path for problem in read.missing_secrets}


def test_names() -> None:
    assert environment_name(Path("stacks/Pulumi.a-b.yaml")) == "a-b"
    assert environment_name(Path("settings.yml")) == "settings"


@pytest.mark.parametrize("what", ["missing", "folder", "latin-1"])
def test_a_file_that_cannot_be_read(tmp_path: Path, what: str) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    if what == "folder":
        file.mkdir()
    elif what == "latin-1":
        file.write_bytes("region: Zürich".encode("latin-1"))
    (problem,) = read_file(file).problems
    assert problem.path == "Pulumi.dev.yaml"
    with pytest.raises(SettingsError, match="1 problem"):
        load_file(file)


@pytest.mark.parametrize("secrets", ["text", "[a]", "{secure: v1:abc}"])
def test_secrets_that_are_no_mapping_of_names(tmp_path: Path, secrets: str) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(f'config: {{kolla-iac:environment: {{release: "2025.2"}}, kolla-iac:secrets: {secrets}}}')
    (problem,) = read_file(file).problems
    assert problem.path == "secrets"
    assert "abc" not in str(problem)
