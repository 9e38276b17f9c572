"""How checks are run: what they say is kept, and what they could not look at is never taken for fine."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from kolla_iac.errors import KollaError
from kolla_iac.model.environment import Environment, load_environment
from kolla_iac.runtime.checks import (
    CannotLook,
    Check,
    Fact,
    Finding,
    Look,
    NotSeen,
    Result,
    Said,
    examine,
    exit_code,
    gather,
)
from kolla_iac.runtime.containers import Found

HOSTS = [{"name": "a"}, {"name": "b", "docker": "unix:///elsewhere.sock"}]
FOUND = Finding("warning", "host a", "it leans", "prop it up")


class Says(Check):
    """A check that says what it is given, and raises what is none of it."""

    name = "says"
    title = "what is said"

    def __init__(self, *said: Said | Exception, asks_hosts: bool = True) -> None:
        self._said = said
        self.asks_hosts = asks_hosts  # type: ignore[misc]

    def run(self, look: Look) -> Iterator[Said]:
        for one in self._said:
            if isinstance(one, Exception):
                raise one
            yield one


def settings(hosts: Any = HOSTS) -> Environment:
    return load_environment({"release": "2025.2", "hosts": hosts}, "the test")


def look(**silent: str) -> Look:
    clients: Any = {"a": object()}
    return Look("dev", settings(HOSTS), clients, silent)


def said(*one: Said | Exception, **silent: str) -> Result:
    return examine([Says(*one)], look(**silent))[0]


def test_words_and_exit_codes() -> None:
    fine, found, blind = said(Fact("x")), said(FOUND), said(NotSeen("host b", "dark"))
    assert [one.word for one in (fine, found, blind)] == ["fine", "found", "not seen"]
    assert exit_code([fine]) == 0
    assert exit_code([fine, found]) == 1
    assert exit_code([fine, found, blind]) == 2


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (CannotLook("no container of mariadb runs"), "no container of mariadb runs"),
        (KollaError("b", {"saw": ["x", "y"], "next": "kolla-iac init b"}), "b: x y; next: kolla-iac init b"),
        (OSError("no route"), "no route"),
        (TypeError("'NoneType'"), "this check failed: TypeError: 'NoneType'"),
    ],
)
def test_whatever_a_check_raises_it_has_not_looked_and_takes_nothing_back(error: Exception, why: str) -> None:
    result = said(FOUND, error, Fact("never reached"))
    assert result.findings == [FOUND]
    assert result.not_seen == [NotSeen("", why)]
    assert result.word == "not seen"
    assert result.facts == []


def test_a_host_that_does_not_answer_leaves_every_check_that_asks_it_blind() -> None:
    result = said(Fact("x"), b="refused")
    assert (result.word, result.not_seen, result.facts) == ("not seen", [NotSeen("host b", "refused")], ["x"])
    (other,) = examine([Says(Fact("x"), asks_hosts=False)], look(b="refused"))
    assert other.word == "fine"


def test_where_no_host_answers_nothing_is_concluded() -> None:
    nowhere = Look("dev", settings(), {}, {"a": "refused"})
    (result,) = examine([Says(FOUND)], nowhere)
    assert result.said == (NotSeen("host a", "refused"),)


def test_hosts_that_do_not_answer_are_gathered_with_why(tmp_path: Any) -> None:
    hosts = [{"name": name, "docker": f"unix://{tmp_path}/{name}.sock"} for name in ("b", "c")]
    seen = gather("dev", settings(hosts))
    assert seen.clients == {}
    assert seen.silent.keys() == {"b", "c"}
    assert seen.silent["b"].startswith(f"unix://{tmp_path}/b.sock: no such socket: is Docker installed")


def container(name: str, status: str = "running", **labels: str) -> Found:
    about = {f"kolla_iac.{key}": value for key, value in labels.items()}
    one: Any = SimpleNamespace(name=name, id=f"id of {name}", status=status, labels=about, attrs={})
    return Found("a", one, one)


def test_what_a_look_finds() -> None:
    job = container("j", service="keystone", role="job")
    one, two = container("k1", service="keystone"), container("k2", "paused", service="keystone")
    seen = Look("dev", settings(HOSTS), {}, {}, (job, one, two))
    assert seen.of("keystone") == [one, two]
    assert seen.running("keystone") == [one]
    with pytest.raises(CannotLook, match="no container of mariadb runs"):
        seen.running("mariadb")


def test_commands_that_mend_name_the_host_and_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    seen = look()
    assert seen.docker("a") == "docker"
    assert seen.docker("b") == "docker --host unix:///elsewhere.sock"
    monkeypatch.setenv("DOCKER_HOST", "unix:///elsewhere.sock")
    assert (seen.docker("a"), seen.docker("b")) == ("docker --host unix:///var/run/docker.sock", "docker")
    monkeypatch.delenv("DOCKER_HOST")
    assert seen.inside(container("k1")) == "docker exec --user root k1"
    assert seen.again("x-*-y", "z") == "pulumi up --replace '**::x-*-y' --replace '**::z' --stack dev"
    assert seen.set("more") == "more, in Pulumi.dev.yaml; then: pulumi up --stack dev"
