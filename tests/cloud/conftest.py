"""One environment for the whole session; tests edit it in turn, and each leaves it whole."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kolla_iac.model.secrets import generate
from kolla_iac.model.service import Secret

from .arguments import Arguments, watching
from .installed import Installed, install
from .probing import probing
from .support import Cloud, Home, Outcome

PASSWORDS = (
    "keystone_database_password",
    "keystone_admin_password",
    "haproxy_statistics_password",
    "mariadb_root_password",
    "memcache_secret_key",
)
KEYS = ("keystone_fernet_keys", "keystone_credential_keys")
SYNTAX = "$x'%s\"\\&;#{y}@:/?"
"""What INI files, URLs, SQL, shells and HAProxy read as syntax; a password may be made of it all the same."""


class First:
    """The first `kolla-iac up` of the session's environment, with all that was seen of it."""

    def __init__(self, up: Outcome, planted: dict[str, str], arguments: Arguments) -> None:
        self.up, self.planted, self.arguments = up, planted, arguments

    @property
    def needles(self) -> list[str]:
        return needles(self.planted)


def needles(planted: dict[str, str]) -> list[str]:
    """What must be found nowhere: the Fernet keys, and of passwords the part that no quoting changes."""
    keys = [key for name in KEYS for key in json.loads(planted[name]).values()]
    return keys + [planted[name][: len("planted") + 24] for name in PASSWORDS]


def _planted() -> dict[str, str]:
    found = {name: f"planted{secrets.token_hex(12)}{SYNTAX}" for name in PASSWORDS}
    # stands in a URL: only what needs no quoting there
    found["keystone_database_password"] = f"planted{secrets.token_hex(12)}-._~"
    return found | {name: generate(Secret(name, "", kind="fernet_keys")) for name in KEYS}


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("cloud"))


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The package from a wheel of the tree, in an environment of its own."""
    return install(tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="session")
def another(home: Home) -> Iterator[Callable[[], Cloud]]:
    """Makes environments beside the first; what is left of them in the end is removed."""
    made: list[Cloud] = []

    def make() -> Cloud:
        made.append(Cloud(home))
        return made[-1]

    yield make
    for cloud in made:
        cloud.remove()


@pytest.fixture(scope="session")
def made(home: Home) -> Iterator[tuple[Cloud, First]]:
    cloud = Cloud(home)
    planted = _planted()
    try:
        cloud.make(planted)
        words = [value.removesuffix(SYNTAX) for value in planted.values()]
        with watching(
            [*words, *(key for name in KEYS for key in json.loads(planted[name]).values())]
        ) as seen:
            up = cloud.kolla("up")
        yield cloud, First(up, planted, seen)
    finally:
        cloud.remove()


@pytest.fixture(scope="session")
def first(made: tuple[Cloud, First]) -> First:
    return made[1]


@pytest.fixture
def cloud(made: tuple[Cloud, First]) -> Iterator[Cloud]:
    """The session's environment. A test that fails half-way does not take those after it along: it is mended."""
    cloud = made[0]
    yield cloud
    cloud.write()
    if not _sound(cloud):
        cloud.pulumi("cancel", "--yes", fails=None)
        cloud.up(None, "--refresh")


@pytest.fixture(scope="session")
def neighbours() -> list[Cloud]:
    """Environments that were brought up beside the first, the newest last."""
    return []


@pytest.fixture
def beside(cloud: Cloud, another: Callable[[], Cloud], neighbours: list[Cloud]) -> Cloud:
    """A second environment, which tests may change for good if they keep what they changed in its settings; one that a
    test left otherwise is not used again.

    While it is brought up, nothing is taken from the first.
    """
    if neighbours and _as_settings_say(neighbours[-1]):
        return neighbours[-1]
    before = cloud.ids()
    made = another()
    made.make()
    with probing(cloud, rate=10, slow_seconds=0) as probe:
        made.kolla("up")
    made.whole()
    assert cloud.ids() == before
    probe.none_failed()
    neighbours.append(made)
    return made


def _as_settings_say(cloud: Cloud) -> bool:
    return cloud.releases() == {cloud.base["release"]} and _sound(cloud)


def _sound(cloud: Cloud) -> bool:
    try:
        cloud.whole()
    except AssertionError:
        return False
    return cloud.answers()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test of the first up comes first, and whatever takes the environment down comes last."""
    # rotations come late: from then on the secrets are no longer those that were planted; and the environment beside is
    # upgraded by what comes before it is taken down
    order = {"test_first_up": 0, "test_upgrade": 2, "test_rotation": 3, "test_down": 4}
    here = Path(__file__).parent
    mine = [item for item in items if item.path.is_relative_to(here)]
    rest = [item for item in items if not item.path.is_relative_to(here)]
    mine.sort(key=lambda item: order.get(item.path.stem, 1))
    items[:] = rest + mine
