"""What people read: states, logs, waits, the timeline."""

import json
from pathlib import Path

import pytest

from kolla_iac.cli.stage import BadSpecification, parse
from kolla_iac.model.stage import Upload
from kolla_iac.runtime import timeline
from kolla_iac.runtime.containers import State, telling, tidy
from kolla_iac.runtime.hosts import Hosts, connect
from kolla_iac.runtime.job import archive, blotted
from kolla_iac.runtime.waits import Seen, listening, without

JOB = {
    "kind": "job",
    "name": "keystone-expand",
    "environment": "dev",
    "service": "keystone",
    "release": "2025.2",
    "hosts": {"a": "unix:///a.sock"},
    "host": "a",
    "image": "keystone:1",
}


@pytest.mark.parametrize(
    ("state", "text", "over"),
    [
        (State("running", "unhealthy"), "running, unhealthy, 0 restarts", False),
        (State("exited", exit_code=3), "exited, exit code 3, 0 restarts", True),
        (State("exited", "unhealthy"), "exited, exit code 0, 0 restarts", True),
        (State("paused", "unhealthy"), "paused, 0 restarts", False),
        (State("exited", exit_code=3, restart_policy="always"), "exited, exit code 3, 0 restarts", False),
        (State("exited", restart_policy="on-failure"), "exited, exit code 0, 0 restarts", True),
        (State("restarting", restarts=1, exit_code=1), "restarting, exit code 1, 1 restart", False),
        (
            State("exited", exit_code=137, out_of_memory=True),
            "exited, exit code 137, out of memory, 0 restarts",
            True,
        ),
        (State("gone"), "gone", True),
    ],
)
def test_states(state: State, text: str, over: bool) -> None:
    assert str(state) == text
    assert state.over is over


def test_an_error_is_told_though_chatter_has_pushed_it_out() -> None:
    chatter = "GET /healthcheck 200\n" * 50
    told = telling(f"starting\nERROR keystone: (1054, 'Unknown column')\n{chatter}", 3)
    assert told == ["ERROR keystone: (1054, 'Unknown column')", "...", *["GET /healthcheck 200"] * 3]
    assert telling("one\nDBError: gone\ntwo", 2) == ["DBError: gone", "two"]
    assert telling("one\ntwo\nthree", 2) == ["two", "three"]


def test_log_lines_without_colours_and_blanks() -> None:
    assert tidy("a\n\n\x1b[31mred\x1b[0m  \n" + "x" * 1000, 2) == ["red", "x" * 240 + "..."]


def test_equal_answers_in_a_row_are_counted() -> None:
    seen = Seen()
    assert seen.lines() == ["nothing yet"]
    seen.add("HTTP 500", at=0.0)
    assert seen.lines()[0].startswith("HTTP 500, once, the last at ")
    seen.add("HTTP 500", "no database", times=3)
    assert seen.lines()[0].startswith("HTTP 500, 4 times, the last at ")
    assert seen.lines()[1] == "no database"
    seen.add("HTTP 503")
    assert seen.times == 1


def test_what_was_seen_last_in_brief() -> None:
    seen = Seen()
    assert seen.brief == ""
    seen.add("exit code 1 from mariadb", "Can't connect")
    assert seen.brief == "exit code 1 from mariadb: Can't connect"
    seen.add("HTTP 503 from GET /ready")
    assert seen.brief == "HTTP 503 from GET /ready"


def test_what_may_be_a_secret_of_a_jobs_files_is_not_told() -> None:
    files = '[database]\nconnection = mysql+pymysql://keystone:kei4eGh0ue7-._~@mariadb/keystone\nkey: "Zm9v1bar2=="'
    line = "keystone on mariadb: kei4eGh0ue7-._~ and Zm9v1bar2==, 17 migrations"
    assert blotted(line, files) == "keystone on mariadb: *** and ***==, 17 migrations"


def test_ports_that_listen() -> None:
    table = "sl local rem st\n0: 0100007F:1388 00000000:0000 0A\n1: 00:0016 11:2233 01\n"
    assert listening(table) == {5000}


def test_words_of_standard_input_are_not_told() -> None:
    told = without("error near 'hunter2hunter2' in SELECT", "ALTER USER x IDENTIFIED BY 'hunter2hunter2';")
    assert told == "error near '***' in SELECT"


def test_uploads_become_a_tar() -> None:
    assert b"etc/a.conf" in archive([Upload(path="/etc/a.conf", content="ä", mode="0600")])


def test_the_timeline_has_a_line_for_the_start_and_one_for_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOLLA_IAC_HOME", str(tmp_path))
    start = timeline.started("dev", "keystone", "keystone-expand", "job", "2025.2")
    assert timeline.append(start) == ""
    assert timeline.append(timeline.ended(start, "failed", "it failed")) == ""
    first, last = map(json.loads, (tmp_path / "timeline" / "dev.jsonl").read_text().splitlines())
    assert (first["outcome"], last["outcome"], last["error"]) == ("running", "failed", "it failed")
    assert last["start"] == first["start"] <= last["end"]


def test_the_timeline_since_a_mark_is_that_of_this_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOLLA_IAC_HOME", str(tmp_path))
    assert timeline.size("dev") == 0
    assert timeline.since("dev", 0) == []
    timeline.append(timeline.started("dev", "keystone", "before", "job", "2025.2"))
    mark = timeline.size("dev")
    start = timeline.started("dev", "keystone", "after", "job", "2025.2")
    for record in (start, timeline.ended(start, "done")):
        timeline.append(record)
    with timeline.path("dev").open("a") as file:
        file.write('{"stage": "hal')
    assert [(one["stage"], one["outcome"]) for one in timeline.since("dev", mark)] == [
        ("after", "running"),
        ("after", "done"),
    ]


def test_a_timeline_that_cannot_be_written_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KOLLA_IAC_HOME", str(tmp_path / "file"))
    start = timeline.started("dev", "keystone", "keystone-expand", "job", "2025.2")
    assert "cannot be written" in timeline.append(start)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Invalid JSON"),
        ("[1, 2]", "should be an object"),
        (json.dumps({**JOB, "kind": "dance"}), "does not match any of the expected tags"),
        (json.dumps({**JOB, "image": None}), "job.image"),
        (json.dumps({**JOB, "colour": "blue"}), "job.colour: Extra inputs are not permitted"),
    ],
)
def test_what_is_no_stage(text: str, said: str) -> None:
    with pytest.raises(BadSpecification, match=r"holds no stage") as error:
        parse(text)
    assert said in str(error.value)
    assert error.value.exit_code == 2


def test_what_is_wrong_is_not_repeated() -> None:
    with pytest.raises(BadSpecification) as error:
        parse(json.dumps({**JOB, "files": [{"path": "/x", "content": ["hunter2"]}]}))
    assert "job.files.0.content" in str(error.value)
    assert "hunter2" not in str(error.value)


def test_a_host_without_docker(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="host a: its Docker does not answer") as error:
        connect("a", f"unix://{tmp_path}/none.sock")
    assert "no such socket" in str(error.value)


def test_a_host_that_ssh_cannot_reach() -> None:
    with pytest.raises(Exception, match="host a: its Docker does not answer") as error:
        connect("a", "ssh://nobody@127.0.0.1:1")
    assert "saw       ssh: " in str(error.value)


def test_a_host_that_is_not_of_the_environment() -> None:
    with pytest.raises(Exception, match="no host b in this environment"):
        Hosts({"a": "unix:///a.sock"}).client("b")
