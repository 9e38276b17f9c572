"""An environment from the least that a user may write to the order of its overrides."""

import json
import subprocess
import sys

import pytest
from pydantic import ValidationError

from kolla_iac.components.keystone.settings import KeystoneSettings
from kolla_iac.components.mariadb.settings import MariaDBSettings
from kolla_iac.errors import KollaError, SettingsError
from kolla_iac.model.environment import Environment, load_environment
from kolla_iac.model.hosts import Host
from kolla_iac.model.releases import RELEASES
from kolla_iac.model.service import services

TWO_HOSTS = [
    {"name": "a", "address": "192.0.2.1"},
    {"name": "b", "docker": "ssh://root@b", "address": "192.0.2.2"},
]


def load(**settings: object) -> Environment:
    return load_environment({"release": "2025.2", **settings}, "test")


@pytest.mark.parametrize("release", RELEASES)
def test_the_release_alone_is_a_cloud_on_this_machine(release: str) -> None:
    env = load_environment({"release": release}, "test")
    assert env.enabled() == ["entrance", "keystone", "loadbalancer", "mariadb", "memcached"]
    assert [host.docker for host in env.hosts] == ["unix:///var/run/docker.sock"]
    assert env.endpoint("keystone").url == "http://127.0.0.1:5000"
    assert [host.name for host in env.place("keystone")] == ["local", "local"]
    assert env.network_driver() == "bridge"


@pytest.mark.parametrize("release", RELEASES)
def test_a_default_environment_comes_back_from_what_it_writes(release: str) -> None:
    env = load_environment({"release": release}, "test")
    for written in (env.model_dump_json(), env.model_dump_json(exclude_defaults=True)):
        assert load_environment(json.loads(written), "test") == env


def test_what_is_written_in_full_comes_back() -> None:
    env = load(
        region="Here",
        hosts=[
            {**TWO_HOSTS[0], "overrides": {"keystone.conf": {"token": {"expiration": None}}}},
            TWO_HOSTS[1],
        ],
        network={"driver": "overlay", "subnet": "10.20.0.0/24", "mtu": 1400},
        endpoints=[{"name": "keystone", "address": "2001:db8::1", "port": 5001}],
        services={"keystone": {"replicas": 3, "limits": {"memory": 512, "cpus": 0.5}}},
        overrides={"*": {"DEFAULT": {"debug": True}}, "galera.cnf": {"mysqld": {"a": ["x", 1, 2.5]}}},
        images={"source": "registry", "registry": "registry.example:5000", "tag": "t"},
        backup={"before_upgrade": "required", "verified": False},
    )
    assert load_environment(json.loads(env.model_dump_json()), "test") == env
    assert env.endpoint("keystone").url == "http://[2001:db8::1]:5001"


def test_an_endpoint_takes_the_load_balancer_s_address_where_it_has_none() -> None:
    env = load(hosts=TWO_HOSTS, endpoints=[{"name": "keystone", "port": 80}])
    assert env.endpoint("keystone").url == "http://192.0.2.1:80"


def test_asking_for_the_endpoint_of_a_service_without_one_is_an_error() -> None:
    with pytest.raises(KollaError, match="mariadb is not published"):
        load().endpoint("mariadb")


def test_replicas_take_turns_over_the_hosts_with_the_role() -> None:
    hosts = [*TWO_HOSTS, {"name": "c", "docker": "ssh://root@c", "address": "192.0.2.3", "roles": []}]
    env = load(hosts=hosts, services={"keystone": {"replicas": 3}})
    assert [host.name for host in env.place("keystone")] == ["a", "b", "a"]
    assert env.network_driver() == "overlay"


def test_replicas_that_may_not_share_a_host_need_one_each() -> None:
    from pydantic import Field

    from kolla_iac.model import rules

    class Many(MariaDBSettings):
        replicas: int = Field(default=1, ge=1)

    env = load()
    wide = env.services.model_copy(update={"mariadb": Many(replicas=2)})
    found = rules.check(env.model_copy(update={"services": wide}))
    assert [str(problem).splitlines()[0] for problem in found] == [
        "services.mariadb.replicas: must be at most 1 (got 2): no two may stand on one host"
    ]


def test_two_services_on_one_address_and_port_clash(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a second published service; there is one only so far."""
    from dataclasses import replace

    from kolla_iac.model import environment, rules

    more = services() | {"memcached": replace(services()["memcached"], port=5000)}
    monkeypatch.setattr(rules, "services", lambda: more)
    monkeypatch.setattr(environment, "services", lambda: more)
    with pytest.raises(SettingsError) as caught:
        load()
    assert "keystone and memcached are both on 127.0.0.1:5000" in str(caught.value)
    with pytest.raises(SettingsError) as caught:
        load(endpoints=[{"name": "keystone", "port": 5001}, {"name": "memcached", "port": 5001}])
    assert "endpoints[1].port: keystone is on 127.0.0.1:5001 already" in str(caught.value)
    load(endpoints=[{"name": "memcached", "port": 5001}])
    load(endpoints=[{"name": "memcached", "port": 5000, "address": "127.0.0.2"}])


def test_overrides_all_services_then_service_then_host() -> None:
    env = load(
        hosts=[
            {**TWO_HOSTS[0], "overrides": {"keystone.conf": {"token": {"expiration": 4}, "b": {"z": 1}}}},
            TWO_HOSTS[1],
        ],
        overrides={
            "*": {"token": {"expiration": 1, "star": 1}, "DEFAULT": {"debug": True}},
            "keystone.conf": {"token": {"expiration": 2, "file": 2}, "a": {"list": ["x", "y"]}},
        },
        services={
            "keystone": {
                "overrides": {
                    "keystone.conf": {"token": {"expiration": 3, "file": None}, "a": {"list": ["z"]}}
                }
            }
        },
    )
    everywhere = {"DEFAULT": {"debug": True}, "a": {"list": ["z"]}}
    assert env.overrides_for("keystone", "a", "keystone.conf") == {
        "token": {"expiration": 4, "star": 1, "file": None},
        "b": {"z": 1},
        **everywhere,
    }
    assert env.overrides_for("keystone", env.host("b"), "keystone.conf") == {
        "token": {"expiration": 3, "star": 1, "file": None},
        **everywhere,
    }


def test_the_star_leaves_files_alone_that_are_not_oslo_config() -> None:
    """A cloud-wide debug must not restart the database."""
    env = load(overrides={"*": {"DEFAULT": {"debug": True}}})
    assert env.overrides_for("mariadb", "local", "galera.cnf") == {}
    assert env.overrides_for("keystone", "local", "uwsgi.ini") == {}


def test_settings_of_a_service_come_as_its_own_class() -> None:
    assert load().service("keystone", KeystoneSettings).token_expiration == 86400
    with pytest.raises(TypeError):
        load().service("keystone", MariaDBSettings)
    with pytest.raises(KollaError, match="no service 'keystne'"):
        load().service("keystne")


def test_unknown_hosts_and_missing_roles_are_errors_of_ours() -> None:
    with pytest.raises(KollaError, match="no host 'x'"):
        load().host("x")
    off = {name: {"enabled": False} for name in services()}
    env = load(hosts=[{"name": "a", "roles": []}], services=off)
    with pytest.raises(KollaError, match="no host for keystone"):
        env.place("keystone")


def test_python_users_meet_the_same_rules() -> None:
    with pytest.raises(SettingsError, match="1 problem"):
        Environment(release="2025.2", hosts=(Host(name="a"), Host(name="a", docker="ssh://b")))
    with pytest.raises(ValidationError, match="not a release that we know"):
        Environment(release="1.0")


def test_the_model_needs_neither_engine_nor_docker() -> None:
    code = (
        "import sys, kolla_iac.model.stackfile, kolla_iac.model.schema;"
        "sys.exit(' '.join({'pulumi', 'docker', 'rich', 'jinja2'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
