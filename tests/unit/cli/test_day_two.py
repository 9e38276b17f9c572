"""Day-two commands: what they print, ask and refuse, as far as no cloud is needed."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from kolla_iac.cli import client, clouds, main
from kolla_iac.cli import logs as logs_command
from kolla_iac.cli import status as status_command
from kolla_iac.cli.entries import entry_in, with_entry
from kolla_iac.cli.secrets import listed
from kolla_iac.errors import KollaError
from kolla_iac.model.secrets import required
from kolla_iac.model.stackfile import read_file
from kolla_iac.runtime.containers import State
from kolla_iac.runtime.logs import Line, Source
from kolla_iac.runtime.status import HostSeen, ServiceSeen, Status, Wanted, container_seen

NOW = datetime(2026, 5, 4, 3, 10, tzinfo=UTC)
ENTRY = {"auth": {"auth_url": "http://new", "username": "admin"}, "region_name": "RegionOne"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one environment, whose host is not there."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: kolla-iac\nruntime: python\nstackConfigDir: stacks\n")
    settings = {"release": "2025.2", "hosts": [{"name": "gone", "docker": f"unix://{tmp_path}/no.sock"}]}
    file = {
        "config": {
            "kolla-iac:environment": settings,
            "kolla-iac:secrets": {
                name: {"secure": "v1:x"} for name in ("mariadb_root_password", "old_password")
            },
            "kolla-iac:rotations": {"mariadb_root_password": {"made": "2026-05-04T03:07:00Z", "count": 1}},
        }
    }
    (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text(yaml.safe_dump(file))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ended(*words: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


# status


def seen(*replicas: int, problem: str = "", wanted: int = 2) -> Status:
    containers = [
        container_seen(
            f"memcached-{number}-a",
            State("running", "healthy", started="2026-05-04T03:05:00Z"),
            (),
            host="local",
            replica=number,
            release="",
            image="kolla-iac/memcached:1",
            balanced=False,
            now=NOW,
        )
        for number in replicas
    ]
    service = ServiceSeen(Wanted("memcached", "2025.2", wanted, balanced=False), tuple(containers))
    return Status("dev", "2025.2", NOW, (HostSeen("local", "unix:///s", problem, "mend it"),), (service,))


def test_a_whole_cloud_in_lines() -> None:
    assert status_command.text(seen(1, 2), colours=False).splitlines() == [
        "dev  whole",
        "",
        "  service    release  image                  serving  health     load balancer  since",
        "  memcached  -        kolla-iac/memcached:1  2 of 2   2 healthy  -              5 min ago",
    ]


def test_a_replica_that_is_missing_is_named() -> None:
    text = status_command.text(seen(1), colours=False)
    assert text.startswith("dev  degraded\n")
    assert "  memcached-2: no container\n" in text
    assert "pulumi up --refresh --stack dev" in text


def test_nothing_and_nobody() -> None:
    assert "next  kolla-iac up dev" in status_command.text(seen(), colours=False)
    text = status_command.text(seen(1, problem="connection refused"), colours=False)
    assert "host local (unix:///s): connection refused\n    hint: mend it" in text
    assert "memcached-2: no container on a host that answers" in text


def test_a_replica_beyond_the_wanted_ones_is_named_and_does_no_harm() -> None:
    text = status_command.text(seen(1, 2, wanted=1), colours=False)
    assert text.startswith("dev  whole\n")
    assert (
        "  memcached-2: memcached-2-a on local is not wanted, running, healthy, 0 restarts, for 5 min" in text
    )


@pytest.mark.parametrize(
    ("state", "said"), [("exited", "no load balancer runs"), ("running", "in no load balancer")]
)
def test_where_no_load_balancer_runs_nobody_is_said_to_be_out_of_it(state: str, said: str) -> None:
    def service(name: str, state: State, balanced: bool) -> ServiceSeen:
        one = container_seen(
            f"{name}-1-a",
            state,
            (),
            host="local",
            replica=1,
            release="",
            image="i",
            balanced=balanced,
            now=NOW,
        )
        return ServiceSeen(Wanted(name, "2025.2", 1, balanced=balanced), (one,))

    services = (
        service("keystone", State("running", "healthy"), True),
        service("loadbalancer", State(state, "healthy"), False),
    )
    found = Status("dev", "2025.2", NOW, (HostSeen("local", "unix:///s", "", ""),), services)
    text = status_command.text(found, colours=False)
    assert f"  keystone-1: keystone-1-a on local, running, healthy, 0 restarts, {said}\n" in text


def test_colours_change_no_word() -> None:
    import re

    coloured = status_command.text(seen(1), colours=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == status_command.text(seen(1), colours=False)


def test_watch_notices_more_than_time() -> None:
    later = Status("dev", "2025.2", datetime.now(UTC), seen(1, 2).hosts, seen(1, 2).services)
    assert status_command.essence(later) == status_command.essence(seen(1, 2))
    assert status_command.essence(seen(1)) != status_command.essence(seen(1, 2))


def test_a_host_that_does_not_answer(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended("status", "dev") == 2
    assert f"host gone (unix://{project}/no.sock): no such socket" in capsys.readouterr().out
    assert ended("status", "dev", "--json") == 2
    found = json.loads(capsys.readouterr().out)
    assert (found["state"], found["hosts"][0]["reachable"]) == ("unreachable", False)
    assert ended("logs", "dev") == 1
    said = capsys.readouterr()
    assert (said.out, "host gone: its Docker does not answer" in said.err) == ("", True)


def test_an_environment_that_is_not_there(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended("status", "dve") == 2
    assert "did you mean 'dev'" in capsys.readouterr().err
    for command in ("logs", "clouds"):
        assert ended(command, "dve") == 1
        assert "did you mean 'dev'" in capsys.readouterr().err
    assert ended("secrets", "list", "dve") == 1


# logs


def test_a_request_is_found_with_and_without_its_prefix() -> None:
    for given in ("req-12ab", "12ab"):
        wanted = logs_command.filters("", given)
        assert wanted("WARNING [None req-12ab - -] no") and not wanted("WARNING [req-99 12ab]")
    both = logs_command.filters("ERROR|WARN", "req-12ab")
    assert both("WARNING req-12ab") and not both("INFO req-12ab") and not both("ERROR")


@pytest.mark.parametrize("since", ["", "10", "yesterday", "10m ago", "25:00", "-5m"])
def test_what_is_no_time(since: str) -> None:
    with pytest.raises(KollaError, match="is no time"):
        logs_command.beginning(since, NOW.timestamp())


@pytest.mark.parametrize(
    ("since", "at"),
    [
        ("90s", "2026-05-04T03:08:30"),
        ("1h10m", "2026-05-04T02:00:00"),
        ("2d", "2026-05-02T03:10:00"),
        ("03:00", "2026-05-04T03:00:00"),
        ("3:00:30", "2026-05-04T03:00:30"),
        ("23:00", "2026-05-03T23:00:00"),
        ("2026-05-03", "2026-05-03T00:00:00"),
        ("2026-05-03T01:02:03Z", "2026-05-03T01:02:03"),
        ("2026-05-03T01:02:03+02:00", "2026-05-02T23:02:03"),
    ],
)
def test_times(since: str, at: str) -> None:
    found = datetime.fromtimestamp(logs_command.beginning(since, NOW.timestamp()), UTC)
    assert found.isoformat().removesuffix("+00:00") == at


def test_a_time_ahead_is_refused() -> None:
    with pytest.raises(KollaError, match="lies ahead"):
        logs_command.beginning("2026-05-05", NOW.timestamp())


def test_expressions_and_services_are_checked() -> None:
    with pytest.raises(KollaError, match="no regular expression"):
        logs_command.filters("(", "")
    with pytest.raises(KollaError, match="no service 'keyston'") as error:
        logs_command.known(["keyston"], ["keystone"])
    assert "did you mean 'keystone'" in str(error.value)


def test_lines_are_plain_or_coloured_by_replica() -> None:
    def line(name: str, service: str, replica: str, host: str = "local") -> Line:
        source = Source(host, None, name, name, service, replica, True)  # type: ignore[arg-type]
        return Line("2026-05-04T03:02:01.123456789Z", source, "hello")

    first = line("keystone-1-aaaaaaa", "keystone", "1")
    plain = logs_command.Printer("dev", several=False, colours=False)
    assert plain(first) == "2026-05-04T03:02:01.123Z keystone-1-aaaaaaa  hello"
    assert plain(line("kolla-dev-mariadb-1", "mariadb", "1")).endswith("Z mariadb-1           hello")
    several = logs_command.Printer("dev", several=True, colours=False)
    assert " second/keystone-1-aaaaaaa  hello" in several(
        line("keystone-1-aaaaaaa", "keystone", "1", "second")
    )

    painted = logs_command.Printer("dev", several=False, colours=True)
    others = (line("keystone-2-b", "keystone", "2"), line("keystone-1-c", "keystone", "1"))
    colours = [painted(one).split("m", 1)[0] for one in (first, *others)]
    assert colours[0] == colours[2] != colours[1]


# clouds


MINE = """\
# mine
clouds:
  other:  # keep me
    auth: {auth_url: "http://x"}
  kolla-dev:
    auth:
      auth_url: http://old
    verify: false

  # about the third
  third:
    region_name: r
# the end
"""


def test_an_entry_takes_the_place_of_the_old_one_and_nothing_else_moves() -> None:
    text = with_entry(MINE, "kolla-dev", ENTRY, "clouds.yaml")
    assert entry_in(text, "kolla-dev", "") == ENTRY
    before, _, after = MINE.partition(
        "  kolla-dev:\n    auth:\n      auth_url: http://old\n    verify: false\n"
    )
    assert text.startswith(before) and text.endswith(after)


def test_an_entry_is_added_behind_the_others() -> None:
    text = with_entry(MINE, "new", ENTRY, "clouds.yaml")
    assert yaml.safe_load(text)["clouds"] == {**yaml.safe_load(MINE)["clouds"], "new": ENTRY}
    assert text.startswith(MINE.removesuffix("# the end\n")) and text.endswith("# the end\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing yet\n",
        "clouds:\n",
        "clouds: {}",
        "clouds: {a: {region_name: b}}\n",
        "cache: {expiration: 5}",
        "clouds:\n    a:\n        region_name: b",
        "clouds:\n  a: &a\n    region_name: b\n  c: *a\n",
        "clouds:\n  a:\n    motto: |\n      two\n      lines\n\n\n",
        "---\nclouds:\n  kolla-dev:\n    x: [1,\n      2]\n...\n",
        "{clouds: {}}",
        "clouds:\n  'kolla-dev': {}\n  z: {y: 1}\n",
    ],
)
def test_any_form_is_merged(text: str) -> None:
    before = yaml.safe_load(text) or {}
    after = yaml.safe_load(with_entry(text, "kolla-dev", ENTRY, "clouds.yaml"))
    assert after == {**before, "clouds": {**(before.get("clouds") or {}), "kolla-dev": ENTRY}}
    for line in text.splitlines():
        if line.startswith("#"):
            assert line in with_entry(text, "kolla-dev", ENTRY, "clouds.yaml")


@pytest.mark.parametrize("text", ["a: [", "- a\n", "clouds: [a]\n", "clouds: 5\n", "just words\n"])
def test_what_is_no_clouds_yaml_is_left_alone(text: str, tmp_path: Path) -> None:
    file = tmp_path / "clouds.yaml"
    file.write_text(text)
    with pytest.raises(KollaError, match=r"clouds\.yaml"):
        client.put(file, "kolla-dev", ENTRY, private=False)
    assert file.read_text() == text


def test_modes(tmp_path: Path) -> None:
    shared, new, secure = (tmp_path / name for name in ("shared.yaml", "sub/new.yaml", "secure.yaml"))
    for file in (shared, secure):
        file.write_text(MINE)
        file.chmod(0o644)
    client.put(shared, "kolla-dev", ENTRY, private=False)
    client.put(new, "kolla-dev", ENTRY, private=False)
    client.put(secure, "kolla-dev", ENTRY, private=True)
    assert [oct(file.stat().st_mode & 0o777) for file in (shared, new, secure)] == ["0o644", "0o600", "0o600"]


def test_what_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "picture.yaml").write_bytes(b"\xff\xfe\x00")
    for name, said in (
        ("file/clouds.yaml", "cannot be written"),
        ("folder.yaml", "cannot be read"),
        ("picture.yaml", "holds no text"),
    ):
        with pytest.raises(KollaError, match=rf"{name} {said}"):
            client.put(tmp_path / name, "kolla-dev", ENTRY, private=False)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "folder.yaml", "picture.yaml"]


def test_what_differs(tmp_path: Path) -> None:
    target, secure = tmp_path / "clouds.yaml", tmp_path / "secure.yaml"

    def differing(password: str = "p") -> list[str] | None:
        return clouds.differing(target, secure, "kolla-dev", ENTRY, password)

    assert differing() == []
    client.put(secure, "kolla-dev", {"auth": {"password": "p"}}, private=True)
    client.put(target, "kolla-dev", ENTRY, private=False)
    assert differing() is None
    assert differing("another") == ["auth.password: another one"]
    secure.chmod(0o644)
    assert differing() == [], "it is written again, with the right mode"
    target.write_text(MINE)
    told = differing()
    assert told is not None and {"auth.auth_url: http://old -> http://new", "verify: goes"} <= set(told)


def test_nothing_is_replaced_without_a_yes(tmp_path: Path) -> None:
    code = "from kolla_iac.cli import clouds; clouds.ask(__import__('pathlib').Path('x'), 'n', ['a: goes'])"
    for answer in ("", "n\n", "\n"):
        done = subprocess.run(
            [sys.executable, "-c", code], input=answer, capture_output=True, text=True, check=False
        )
        assert done.returncode != 0 and "nothing was touched" in done.stderr
        assert "a: goes" in done.stdout
    done = subprocess.run(
        [sys.executable, "-c", code], input="y\n", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_how_it_is_used_says_what_the_client_does_not_find_by_itself(tmp_path: Path) -> None:
    own = {"XDG_CONFIG_HOME": str(tmp_path)}
    home = tmp_path / "openstack"
    assert clouds.places(None, own) == (home / "clouds.yaml", home / "secure.yaml")
    assert clouds.usage(*clouds.places(None, own), "a", own) == "openstack --os-cloud a token issue"
    named = own | {
        "OS_CLIENT_CONFIG_FILE": f"{tmp_path}/c.yaml",
        "OS_CLIENT_SECURE_FILE": f"{tmp_path}/s.yaml",
    }
    assert clouds.usage(*clouds.places(None, named), "a", named) == "openstack --os-cloud a token issue"
    half = own | {"OS_CLIENT_CONFIG_FILE": f"{tmp_path}/c.yaml"}
    said = clouds.usage(*clouds.places(None, half), "a", half)
    assert said == f"OS_CLIENT_SECURE_FILE={tmp_path}/secure.yaml openstack --os-cloud a token issue"
    elsewhere = clouds.usage(*clouds.places(tmp_path / "x.yaml", named), "a", named)
    assert elsewhere.startswith(f"OS_CLIENT_CONFIG_FILE={tmp_path}/x.yaml OS_CLIENT_SECURE_FILE=")


# secrets


def test_secrets_are_listed_without_values(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> Clock:
            return cls(2026, 5, 4, 3, 10, tzinfo=UTC)

    monkeypatch.setattr("kolla_iac.cli.secrets.datetime", Clock)
    assert ended("secrets", "list", "dev") == 0
    said = capsys.readouterr().out
    assert "v1:" not in said
    (line,) = [line for line in said.splitlines() if line.startswith("mariadb_root_password")]
    assert line.split()[1:6] == ["password", "3", "min", "2026-05-04", "03:07"]
    (line,) = [line for line in said.splitlines() if line.startswith("old_password")]
    assert line.split()[1:5] == ["-", "not", "known", "never"]
    assert "next  kolla-iac secrets generate dev" in said
    rows = listed(read_file(project / "stacks" / "Pulumi.dev.yaml"), NOW)
    environment = read_file(project / "stacks" / "Pulumi.dev.yaml").environment
    assert environment is not None
    assert [row["name"] for row in rows] == [*required(environment), "old_password"]
    assert {row["state"] for row in rows} == {"present", "missing", "not needed"}
    assert ended("secrets", "list", "dev", "--json") == 0
    assert json.loads(capsys.readouterr().out) == rows
