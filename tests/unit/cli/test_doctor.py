"""The general checks' conclusions, and what is printed of them, as far as no cloud is needed."""

from __future__ import annotations

import json
import os
import re
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from kolla_iac.cli import main
from kolla_iac.cli.doctor import containers, engine, hosts, of_service, ports, say, state
from kolla_iac.model.environment import load_environment
from kolla_iac.model.hosts import Endpoint
from kolla_iac.model.service import COMPONENTS, services
from kolla_iac.runtime.checks import Bounds, Check, Fact, Finding, Look, NotSeen, Result
from kolla_iac.runtime.containers import Found, State

NOW = datetime(2026, 5, 4, 3, 10, tzinfo=UTC)
SOUND: dict[str, Any] = {"ServerVersion": "20.10.24+dfsg1", "Driver": "overlay2", "MemoryLimit": True}
ENDPOINT = Endpoint("keystone", "127.0.0.1", 5000)


def look(*found: Found, environment: str = "dev") -> Look:
    settings = load_environment({"release": "2025.2"}, "the test")
    return Look(environment, settings, {}, {}, found, now=NOW)


def result(name: str, *said: Any) -> Result:
    check: Any = SimpleNamespace(name=name, title=f"all of {name} is right")
    return Result(check, said, 0.25)


FINE = result("engine", Fact("pulumi 3.259.0"))
BAD = result(
    "slots",
    Finding("warning", "lb on local", "it leans", "prop it up"),
    Finding("error", "lb on local", "it fell\nand broke", "make another"),
)
BLIND = (result("disk", NotSeen("host b", "refused")), result("clock", NotSeen("host b", "refused")))


# what is printed


def test_nothing_found_in_lines() -> None:
    text = say.text(look(), [FINE, result("lock")], colours=False)
    assert text.splitlines() == [
        "dev  nothing found",
        "",
        "  looked at:",
        "    engine  pulumi 3.259.0",
        "    lock    all of lock is right",
    ]


def test_the_worst_comes_first_and_what_was_not_seen_is_told_once_a_reason() -> None:
    text = say.text(look(), [FINE, BAD, *BLIND], colours=False)
    assert text.splitlines()[:13] == [
        "dev  1 error, 1 warning; 2 checks could not look",
        "",
        "  error    slots  lb on local: it fell",
        "           and broke",
        "    mend   make another",
        "",
        "  warning  slots  lb on local: it leans",
        "    mend   prop it up",
        "",
        "  could not be looked at, so nobody knows:",
        "    disk, clock: host b: refused",
        "",
        "  looked at:",
    ]
    assert "all of" not in text, "a check that found something, or saw nothing, is not said to be right"


def test_blind_and_nothing_found_is_not_said_to_be_fine() -> None:
    assert say.headline([FINE, *BLIND]) == "nothing found by the others; 2 checks could not look"


def test_colours_change_no_word() -> None:
    results = [FINE, BAD, *BLIND]
    coloured = say.text(look(), results, colours=True)
    assert "\x1b[31m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == say.text(look(), results, colours=False)


def test_the_form_for_programs() -> None:
    found = say.data(look(), [FINE, BAD, BLIND[0]])
    assert json.loads(json.dumps(found)) == found
    assert (found["environment"], found["exit_code"], found["at"]) == ("dev", 2, "2026-05-04T03:10:00+00:00")
    assert found["findings"][1] == {
        "check": "slots",
        "severity": "error",
        "where": "lb on local",
        "saw": "it fell\nand broke",
        "mend": "make another",
    }
    assert found["not_seen"] == [{"check": "disk", "where": "host b", "why": "refused"}]
    assert [(one["name"], one["state"]) for one in found["checks"]] == [
        ("engine", "fine"),
        ("slots", "found"),
        ("disk", "not seen"),
    ]


def test_a_host_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: kolla-iac\nruntime: python\nstackConfigDir: stacks\n")
    settings = {"release": "2025.2", "hosts": [{"name": "gone", "docker": f"unix://{tmp_path}/no.sock"}]}
    file = tmp_path / "stacks" / "Pulumi.dev.yaml"
    file.write_text(yaml.safe_dump({"config": {"kolla-iac:environment": settings}}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    for words in (("doctor", "dev"), ("doctor", "dev", "--json")):
        with pytest.raises(SystemExit) as stopped:
            main(words)
        assert stopped.value.code == 2
        said = capsys.readouterr().out
        assert "no such socket" in said
    found = json.loads(said)
    blind = {one["check"] for one in found["not_seen"] if one["where"] == "host gone"}
    assert blind >= {"docker", "disk", "containers", "keys", "slots", "database"}
    missing = [one for one in found["findings"] if one["check"] == "secrets"]
    assert missing[0]["mend"] == "kolla-iac secrets generate dev"


def test_an_environment_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: kolla-iac\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["doctor", "dve"])
    assert stopped.value.code == 2
    assert "no environment 'dve'" in capsys.readouterr().err


# services bring their own


def test_every_service_with_a_checks_py_is_found_and_no_name_is_taken_twice() -> None:
    found = {name: list(of_service(name)) for name in services()}
    beside = {file.parent.name for file in COMPONENTS.glob("*/checks.py")}
    assert {name for name, checks in found.items() if checks} == beside
    names = [check.name for checks in found.values() for check in checks]
    assert len(names) == len(set(names)) > 5
    assert all(isinstance(check, Check) and check.title for checks in found.values() for check in checks)


# engine, plugins, secrets


def test_where_an_engine_came_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept = tmp_path / "kolla-iac" / "engine"
    assert engine.origin(kept / "3.259.0-official" / "pulumi") == "downloaded"
    assert engine.origin(kept / "3.259.0-0123abcd" / "pulumi") == "built here"
    assert engine.origin(Path("/usr/bin/pulumi")) == "the machine's own"


def test_which_plugin_the_engine_starts_and_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", raising=False)
    told = list(engine.Plugins(tmp_path).run(look()))
    assert [type(one) for one in told] == [Fact, Fact], "the engine fetches them"
    monkeypatch.setenv("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "1")
    told = list(engine.Plugins(tmp_path).run(look()))
    assert [getattr(one, "mend", None) for one in told] == 2 * [
        "install what README.md says, then: source .envrc"
    ]
    (tmp_path / "tools" / "setup").mkdir(parents=True)
    assert engine.enter(tmp_path) == "make setup, then: source .envrc"
    (tmp_path / "bin").mkdir()
    own = tmp_path / "bin" / "pulumi-resource-docker"
    own.write_bytes(b"\x7fELF")
    own.chmod(0o755)
    assert engine.place("docker", "5.1.1") == own
    assert engine.why(own) == f"official: {own.resolve()}"
    kept = tmp_path / "home" / "plugins" / "resource-docker-v5.1.1" / "pulumi-resource-docker"
    kept.parent.mkdir(parents=True)
    kept.write_text('#!/bin/sh\nexec python -I -m kolla_standin docker 5.1.1 "$@"\n')
    assert engine.place("docker", "5.1.1") == kept
    assert engine.why(kept).startswith("stand-in: set-up found no official one here")


def test_a_passphrase_that_others_may_read_or_that_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    (gone,) = engine.private(file, needed=True)
    assert isinstance(gone, Finding) and gone.severity == "error"
    assert list(engine.private(file, needed=False)) == []
    file.write_text("x")
    file.chmod(0o640)
    (open_one,) = engine.private(file, needed=True)
    assert isinstance(open_one, Finding)
    assert (open_one.saw, open_one.mend) == ("others may read it (mode 0640)", f"chmod 600 {file}")
    file.chmod(0o600)
    assert [type(one) for one in engine.private(file, needed=True)] == [Fact]


# hosts


@pytest.mark.parametrize(
    ("change", "saw"),
    [
        ({}, []),
        ({"ServerVersion": "28.1.1"}, []),
        ({"ServerVersion": "19.03.15"}, ["Docker 19.03.15; at least 20.10 is needed"]),
        ({"Driver": "vfs"}, ["storage driver vfs: each container is a full copy of its image"]),
        (
            {"MemoryLimit": False},
            ["the kernel does not limit memory: services.<name>.limits.memory has no effect"],
        ),
    ],
)
def test_what_docker_says_of_itself(change: dict[str, Any], saw: list[str]) -> None:
    assert [one.saw for one in hosts.judged("host a", SOUND | change)] == saw


@pytest.mark.parametrize(("free", "severity"), [(6.0, None), (4.9, "warning"), (0.9, "error")])
def test_how_much_space_is_enough(free: float, severity: str | None) -> None:
    told = list(hosts.roomy("host a", "/var/lib/docker", free, Bounds(), "docker"))
    assert [one.severity for one in told] == ([severity] if severity else [])


def test_a_clock_is_only_wrong_beyond_the_time_that_asking_took() -> None:
    at = NOW.timestamp()
    assert hosts.offset(NOW, at - 3, at + 1) == 0
    assert hosts.offset(NOW, at + 5, at + 6) == -5
    assert hosts.offset(NOW, at - 9, at - 7) == 7


def test_a_host_whose_clock_is_wrong_is_named() -> None:
    ahead = (datetime.now(UTC) + timedelta(seconds=90)).isoformat().replace("+00:00", "Z")
    client: Any = SimpleNamespace(info=lambda: {"SystemTime": ahead})
    seen = Look("dev", load_environment({"release": "2025.2"}, "the test"), {"local": client}, {})
    fact, finding = hosts.Clock().run(seen)
    assert isinstance(finding, Finding)
    assert re.fullmatch(r"its clock is (89|90)\.\d s ahead; tokens are dated by it", finding.saw)
    assert isinstance(fact, Fact)


# ports


def test_a_port_is_found_by_the_process_that_has_it() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        port = one.getsockname()[1]
        ((pid, name),) = ports.listening("127.0.0.1", port)
        assert pid == os.getpid()
        assert name == Path("/proc/self/comm").read_text().strip()
        assert ports.listening("192.0.2.1", port) == [], "another address"
    assert ports.listening("127.0.0.1", port) == []


def test_a_listener_on_all_addresses_of_both_families_has_it_too() -> None:
    with socket.socket(socket.AF_INET6) as one:
        one.bind(("::", 0))
        one.listen()
        assert ports.listening("127.0.0.1", one.getsockname()[1])[0][0] == os.getpid()


def test_a_listener_whose_process_cannot_be_seen(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    row = "0: 0100007F:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1"
    (tmp_path / "net" / "tcp").write_text(f"head\n{row}\n")
    assert ports.listening("127.0.0.1", 5000, tmp_path) == [(0, "a process that cannot be seen from here")]


@pytest.mark.parametrize(
    ("bound", "running", "ours"),
    [
        ({"HostIp": "127.0.0.1", "HostPort": "5000"}, True, True),
        ({"HostIp": "0.0.0.0", "HostPort": "5000"}, True, True),
        ({"HostIp": "127.0.0.1", "HostPort": "5001"}, True, False),
        ({"HostIp": "192.0.2.1", "HostPort": "5000"}, True, False),
        ({"HostIp": "127.0.0.1", "HostPort": "5000"}, False, False),
    ],
)
def test_who_publishes_a_port(bound: dict[str, str], running: bool, ours: bool) -> None:
    attrs = {
        "State": {"Running": running},
        "NetworkSettings": {"Ports": {"5000/tcp": [bound], "80/tcp": None}},
    }
    assert ports.publishes(attrs, ENDPOINT) is ours


# containers


@pytest.mark.parametrize(
    ("seen", "loops"),
    [
        (State("restarting", restarts=1), True),
        (State("running", restarts=3, started="2026-05-04T03:05:00Z"), True),
        (State("running", restarts=2, started="2026-05-04T03:05:00Z"), False),
        (State("running", restarts=30, started="2026-05-04T01:00:00Z"), False),
    ],
)
def test_what_a_restart_loop_is(seen: State, loops: bool) -> None:
    assert containers.looping(seen, Bounds(), NOW) is loops


# state


def test_who_holds_the_state(tmp_path: Path) -> None:
    folder = tmp_path / ".pulumi" / "locks" / "organization" / "kolla-iac"
    for name, machine, pid in (
        ("dev", socket.gethostname(), os.getpid()),
        ("dev", socket.gethostname(), 4_194_304),
        ("dev", "elsewhere", 1),
        ("other", "elsewhere", 1),
    ):
        (folder / name).mkdir(parents=True, exist_ok=True)
        held = {"pid": pid, "username": "me", "hostname": machine, "timestamp": "2026-05-04T03:00:00.5Z"}
        (folder / name / f"{machine}-{pid}.json").write_text(json.dumps(held))
    found = state.locks(f"file://{tmp_path}", "dev")
    assert {(one.machine, one.pid): one.alive for one in found} == {
        (socket.gethostname(), os.getpid()): True,
        (socket.gethostname(), 4_194_304): False,
        ("elsewhere", 1): None,
    }
    assert found[0].since == "2026-05-04T03:00:00"
    (folder / "dev" / "half.json").write_text("{")
    assert len(state.locks(f"file://{tmp_path}", "dev")) == 4, (
        "a lock that cannot be read is one all the same"
    )


def test_a_state_that_is_no_folder_has_locks_that_cannot_be_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://bucket")
    (told,) = state.Lock(state.State(Path("/"), "dev")).run(look())
    assert isinstance(told, NotSeen) and "s3://bucket" in told.why


def record(stage: str, outcome: str, start: float, pid: int = 1, kind: str = "ready") -> dict[str, Any]:
    ended = {} if outcome == "running" else {"end": start + 1}
    return {"stage": stage, "kind": kind, "pid": pid, "start": start, "outcome": outcome, **ended}


def test_a_stage_without_an_end_is_told_until_a_later_one_has_ended() -> None:
    cut = record("keystone-1-handover", "running", 20)
    before = [record("mariadb-1-ready", "running", 10), record("mariadb-1-ready", "done", 10)]
    assert state.cut_off([*before, cut]) == [cut]
    assert state.cut_off([*before, cut, record("keystone-1-handover", "failed", 30, pid=2)]) == []
    assert state.cut_off([record("mariadb-1-evict", "running", 10, kind="evict")]) == []
    assert state.cut_off([]) == []


def stands(name: str, replica: str, service: str = "keystone") -> Found:
    labels = {"kolla_iac.service": service, "kolla_iac.replica": replica}
    one: Any = SimpleNamespace(name=name, id=f"id of {name}", status="running", labels=labels, attrs={})
    return Found("local", one, one)


def test_what_no_state_knows_goes_unless_it_is_all_there_is() -> None:
    known, old, alone, beyond = (stands(*of) for of in (("n", "1"), ("o", "1"), ("a", "2"), ("b", "3")))
    seen, ids = look(known, old, alone, beyond), {known.id}
    beside = state.stray(old, ids, seen)
    assert (beside.saw, beside.mend) == (
        "no state knows it (running); keystone-1 is n",
        "docker stop o; docker rm o",
    )
    assert state.stray(alone, ids, seen).mend == "pulumi up --refresh --stack dev"
    assert state.stray(beyond, ids, seen).saw.endswith("keystone-3 is not wanted")
