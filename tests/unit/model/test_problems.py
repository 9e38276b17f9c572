"""What a user gets to read about bad settings. The cases are files: ``bad/*.yaml``, expectations first."""

import json
from pathlib import Path

import pytest

from kolla_iac.cli import main
from kolla_iac.errors import Problem, SettingsError
from kolla_iac.model.environment import load_environment
from kolla_iac.model.problems import got, path
from kolla_iac.model.stackfile import read_file

BAD = sorted((Path(__file__).parent / "bad").glob("*.yaml"))


def expected(file: Path) -> set[Problem]:
    """The JSON objects in the leading comment: path, reason, hint."""
    lines = file.read_text().splitlines()
    return {Problem(**json.loads(line[2:])) for line in lines if line.startswith("# {")}


def test_there_are_cases() -> None:
    assert len(BAD) >= 25


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_check_names_path_reason_and_hint(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["check", str(file)])
    printed = capsys.readouterr()
    assert stopped.value.code == 1
    assert printed.out == ""
    assert "Traceback" not in printed.err
    wanted = expected(file)
    assert wanted
    for problem in wanted:
        assert f"  {problem}\n" in printed.err


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_nothing_else_is_called_wrong(file: Path) -> None:
    read = read_file(file)
    assert {*read.problems} == {one for one in expected(file) if "is missing" not in one.reason}


def test_a_secret_in_clear_is_never_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["check", str(Path(__file__).parent / "bad" / "secret-in-clear.yaml")])
    assert "plain-to-see" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "data",
    [
        None,
        3,
        "text",
        [],
        [[]],
        {},
        {"release": None},
        {"release": []},
        {"release": "\ud800"},
        {"release": "2025.2", "\ud800": 1},
        {"release": "2025.2", None: 1},
        {"release": "2025.2", "hosts": [None, 3, "x", []]},
        {"release": "2025.2", "hosts": [{"name": float("nan")}]},
        {"release": "2025.2", "services": {"keystone": {"replicas": 10**400}}},
        {"release": "2025.2", "services": {"keystone": {"limits": {"cpus": float("inf")}}}},
        {"release": "2025.2", "services": {"keystone": None, "mariadb": 3, "memcached": []}},
        {"release": "2025.2", "services": {"keystone": {"overrides": {"keystone.conf": {"": {"": ""}}}}}},
        {"release": "2025.2", "overrides": {"keystone.conf": {"a\nb": {"c=d": "e"}}}},
        {"release": "2025.2", "overrides": {"keystone.conf": {"a": {"b": [None, []]}}}},
        {"release": "2025.2", "endpoints": [{"name": "keystone", "address": "0.0.0.0"}]},
        {"release": "2025.2", "endpoints": [{}]},
        {"release": "2025.2", "region": ""},
        {"release": "2025.2", "region": object()},
        {"release": "2025.2", "region": b"bytes"},
        {"secure": "v1:..."},
    ],
    ids=repr,
)
def test_no_data_whatever_gives_anything_but_problems(data: object) -> None:
    with pytest.raises(SettingsError) as caught:
        load_environment(data, "test")
    assert caught.value.problems
    assert str(caught.value).isprintable() or "\n" in str(caught.value)
    str(caught.value).encode()


def test_a_value_left_out_leads_to_no_second_problem() -> None:
    """Its default is not what was written, so no rule may find fault with it."""
    with pytest.raises(SettingsError) as caught:
        load_environment({"release": "2025.2", "hosts": [{"name": "a", "roles": "control"}]}, "test")
    assert [problem.path for problem in caught.value.problems] == ["hosts[0].roles"]


def test_paths_are_those_that_pulumi_config_takes() -> None:
    assert path(("hosts", 1, "overrides", "keystone.conf", "token")) == (
        'hosts[1].overrides["keystone.conf"].token'
    )


def test_long_values_are_cut() -> None:
    assert len(got("x" * 1000)) < 70
    assert got(None) == "nothing"
