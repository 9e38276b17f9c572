"""The services' stages and files, which are plain data."""

from __future__ import annotations

import shlex

import pytest

from kolla_iac.components.database.component import connection_url
from kolla_iac.components.keystone import stages as keystone
from kolla_iac.components.mariadb import stages as mariadb
from kolla_iac.model.environment import Environment, load_environment
from kolla_iac.model.secrets import generate, required

CONNECTION = "mysql+pymysql://keystone:xyz@mariadb.internal:3306/keystone"


def _environment(**settings: object) -> Environment:
    return load_environment({"release": "2025.2", **settings}, "the test")


def _files(environment: Environment, script: str = "true\n") -> dict[str, str]:
    secrets = {name: generate(secret) for name, secret in required(environment).items()}
    given = {"connection": CONNECTION, "memcached": "memcached.internal:11211"}
    return {file.dest: file.content for file in keystone.job_files(environment, secrets, script, **given)}


def test_a_job_is_given_no_more_of_keystone_conf_than_it_needs() -> None:
    usual, other = _environment(), _environment(overrides={"keystone.conf": {"token": {"expiration": 60}}})
    assert _files(usual)[keystone.CONFIG] == _files(other)[keystone.CONFIG]
    assert f"connection = {CONNECTION}" in _files(usual)[keystone.CONFIG]
    assert "[token]" not in _files(usual)[keystone.CONFIG]


def test_an_override_of_the_database_reaches_the_jobs() -> None:
    other = _environment(overrides={"keystone.conf": {"database": {"max_retries": 7}}})
    assert "max_retries = 7" in _files(other)[keystone.CONFIG]


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
    assert f'password="{in_option_file}"' in mariadb.ready(password).stdin


def test_a_connection_is_quoted_for_the_url_it_is() -> None:
    url = connection_url("keystone", "a/b@c:d%", "192.0.2.1", 3306)
    assert url == "mysql+pymysql://keystone:a%2Fb%40c%3Ad%25@192.0.2.1:3306/keystone?charset=utf8mb4"


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
