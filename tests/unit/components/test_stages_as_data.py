"""The services' stages and files, which are plain data."""

from __future__ import annotations

import shlex

import pytest

from kolla_iac.components.database.clients import connection_url
from kolla_iac.components.keystone import stages as keystone
from kolla_iac.components.mariadb import stages as mariadb
from kolla_iac.model.environment import Environment, load_environment
from kolla_iac.model.waits import ExecWait

CONNECTION = "mysql+pymysql://keystone:xyz@mariadb.internal:3306/keystone"


def _environment(**settings: object) -> Environment:
    return load_environment({"release": "2025.2", **settings}, "the test")


def _conf(environment: Environment) -> str:
    given = {"connection": CONNECTION, "memcached": "memcached.internal:11211"}
    files = keystone.job_uploads(environment, "true\n", **given)
    (conf,) = [file.content for file in files if file.path.endswith(keystone.CONFIG)]
    return conf


def test_a_job_is_given_no_more_of_keystone_conf_than_it_needs() -> None:
    usual, other = _environment(), _environment(overrides={"keystone.conf": {"token": {"expiration": 60}}})
    assert _conf(usual) == _conf(other)
    assert f"connection = {CONNECTION}" in _conf(usual)
    assert "[token]" not in _conf(usual)


def test_an_override_of_the_database_reaches_the_jobs() -> None:
    other = _environment(overrides={"keystone.conf": {"database": {"max_retries": 7}}})
    assert "max_retries = 7" in _conf(other)


@pytest.mark.parametrize("password", ["it's", 'a "b"', "$HOME", "`id`", "a\\b", "x;y&z"])
def test_a_password_reaches_keystone_manage_as_it_is(password: str) -> None:
    script = keystone.bootstrap_script(_environment(), password)
    (line,) = [line for line in script.splitlines() if line.startswith("export")]
    assert shlex.split(line) == ["export", f"OS_BOOTSTRAP_PASSWORD={password}"]


@pytest.mark.parametrize(
    ("password", "in_sql", "in_option_file"),
    [
        ("plain", "plain", "plain"),
        ("it's", "it\\'s", "it's"),
        ('a"b', 'a"b', 'a\\"b'),
        ("a\\b", "a\\\\b", "a\\\\b"),
    ],
)
def test_the_administrators_password_is_quoted_for_where_it_stands(
    password: str, in_sql: str, in_option_file: str
) -> None:
    assert f"IDENTIFIED BY '{in_sql}'" in mariadb.bootstrap_sql(password)
    _, login = mariadb.administrator(password).waits
    assert isinstance(login, ExecWait)
    assert f'password="{in_option_file}"' in login.stdin


def test_a_new_administrator_s_password_is_told_as_its_hash() -> None:
    """Known answer: MariaDB, SELECT PASSWORD('password')."""
    sql = mariadb.password_sql("password")
    assert "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19" in sql
    assert "'password'" not in sql


def test_a_connection_is_quoted_for_the_url_it_is() -> None:
    url = connection_url("keystone_2", "a/b@c:d%", "192.0.2.1", 3306, "keystone")
    assert url == "mysql+pymysql://keystone_2:a%2Fb%40c%3Ad%25@192.0.2.1:3306/keystone?charset=utf8mb4"


def test_only_the_contraction_is_a_step_of_no_return() -> None:
    rollout = keystone.rollout(_environment(), "image:1")
    acts = (*rollout.before, *rollout.after)
    assert [act.name for act in acts if act.irreversible] == ["contract"]
    names = [act.name for act in acts]
    assert names.index("expand") < names.index("contract") < names.index("verify")


def test_what_a_reviewer_reads_holds_no_secret_but_its_place() -> None:
    conf = keystone.rollout(_environment(), "image:1").configuration["keystone.conf"]
    connection = conf["database"]["connection"]
    assert "<keystone_database_password>" in str(connection)
