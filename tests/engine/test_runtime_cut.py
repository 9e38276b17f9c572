"""Stages through the command line: cut off, run again, and several at once."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from docker.models.containers import Container

from kolla_iac.model.stage import Stage, VerifyStage
from kolla_iac.model.waits import HttpStep, HttpWait

from .runtime_support import Small, answers, probing, standing

KOLLA_IAC = [Path(sys.executable).with_name("kolla-iac"), "stage"]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Small]:
    with standing(tmp_path, monkeypatch) as environment:
        yield environment


def start(stage: Stage) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    process = subprocess.Popen(KOLLA_IAC, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env={**os.environ})
    assert process.stdin is not None
    process.stdin.write(stage.model_dump_json())
    process.stdin.close()
    process.stdin = None
    return process


def finish(stage: Stage) -> str:
    process = start(stage)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return output


def slots(small: Small) -> dict[str, str]:
    return json.loads(small.balancer.exec_run(["cat", "/var/lib/haproxy/slots.json"]).output)["api"]


def test_a_handover_killed_after_any_step_is_completed_by_the_next(small: Small) -> None:
    old = small.serve(1)
    finish(small.handover_stage(old, 1))
    with probing(small.url) as probe:
        for lines in range(6):
            new = small.serve(1, f"new-{lines}")
            stage = small.handover_stage(new, 1)
            process = start(stage)
            for _ in range(lines):
                assert process.stdout is not None
                assert process.stdout.readline()
            process.kill()
            process.communicate()
            finish(stage)
            assert small.gone(old), f"killed after {lines} lines"
            assert list(slots(small).values()) == [new.name]
            old = new
    assert probe.failed == []


def test_sigterm_ends_it_between_two_steps_and_slow_requests_are_answered(small: Small) -> None:
    old = small.serve(1, seconds=5)
    finish(small.handover_stage(old, 1, answers(15)))
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(lambda: urllib.request.urlopen(small.url, timeout=30).read())
        time.sleep(0.5)
        new = small.serve(1, "new")
        stage = small.handover_stage(new, 1, drain_seconds=30)
        process = start(stage)
        assert process.stdout is not None
        while "is UP" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 130
        assert errors.startswith("handover api-1 stopped by SIGTERM")
        assert not small.gone(old)
        with probing(small.url, 10) as probe:
            finish(stage)
        assert slow.result() == b"api-1-old"
    assert probe.failed == []
    assert probe.counts["200 api-1-new"]
    assert small.gone(old)
    outcomes = [json.loads(line)["outcome"] for line in timeline(small).splitlines()]
    assert outcomes[-4:] == ["running", "interrupted", "running", "done"]


def timeline(small: Small) -> str:
    return (Path(os.environ["KOLLA_IAC_HOME"]) / "timeline" / f"{small.name}.jsonl").read_text()


def test_two_handovers_at_once_do_not_disturb_each_other(small: Small) -> None:
    old = [small.serve(1), small.serve(2)]
    for replica, container in enumerate(old, start=1):
        finish(small.handover_stage(container, replica))
    new = [small.serve(1, "new"), small.serve(2, "new")]

    def one(number: int) -> str:
        return finish(small.handover_stage(new[number], number + 1))

    with probing(small.url) as probe, ThreadPoolExecutor() as pool:
        list(pool.map(one, range(2)))
    assert probe.failed == []
    assert sorted(slots(small).values()) == sorted(container.name for container in new)
    assert all(small.gone(container) for container in old)


def test_one_that_is_interrupted_takes_nothing_from_the_next(small: Small) -> None:
    """A killed engine's stage is told to end, and may still wait when the next update's has begun."""
    old = small.serve(1)
    finish(small.handover_stage(old, 1))
    new = small.serve(1, "new", status=503)
    stage = small.handover_stage(new, 1, answers(expect=(503,)), up_seconds=30)
    with probing(small.url) as probe:
        first, second = start(stage), start(stage)
        for process in (first, second):
            assert process.stdout is not None
            while "published as" not in process.stdout.readline():
                assert process.poll() is None
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=30)
        assert first.returncode == 130
        assert new.exec_run(["touch", "/tmp/well"]).exit_code == 0
        _, errors = second.communicate(timeout=60)
        assert second.returncode == 0, errors
    assert probe.failed == []
    assert list(slots(small).values()) == [new.name]
    assert small.gone(old)


def test_containers_that_come_back_with_other_addresses_are_served(small: Small) -> None:
    containers = [small.serve(1), small.serve(2)]
    for replica, container in enumerate(containers, start=1):
        finish(small.handover_stage(container, replica))
    before = [address(container, small) for container in containers]
    for container in containers:
        container.stop(timeout=0)
    for container in reversed(containers):
        container.start()
    assert [address(container, small) for container in containers] != before
    time.sleep(4)
    with probing(small.url) as probe:
        time.sleep(2)
    assert set(probe.counts) == {"200 api-1-old", "200 api-2-old"}


def address(container: Container, small: Small) -> str:
    container.reload()
    return str(container.attrs["NetworkSettings"]["Networks"][small.name]["IPAddress"])


def test_verify_goes_through_the_load_balancer(small: Small) -> None:
    step = HttpStep(url="http://{container}:5000/", capture={"token": "header:X-Subject-Token"})
    exchange = HttpWait(what="an answer through the load balancer", timeout=2, steps=(step,))
    stage = VerifyStage(**small.about("api-verify"), exchange=exchange)
    process = start(stage)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "HTTP 503 from GET /" in errors
    finish(small.handover_stage(small.serve(1), 1))
    assert "an answer through the load balancer" in finish(stage)


def test_a_handover_without_load_balancer_says_so(small: Small) -> None:
    new = small.serve(1)
    small.balancer.stop(timeout=1)
    process = start(small.handover_stage(new, 1))
    _, errors = process.communicate()
    assert process.returncode == 1
    assert f"no load balancer runs in environment {small.name}" in errors
    assert "Traceback" not in errors
