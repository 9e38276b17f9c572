"""Rotation: what follows a value, what the settings remember, which secret a word means."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from kolla_iac.errors import KollaError
from kolla_iac.model import rotation
from kolla_iac.model.environment import load_environment
from kolla_iac.model.rotation import Rotation
from kolla_iac.model.secrets import generate, malformed, required

ENV = load_environment({"release": "2025.2"}, "test")
SHORT = load_environment({"release": "2025.2", "services": {"keystone": {"token_expiration": 60}}}, "test")
SECRETS = required(ENV)
NOW = datetime(2026, 5, 4, tzinfo=UTC)
KEY = "A" * 43 + "="


def after(
    old: dict[str, str], now: datetime = NOW, name: str = "keystone_fernet_keys", env: object = ENV
) -> list[int]:
    text = rotation.successor(SECRETS[name], json.dumps(old), env, now)  # type: ignore[arg-type]
    assert malformed(ENV, {name: text}) == []
    assert all(json.loads(text)[number] == key for number, key in old.items() if number in json.loads(text))
    return sorted(map(int, json.loads(text)))


def stamp(days: float) -> int:
    return round((NOW - timedelta(days=days)).timestamp())


def test_a_new_key_is_the_highest_and_the_one_before_stays() -> None:
    assert after({str(stamp(400)): KEY}) == [stamp(400), stamp(0)]


def test_a_key_stays_while_tokens_of_it_may_live() -> None:
    """Tokens live a day, services may use them two days longer; and a day is spared."""
    old = {str(stamp(days)): KEY for days in (30, 20, 3.9, 1)}
    assert after(old) == [stamp(20), stamp(3.9), stamp(1), stamp(0)]
    old = {str(stamp(days)): KEY for days in (30, 20, 4.1, 1)}
    assert after(old) == [stamp(4.1), stamp(1), stamp(0)]


def test_longer_tokens_keep_keys_longer() -> None:
    overrides = {"keystone.conf": {"token": {"expiration": 40 * 86_400}}}
    long = load_environment({"release": "2025.2", "overrides": overrides}, "test")
    old = {str(stamp(days)): KEY for days in (30, 20, 10)}
    assert after(old, env=long) == [stamp(30), stamp(20), stamp(10), stamp(0)]
    assert after(old, env=SHORT) == [stamp(10), stamp(0)]


def test_keys_numbered_elsewhere_are_older_than_all() -> None:
    assert after({"0": KEY, "1": KEY}) == [0, 1, stamp(0)]
    assert after({"0": KEY, "1": KEY, str(stamp(2)): KEY}) == [0, 1, stamp(2), stamp(0)]
    assert after({"0": KEY, "1": KEY, str(stamp(9)): KEY}) == [stamp(9), stamp(0)]


def test_two_rotations_in_one_second_give_two_keys() -> None:
    assert after({str(stamp(0)): KEY}) == [stamp(0), stamp(0) + 1]


def test_credentials_need_the_key_before_alone() -> None:
    old = {str(stamp(days)): KEY for days in (9, 5)}
    assert after(old, name="keystone_credential_keys") == [stamp(5), stamp(0)]


def test_a_password_is_followed_by_another() -> None:
    secret = SECRETS["mariadb_root_password"]
    old = generate(secret)
    new = rotation.successor(secret, old, ENV, NOW)
    assert new != old
    assert len(new) == secret.length


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("fernet", "keystone_fernet_keys"),
        ("credential", "keystone_credential_keys"),
        ("root", "mariadb_root_password"),
        ("keystone_database_password", "keystone_database_password"),
    ],
)
def test_a_word_that_one_secret_alone_has(word: str, name: str) -> None:
    assert rotation.resolve(word, SECRETS) == name


def test_a_word_that_several_have_or_none() -> None:
    with pytest.raises(KollaError, match="more than one secret") as caught:
        rotation.resolve("keystone", SECRETS)
    assert "keystone_fernet_keys, keystone_credential_keys" in str(caught.value)
    with pytest.raises(KollaError, match="no secret 'mariadb_rot_password'") as caught:
        rotation.resolve("mariadb_rot_password", SECRETS)
    assert "did you mean 'mariadb_root_password'?" in str(caught.value)


def test_ages() -> None:
    assert rotation.age("90d") == 90 * 86_400
    assert rotation.age("12h") == 12 * 3_600
    for wrong in ("", "90", "d", "-1d", "1.5d", "90 d", "1w"):
        with pytest.raises(KollaError, match="is no age"):
            rotation.age(wrong)


def test_what_nobody_noted_counts_as_old() -> None:
    known = {"a": Rotation(made=NOW - timedelta(days=89)), "b": Rotation(made=NOW - timedelta(days=90))}
    names = [name for name in ("a", "b", "c") if rotation.older(known, name, rotation.age("90d"), NOW)]
    assert names == ["b", "c"]


def test_the_count_goes_up_by_rotations_alone() -> None:
    noted = {"a": Rotation(count=4)}
    assert rotation.noted(noted, "a", NOW, rotated=True) == Rotation(made=NOW, count=5)
    assert rotation.noted(noted, "b", NOW, rotated=False) == Rotation(made=NOW, count=0)


def test_what_is_written_wrongly_is_named_by_its_place() -> None:
    read, problems = rotation.read(
        {"a": {"count": -1}, "b": {"made": "soon"}, "c": {"cuont": 1}, "d": {"count": 2}}
    )
    assert rotation.counts(read) == {"d": 2}
    assert [problem.path for problem in problems] == [
        "rotations.a.count",
        "rotations.b.made",
        "rotations.c.cuont",
    ]
    assert rotation.read([])[1][0].path == "rotations"
    assert rotation.read(None) == ({}, [])
