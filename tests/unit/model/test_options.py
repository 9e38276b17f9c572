"""What becomes of options, and of settings that use them."""

from __future__ import annotations

import pytest

from kolla_iac.components.keystone import stages
from kolla_iac.errors import SettingsError
from kolla_iac.model.environment import load_environment
from kolla_iac.model.options import fates, warnings
from kolla_iac.model.releases import RELEASES


def _warned(release: str, **settings: object) -> list[tuple[str, str]]:
    environment = load_environment({"release": release, **settings}, "the test")
    return [(problem.path, problem.hint) for problem in warnings(environment)]


def test_a_renamed_option_is_a_warning_from_the_release_on_that_renamed_it() -> None:
    settings = {"overrides": {"keystone.conf": {"cache": {"memcache_socket_timeout": 2}}}}
    where = 'overrides["keystone.conf"].cache.memcache_socket_timeout'
    assert _warned("2025.2", **settings) == []
    assert _warned("2026.1", **settings) == [(where, "its successor is [cache] socket_timeout")]


def test_a_removed_option_is_an_error_from_the_release_on_that_removed_it() -> None:
    settings = {"overrides": {"keystone.conf": {"DEFAULT": {"watch_log_file": True}}}}
    ((_, hint),) = _warned("2025.2", **settings)
    assert hint.startswith("take it out (")
    with pytest.raises(SettingsError, match=r"watch_log_file: keystone 2026\.1 does not know it any more"):
        load_environment({"release": "2026.1", **settings}, "the test")


def test_every_place_of_an_override_is_looked_at() -> None:
    old = {"keystone.conf": {"token": {"revocation-cache-time": 60}}}
    found = _warned(
        "2026.1",
        overrides={"*": old["keystone.conf"]},
        services={"keystone": {"overrides": old}},
        hosts=[{"name": "one", "overrides": old}],
    )
    assert [path for path, _ in found] == [
        'overrides["*"].token.revocation-cache-time',
        'services.keystone.overrides["keystone.conf"].token.revocation-cache-time',
        'hosts[0].overrides["keystone.conf"].token.revocation-cache-time',
    ]


def test_deleting_an_option_needs_no_warning_and_neither_do_files_of_other_kinds() -> None:
    assert _warned("2026.1", overrides={"keystone.conf": {"ssl": {"ca_file": None}}}) == []
    assert _warned("2026.1", overrides={"uwsgi.ini": {"ssl": {"ca_file": "x"}}}) == []


@pytest.mark.parametrize("release", RELEASES)
def test_what_keystone_renders_by_itself_is_known_to_its_release(release: str) -> None:
    environment = load_environment({"release": release}, "the test")
    conf = stages.readable(environment, "local", "keystone")["keystone.conf"]
    used = {(section, option) for section, options in conf.items() for option in options}
    gone = {key for key, fate in fates("keystone", release).items() if fate.removed}
    assert len(used) > 10
    assert not used & gone
