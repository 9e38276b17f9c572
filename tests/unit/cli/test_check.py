"""`kolla-iac check`, and where it looks for an environment."""

from pathlib import Path

import pytest

from kolla_iac.cli import main
from kolla_iac.cli.project import environments, file_of, root, settings_of
from kolla_iac.errors import KollaError
from kolla_iac.model.environment import load_environment
from kolla_iac.model.secrets import required

SECRETS = "".join(
    f"    {name}: {{secure: v1:abc}}\n" for name in required(load_environment({"release": "2025.2"}, ""))
)
GOOD = f'config:\n  kolla-iac:environment: {{release: "2025.2"}}\n  kolla-iac:secrets:\n{SECRETS}'


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the environment dev; the working directory is below it."""
    (tmp_path / "Pulumi.yaml").write_text("name: kolla-iac\nstackConfigDir: stacks\n")
    (tmp_path / "stacks" / "examples").mkdir(parents=True)
    (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text(GOOD)
    monkeypatch.chdir(tmp_path / "stacks" / "examples")
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
    return tmp_path


def check(target: str, capsys: pytest.CaptureFixture[str]) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(["check", target])
    out, err = capsys.readouterr()
    return stopped.value.code, out, err


def test_an_environment_by_name(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check("dev", capsys) == (0, "dev: no problems\n", "")
    assert root() == checkout
    assert settings_of("dev").release == "2025.2"


def test_a_file(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = checkout / "elsewhere.yaml"
    file.write_text(GOOD)
    assert check(str(file), capsys)[0] == 0


def test_an_environment_that_does_not_exist_names_those_that_do(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "stacks" / "Pulumi.staging.yaml").write_text(GOOD)
    assert environments(checkout) == ["dev", "staging"]
    assert check("stagin", capsys) == (
        1,
        "",
        "no environment 'stagin'\n"
        "  there are  dev, staging\n"
        "  hint       did you mean 'staging'?\n"
        "  next       kolla-iac init stagin\n",
    )


def test_missing_secrets_are_problems(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = checkout / "stacks" / "Pulumi.dev.yaml"
    file.write_text(GOOD.replace("    mariadb_root_password: {secure: v1:abc}\n", ""))
    assert check("dev", capsys) == (
        1,
        "",
        "dev: 1 problem\n"
        "  secrets.mariadb_root_password: is missing (MariaDB's administrator)\n"
        "    hint: kolla-iac secrets generate dev\n",
    )


def test_a_deprecated_option_is_a_warning_and_no_problem(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = (
        'kolla-iac:environment: {release: "2026.1", '
        "overrides: {keystone.conf: {cache: {memcache_socket_timeout: 2}}}}"
    )
    file = checkout / "stacks" / "Pulumi.dev.yaml"
    file.write_text(GOOD.replace('kolla-iac:environment: {release: "2025.2"}', settings))
    assert check("dev", capsys) == (
        0,
        "dev: no problems, 1 warning\n"
        '  overrides["keystone.conf"].cache.memcache_socket_timeout: '
        "keystone 2026.1 advises against it (deprecated)\n"
        "    hint: its successor is [cache] socket_timeout\n",
        "",
    )


def test_outside_of_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = check("dev", capsys)
    assert code == 1
    assert err.startswith("no project here\n")


@pytest.mark.parametrize("name", ["", "Dev", "a_b", "-a", "a-", "a b", "../x", "x" * 41, "é"])
def test_names_that_no_environment_may_have(name: str, tmp_path: Path) -> None:
    with pytest.raises(KollaError, match="is no name for an environment"):
        file_of(tmp_path, name)
