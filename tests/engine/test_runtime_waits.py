"""Waits, jobs and singletons on the real Docker: what they see, and what they say when they fail."""

import contextlib
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from docker.models.containers import Container

from kolla_iac import waiting
from kolla_iac.errors import KollaError
from kolla_iac.model.stage import LABEL_STAGE, EvictStage, JobStage, Mount, ReadyStage, Upload
from kolla_iac.model.waits import (
    AllOf,
    AnyOf,
    ExecWait,
    HealthWait,
    HttpStep,
    HttpWait,
    LogWait,
    PortWait,
    Wait,
)
from kolla_iac.runtime import job as job_module
from kolla_iac.runtime.containers import get
from kolla_iac.runtime.execute import CannotRun, run
from kolla_iac.runtime.failure import StageFailed, WaitFailed
from kolla_iac.runtime.waits import wait_for

from .runtime_support import PORT, Small, answers, haproxy_image

SECRET = "hunter2-and-more"


@pytest.fixture(scope="module")
def small() -> Iterator[Small]:
    environment = Small(haproxy_image())
    try:
        yield environment
    finally:
        environment.close()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOLLA_IAC_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def server(small: Small) -> Container:
    return small.serve(1, "old", "web")


def wait(small: Small, container: Container, what: Wait) -> None:
    context = small.context()
    wait_for(what, get(context.hosts, "here", str(container.id)), None, context)


HOLD: list[Wait] = [
    answers(),
    PortWait(what="its port", port=PORT),
    LogWait(what="its line", pattern=r"^serv\w+$"),
    ExecWait(what="a file", command=("test", "-e", "/etc/passwd")),
    ExecWait(what="another exit code", command=("sh", "-c", "exit 3"), expect=3),
    ExecWait(what="standard input", command=("grep", "-q", SECRET), stdin=f"a line\nand {SECRET}"),
    AllOf(what="both", waits=(answers(), PortWait(what="its port", port=PORT))),
    AnyOf(what="one", waits=(PortWait(what="another port", port=1), PortWait(what="its port", port=PORT))),
]


@pytest.mark.parametrize("what", HOLD, ids=lambda one: f"{one.kind}-{one.what}")
def test_waits_that_hold(small: Small, server: Container, what: Wait) -> None:
    start = time.monotonic()
    wait(small, server, what)
    assert time.monotonic() - start < 5


FAIL: list[tuple[Wait, str]] = [
    (answers(1, expect=(204,)), "HTTP 200 from GET /, "),
    (
        HttpWait(
            what="a token",
            timeout=1,
            steps=(
                HttpStep(
                    url=f"http://{{container}}:{PORT}/x",
                    timeout=1,
                    expect=(201,),
                    method="POST",
                    body={"password": SECRET},
                ),
            ),
        ),
        'you sent {"password": "***"}',
    ),
    (PortWait(what="another port", port=1, timeout=1), f"ports that listen: {PORT}"),
    (LogWait(what="a line", pattern="never", timeout=1), "1 lines, none that matches never"),
    (HealthWait(timeout=1), "a container without health check"),
    (ExecWait(what="a file", command=("ls", "/none"), timeout=1), "No such file or directory"),
    (ExecWait(what="quiet", command=("sh", "-c", "cat >&2; exit 1"), stdin=SECRET, timeout=1), "***"),
    (ExecWait(what="an end", command=("sleep", "60"), timeout=1), "exit code 124 from sleep"),
    (AllOf(what="both", timeout=1, waits=(answers(), PortWait(what="a port", port=1))), "ports that listen"),
]


@pytest.mark.parametrize(("what", "saw"), FAIL, ids=[f"{what.kind}-{what.what}" for what, _ in FAIL])
def test_what_a_wait_says_when_it_fails(small: Small, server: Container, what: Wait, saw: str) -> None:
    hinted = what.model_copy(update={"hint": "look inside"})
    start = time.monotonic()
    with pytest.raises(WaitFailed) as error:
        wait(small, server, hinted)
    text = str(error.value)
    assert time.monotonic() - start < 6
    for part in (saw, what.what, "running, 0 restarts, ", " MB", "serving", "look inside", "not within 1 s"):
        assert part in text
    assert SECRET not in text


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are told of after half a second instead of five."""
    monkeypatch.setattr(waiting, "FIRST", 0.5)
    monkeypatch.setattr(job_module, "LOOK_SECONDS", 0.2)


def told(small: Small) -> list[str]:
    """Lines that say what is waited for, without the seconds in front."""
    return [line.partition(" s  ")[2] for line in small.lines if "waiting for" in line]


@pytest.mark.usefixtures("soon")
def test_a_wait_says_what_it_waits_for_how_long_and_what_it_saw(small: Small) -> None:
    slow = small.serve(1, "new", "web", status=503)
    with pytest.raises(WaitFailed):
        wait(small, slow, answers(6))
    lines = told(small)
    assert re.fullmatch(
        rf"waiting for {slow.name} \(new\): an answer of its own; \d of 6 s; "
        r"last: HTTP 503 from GET /: web-1-new",
        lines[-1],
    ), lines
    seconds = [float(line.split()[0]) for line in small.lines if "waiting for" in line]
    assert 2 <= len(lines) <= 5 and seconds == sorted(seconds), small.lines


@pytest.mark.usefixtures("soon")
def test_a_wait_that_is_stuck_in_one_exchange_says_so(small: Small, server: Container) -> None:
    stuck = ExecWait(what="an end", command=("sh", "-c", "cat; sleep 60"), stdin=SECRET, timeout=2)
    with pytest.raises(WaitFailed):
        wait(small, server, stuck)
    assert any(line.startswith(f"waiting for {server.name} (old): an end; ") for line in told(small))
    assert SECRET not in "".join(small.lines)


def test_a_wait_that_holds_soon_is_silent(small: Small, server: Container) -> None:
    wait(small, server, answers())
    assert small.lines == []


@pytest.mark.usefixtures("soon")
def test_a_job_says_that_it_runs_and_what_it_logs(small: Small) -> None:
    files = (Upload(path="/secret.conf", content=f"password = {SECRET}\n"),)
    small.do(job(small, f"echo migrating with {SECRET}; sleep 2", files=files))
    assert re.fullmatch(
        r"waiting for api-expand to end; \d of 600 s; last: migrating with \*\*\*", told(small)[-1]
    ), small.lines
    assert SECRET not in "".join(small.lines)


def test_a_jobs_log_is_limited(small: Small) -> None:
    made = job_module.create(job(small, "true"), small.client, "local")
    try:
        made.reload()
        limits = made.attrs["HostConfig"]["LogConfig"]
    finally:
        made.remove(force=True)
    assert limits == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}


def test_secrets_are_in_no_process_arguments(small: Small, server: Container) -> None:
    step = HttpStep(
        url=f"http://{{container}}:{PORT}/", method="POST", body={"password": SECRET}, expect=(201,)
    )
    waits: list[Wait] = [
        HttpWait(what="a token", timeout=3, steps=(step,)),
        ExecWait(what="an end", command=("sh", "-c", "cat; sleep 60"), stdin=SECRET, timeout=3),
    ]

    def fails(what: Wait) -> None:
        with pytest.raises(WaitFailed):
            wait(small, server, what)

    seen = set()
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(fails, what) for what in waits]
        while not all(one.done() for one in running):
            for file in ("cmdline", "environ"):
                for path in Path("/proc").glob(f"[0-9]*/{file}"):
                    with contextlib.suppress(OSError):
                        seen.add(path.read_bytes())
            time.sleep(0.1)
        for one in running:
            one.result()
    assert any(b"json.loads(sys.stdin.readline())" in text for text in seen), "the programs were seen running"
    assert not [text for text in seen if SECRET.encode() in text]


def test_a_container_that_ends_ends_the_wait(small: Small) -> None:
    dead = small.serve(1, service="dead", start=0.5, die="no database")
    start = time.monotonic()
    with pytest.raises(WaitFailed, match="exited \\(exit code 3\\) and nothing starts it again") as error:
        wait(small, dead, answers(60))
    assert time.monotonic() - start < 20
    assert "Traceback: no database" in str(error.value)


def test_a_container_that_crashes_again_and_again_ends_the_wait(small: Small) -> None:
    crashing = small.serve(1, service="crashing", restart="always", die="no database")
    start = time.monotonic()
    with pytest.raises(WaitFailed, match="ends again and again"):
        wait(small, crashing, PortWait(what="its port", port=PORT, timeout=60))
    assert time.monotonic() - start < 20
    crashing.remove(force=True)


def test_a_container_that_is_not_there(small: Small) -> None:
    with pytest.raises(KollaError, match="container 0123456789ab is not on host here"):
        get(small.context().hosts, "here", "0123456789abcdef")


def test_commands_get_standard_input_and_an_end(small: Small, server: Container) -> None:
    found = get(small.context().hosts, "here", str(server.id))
    text = "x" * 300_000 + "\nend"
    result = run(found, ["sh", "-c", "wc -c; echo bad >&2; exit 7"], stdin=text)
    assert (result.exit_code, result.output.strip(), result.errors.strip()) == (7, "300004", "bad")
    assert run(found, ["sh", "-c", "seq 100000"]).output.splitlines()[-1] == "100000"
    with pytest.raises(CannotRun, match="did not end within 1 s"):
        run(found, ["sleep", "5"], timeout=1)


def job(small: Small, script: str, **more: Any) -> JobStage:
    return JobStage(
        **small.about("api-expand"), host="here", image=small.image, command=("sh", "-c", script), **more
    )


def jobs(small: Small) -> list[Container]:
    return small.client.containers.list(all=True, filters={"label": f"{LABEL_STAGE}=api-expand"})


def test_a_job_has_its_files_and_leaves_nothing(small: Small) -> None:
    files = (
        Upload(path="/var/lib/kolla/config_files/config.json", content="{}"),
        Upload(path="/a/b/secret", content=SECRET, mode="0600"),
    )
    script = f"""set -e
        test "$(cat /a/b/secret)" = {SECRET}
        test "$(stat -c %a:%u /a/b/secret)" = 600:0
        test "$(cat /var/lib/kolla/config_files/config.json)" = "{{}}"
        test "$KIND" = test
        grep -q 'NoNewPrivs:.1' /proc/self/status
        grep -q 'CapEff:.0000000000000001' /proc/self/status
        echo kept > /data/file"""
    volume = small.client.volumes.create(f"{small.name}-data", labels=small.labels("api", 1))
    mounts = (Mount(volume=volume.name, path="/data"),)
    more: dict[str, Any] = {
        "files": files,
        "mounts": mounts,
        "env": {"KIND": "test"},
        "capabilities": ("CHOWN",),
    }
    printed = small.do(job(small, script, **more))
    assert "api-expand started" in printed
    assert "api-expand done" in printed
    assert jobs(small) == []
    small.do(job(small, "grep kept /data/file", mounts=mounts))


def test_a_job_may_have_something_to_say_to_the_operator(small: Small) -> None:
    printed = small.do(job(small, "echo migrating; echo 'note: nothing to do'; echo 'note: aside' >&2"))
    assert "  nothing to do\n" in printed
    assert "migrating" not in printed
    assert "aside" not in printed


def test_a_job_that_fails_shows_its_log(small: Small) -> None:
    with pytest.raises(StageFailed, match=r"^job api-expand failed after") as error:
        small.do(job(small, "echo migrating; echo 'CRITICAL bad column' >&2; exit 4"))
    for part in ("exit code 4", "migrating", "CRITICAL bad column", f"pulumi up --stack {small.name}"):
        assert part in str(error.value)
    assert jobs(small) == []


def test_a_job_that_takes_too_long_is_ended(small: Small) -> None:
    with pytest.raises(StageFailed, match="did not end within 1 s"):
        small.do(job(small, "echo waiting; sleep 60", timeout=1))
    assert jobs(small) == []


def test_what_a_cut_off_job_left_is_removed_first(small: Small) -> None:
    stage = job(small, "true")
    labels = {**small.labels("api", 1, role="job"), LABEL_STAGE: stage.name}
    small.client.containers.run(small.image, ["sleep", "60"], labels=labels, detach=True)
    assert "left by an earlier run, removed" in small.do(stage)
    assert jobs(small) == []


def test_a_job_whose_image_is_missing_says_so(small: Small) -> None:
    stage = job(small, "true").model_copy(update={"image": "kolla-iac/none:1"})
    with pytest.raises(StageFailed, match="image kolla-iac/none:1 is not on host here"):
        small.do(stage)


def test_a_singleton_is_alone_when_it_is_ready(small: Small) -> None:
    stray, current = small.serve(1, "stray", "database"), small.serve(1, "new", "database")
    stage = ReadyStage(
        **small.about("database-ready", "database"), host="here", container=str(current.id), wait=answers()
    )
    printed = small.do(stage)
    assert f"{stray.name} (stray), left by an earlier run, stopped and removed" in printed
    assert small.gone(stray)
    assert "removed" not in small.do(stage)
    evict = EvictStage(**small.about("database-evict", "database"), host="here", stop_seconds=1)
    assert "which no state knows" in small.do(evict)
    assert small.gone(current)
    assert "no container of database-1" in small.do(evict)
