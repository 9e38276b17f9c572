"""Secrets from one seed."""

from kolla_iac.model.derived import derived
from kolla_iac.model.environment import load_environment
from kolla_iac.model.secrets import malformed, required

ENVIRONMENT = load_environment({"release": "2025.2"}, "the test")


def test_all_that_is_needed_and_as_it_must_be() -> None:
    values = derived(ENVIRONMENT, "seed")
    assert set(values) == set(required(ENVIRONMENT))
    assert malformed(ENVIRONMENT, values) == []


def test_the_same_seed_gives_the_same_and_another_nothing_of_it() -> None:
    first, again, other = (derived(ENVIRONMENT, seed) for seed in ("seed", "seed", "seed 2"))
    assert first == again
    assert not set(first.values()) & set(other.values())


def test_no_two_secrets_are_alike() -> None:
    values = derived(ENVIRONMENT, "seed")
    assert len(set(values.values())) == len(values)
