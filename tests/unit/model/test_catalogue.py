"""The secrets catalogue: what is needed, how values are made, which values are wrong."""

import json
import time

import pytest

from kolla_iac.model.environment import load_environment
from kolla_iac.model.secrets import generate, malformed, missing, required
from kolla_iac.model.service import Secret, services

ENV = load_environment({"release": "2025.2"}, "test")
KEY = "A" * 43 + "="


def test_every_enabled_service_s_secrets_are_required() -> None:
    assert list(required(ENV)) == [one.name for service in services().values() for one in service.secrets]


def test_a_service_that_is_off_needs_none() -> None:
    env = load_environment({"release": "2025.2", "services": {"keystone": {"enabled": False}}}, "test")
    assert not [name for name in required(env) if name.startswith("keystone")]


def test_names_of_secrets_are_unique() -> None:
    names = [one.name for service in services().values() for one in service.secrets]
    assert len(names) == len(set(names))


def test_passwords_are_letters_and_digits_and_never_twice_the_same() -> None:
    secret = Secret("p", "test", length=24)
    values = {generate(secret) for _ in range(200)}
    assert len(values) == 200
    assert all(len(value) == 24 and value.isascii() and value.isalnum() for value in values)


def test_what_is_generated_is_well_formed() -> None:
    values = {name: generate(secret) for name, secret in required(ENV).items()}
    assert malformed(ENV, values) == []
    keys = json.loads(values["keystone_fernet_keys"])
    (made,) = keys
    assert abs(int(made) - time.time()) < 60, "a key's index is when it was made"


def test_missing_secrets_are_named_with_what_to_type() -> None:
    names = [name for name in required(ENV) if name != "keystone_admin_password"]
    (problem,) = missing(ENV, names, "dev")
    assert str(problem) == (
        "secrets.keystone_admin_password: is missing (the cloud's administrator)\n"
        "    hint: kolla-iac secrets generate dev"
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "must be text that is not empty"),
        ("xyzzy", "must be a JSON object of Fernet keys"),
        ("[" * 100_000, "must be a JSON object of Fernet keys"),
        ('["xyzzy"]', "must be a JSON object of Fernet keys"),
        ("{}", "must hold at least one key"),
        (json.dumps({"0": KEY, "one": KEY}), "must have whole numbers as the keys' indices"),
        (json.dumps({"0": KEY, "1": "xyzzy"}), "key 1 must be urlsafe base64 of 32 bytes"),
        (json.dumps({"0": KEY, "1": KEY.replace("A", "+")}), "key 1 must be urlsafe base64 of 32 bytes"),
        (json.dumps({"0": KEY, "1": None}), "key 1 must be urlsafe base64 of 32 bytes"),
    ],
)
def test_a_fernet_set_that_is_none(value: str, reason: str) -> None:
    (problem,) = malformed(ENV, {"keystone_fernet_keys": value})
    assert (problem.path, problem.reason) == ("secrets.keystone_fernet_keys", reason)
    assert "xyzzy" not in str(problem)


def test_a_fernet_set_of_three_is_one() -> None:
    assert malformed(ENV, {"keystone_fernet_keys": json.dumps({"0": KEY, "7": KEY, "8": KEY})}) == []


@pytest.mark.parametrize("value", [" blank before", "blank after ", "line\nend", "tab\tinside", "nul\0"])
def test_a_password_that_configuration_files_would_break_on(value: str) -> None:
    (problem,) = malformed(ENV, {"mariadb_root_password": value})
    assert value not in str(problem)


def test_a_password_in_a_url_has_nothing_that_needs_quoting_there() -> None:
    """Keystone's migrations put the URL through Python's configparser, which ends at the first %."""
    (problem,) = malformed(ENV, {"keystone_database_password": "half%a/secret"})
    assert "letters, digits and - . _ ~" in problem.reason
    assert "half" not in str(problem)
    assert malformed(ENV, {"keystone_database_password": "a-b.c_d~E9"}) == []


@pytest.mark.parametrize(
    "value", ["a blank inside", "".join(map(chr, range(33, 127))), "äß€漢字🔑", "x" * 200]
)
def test_odd_passwords_are_passwords(value: str) -> None:
    assert malformed(ENV, {"mariadb_root_password": value}) == []
