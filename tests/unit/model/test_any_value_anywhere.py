"""Every place of a full environment with every odd value: problems at that place, and never anything else."""

import copy
import datetime
from collections.abc import Iterator
from typing import Any

import pytest

from kolla_iac.model.environment import examine
from kolla_iac.model.problems import Location, path

FULL: dict[str, Any] = {
    "release": "2025.2",
    "region": "Here",
    "hosts": [
        {"name": "a", "roles": ["control"], "overrides": {"keystone.conf": {"a": {"b": 1}}}},
        {"name": "b", "docker": "ssh://b", "address": "192.0.2.2"},
    ],
    "network": {"driver": "overlay", "subnet": "10.0.0.0/24", "mtu": 1400},
    "endpoints": [{"name": "keystone", "address": "192.0.2.9", "port": 5000}],
    "services": {
        "keystone": {
            "replicas": 2,
            "limits": {"memory": 100, "cpus": 0.5},
            "overrides": {"keystone.conf": {"token": {"expiration": [1, 2]}}},
        },
        "mariadb": {"enabled": True, "health_check": {"interval": 5}},
    },
    "overrides": {"*": {"DEFAULT": {"debug": None}}},
    "images": {"source": "build", "digests": {"keystone": "sha256:" + "0" * 64}},
    "backup": {
        "before_upgrade": "never",
        "target": {"directory": "/srv/backups"},
        "schedule": {"every": "1h"},
        "keep": {"last": 1},
    },
}
ODD = [
    *(object(), b"bytes", {3: 4}, [[]], {"": {"": [{}]}}, "\ud800", float("nan"), 10**30),
    datetime.date(2026, 1, 1),
]
"""Wrong everywhere."""


def places(data: object, at: Location = ()) -> Iterator[Location]:
    if at:
        yield at
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in inside:
        yield from places(value, (*at, key))


def put(at: Location, value: object) -> dict[str, Any]:
    changed = copy.deepcopy(FULL)
    parent: Any = changed
    for key in at[:-1]:
        parent = parent[key]
    parent[at[-1]] = value
    return changed


def test_the_full_one_is_right() -> None:
    assert examine(FULL).problems == ()


@pytest.mark.parametrize("at", list(places(FULL)), ids=path)
def test_a_wrong_value_is_named_where_it_is(at: Location) -> None:
    for value in ODD:
        examined = examine(put(at, value))
        assert examined.problems, value
        assert examined.environment is not None
        for problem in examined.problems:
            assert problem.path.startswith(path(at)) or path(at[:1]) in problem.path
            str(problem).encode()


@pytest.mark.parametrize("at", list(places(FULL)), ids=path)
def test_any_value_whatever_is_read_to_the_end(at: Location) -> None:
    for value in (None, True, 0, -1, 70000, 1.5, "", "x", "a\nb", [], {}, [None], {"a": 1}, "keystone"):
        for problem in examine(put(at, value)).problems:
            str(problem).encode()
