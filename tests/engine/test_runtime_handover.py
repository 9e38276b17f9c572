"""Handovers, retirement and the load balancer on the real Docker, under load."""

import re
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kolla_iac import waiting
from kolla_iac.model.stage import RetireStage
from kolla_iac.runtime import balancer
from kolla_iac.runtime.failure import StageFailed

from .runtime_support import Small, answers, probing, standing


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Small]:
    with standing(tmp_path, monkeypatch) as environment:
        yield environment


def test_replicas_are_handed_over_under_load_without_a_failed_request(small: Small) -> None:
    old = [small.serve(1), small.serve(2)]
    for replica, container in enumerate(old, start=1):
        small.handover(container, replica)
    with probing(small.url) as probe:
        time.sleep(1)
        new = [small.serve(1, "new", start=1), small.serve(2, "new", start=1)]
        for replica, container in enumerate(new, start=1):
            printed = small.handover(container, replica)
        time.sleep(1)
    assert probe.failed == []
    assert probe.slowest < 2
    assert probe.outcomes[-1][0] in ("200 api-1-new", "200 api-2-new")
    assert [small.gone(container) for container in (*old, *new)] == [True, True, False, False]
    for step in (
        "an answer of its own",
        "published as api/s",
        "is UP",
        "drained, no sessions left",
        "removed",
    ):
        assert step in printed


def test_a_drain_says_whose_sessions_it_waits_for(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST", 0.5)
    monkeypatch.setattr(balancer, "WAIT_CHUNK_SECONDS", 0.5)
    old = small.serve(1, seconds=4)
    small.handover(old, 1, answers(15))
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(lambda: urllib.request.urlopen(small.url, timeout=30).read())
        time.sleep(0.5)
        printed = small.handover(small.serve(1, "new"), 1)
        assert slow.result() == b"api-1-old"
    wanted = rf"waiting for the sessions of {old.name} to end; \d of 10 s; last: 1 session\n"
    assert re.search(wanted, printed), printed


def test_a_second_run_finds_nothing_to_do(small: Small) -> None:
    new = small.serve(1)
    small.handover(new, 1)
    slots = small.balancer.exec_run(["cat", "/var/lib/haproxy/slots.json"]).output
    printed = small.handover(new, 1)
    assert "removed" not in printed
    assert small.balancer.exec_run(["cat", "/var/lib/haproxy/slots.json"]).output == slots


def test_a_new_container_that_does_not_come_changes_nothing(small: Small) -> None:
    old = small.serve(1)
    small.handover(old, 1)
    new = small.serve(1, "new", die="column project.colour is unknown")
    with probing(small.url) as probe, pytest.raises(StageFailed) as failure:
        small.handover(new, 1)
    text = str(failure.value)
    assert text.startswith("handover api-1 failed after ")
    for part in (
        "an answer of its own",
        "exited, exit code 3",
        "Traceback: column project.colour is unknown",
        f"{old.name} (old) serves on; nothing was taken from it",
        f"pulumi up --stack {small.name}",
    ):
        assert part in text
    assert probe.failed == []
    assert not small.gone(old)


def test_a_container_that_the_check_refuses_gets_no_traffic(small: Small) -> None:
    old = small.serve(1)
    small.handover(old, 1)
    new = small.serve(1, "new", status=503, body="no database")
    with probing(small.url) as probe, pytest.raises(StageFailed, match="L7STS 503"):
        small.handover(new, 1, answers(expect=(503,)), up_seconds=3)
    assert new.name.encode() not in small.balancer.exec_run(["cat", "/var/lib/haproxy/slots.json"]).output
    assert not small.gone(old)
    small.handover(small.serve(1, "mended"), 1)
    assert small.gone(old)
    assert small.gone(new)
    print(probe.counts)
    assert probe.failed == []


def test_reloads_under_load_fail_nothing(small: Small) -> None:
    for replica in (1, 2):
        small.handover(small.serve(replica), replica)
    with probing(small.url, 80) as probe:
        for turn in range(8):
            printed = small.configure(small.config({"api": 5000, f"more-{turn}": 6000 + turn}))
            assert "reloaded" in printed
            time.sleep(0.5)
    assert probe.failed == []
    assert "nothing to change" in small.configure(small.config({"api": 5000, "more-7": 6007}))


def test_a_dead_replica_goes_fast_and_a_busy_one_stays(small: Small) -> None:
    dead, busy = small.serve(1), small.serve(2, seconds=0.3, check_seconds=3)
    for replica, container in enumerate((dead, busy), start=1):
        small.handover(container, replica)
    with probing(small.url, 30) as probe:
        time.sleep(1)
        dead.kill()
        time.sleep(4)
    assert probe.failed == []
    delayed = [seconds for _, seconds in probe.outcomes if seconds > 0.8]
    assert len(delayed) < len(probe.outcomes) / 3, "a request met the dead replica long after its end"
    assert {outcome for outcome, _ in probe.outcomes[-30:]} == {"200 api-2-old"}
    start = time.monotonic()
    dead.remove(force=True)
    small.handover(small.serve(1, "again"), 1)
    assert time.monotonic() - start < 10


def test_replicas_beyond_the_wanted_number_go(small: Small) -> None:
    containers = [small.serve(replica) for replica in (1, 2, 3)]
    for replica, container in enumerate(containers, start=1):
        small.handover(container, replica)
    retire = RetireStage(**small.about("api-retire"), replicas=1, backend="api", stop_seconds=1)
    with probing(small.url) as probe:
        small.do(retire)
    assert probe.failed == []
    assert [small.gone(container) for container in containers] == [False, True, True]
    assert "none beyond" in small.do(retire)


def test_the_load_balancer_restarted_serves_again_from_its_volume(small: Small) -> None:
    small.handover(small.serve(1), 1)
    small.balancer.restart(timeout=1)
    end = time.monotonic() + 10
    while True:
        with probing(small.url, 5) as probe:
            time.sleep(0.2)
        if not probe.failed or time.monotonic() > end:
            break
    assert probe.failed == []


def test_fewer_slots_take_no_traffic_away(small: Small) -> None:
    containers = [small.serve(replica) for replica in (1, 2, 3)]
    for replica, container in enumerate(containers, start=1):
        small.handover(container, replica)
    fewer = small.config()
    fewer = fewer.model_copy(update={"backends": (fewer.backends[0].model_copy(update={"slots": 2}),)})
    with probing(small.url) as probe:
        assert "reloaded" in small.configure(fewer)
        time.sleep(1)
        assert probe.counts["200 api-3-old"]
        small.do(RetireStage(**small.about("api-retire"), replicas=1, backend="api", stop_seconds=1))
    assert probe.failed == []
    assert probe.outcomes[-1][0] == "200 api-1-old"
