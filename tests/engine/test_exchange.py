"""All that is behind a backend is exchanged at once, while requests wait: on the real HAProxy, under load."""

import http.client
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kolla_iac.errors import KollaError
from kolla_iac.runtime.balancer import Balancer, balancers
from kolla_iac.runtime.containers import Found, get

from .runtime_support import Small, probing, standing


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Small]:
    with standing(tmp_path, monkeypatch) as environment:
        for replica in (1, 2):
            environment.handover(environment.serve(replica), replica)
        yield environment


def prepared(small: Small) -> tuple[Balancer, list[Found]]:
    """The load balancer with two new containers that it has checked."""
    context = small.context()
    (balancer,) = balancers(context, small.name, "loadbalancer")
    new = [get(context.hosts, "here", str(small.serve(replica, "new").id)) for replica in (1, 2)]
    balancer.prepare("api", new, 10)
    return balancer, new


def test_an_exchange_under_load_fails_no_request_and_none_is_served_by_both(small: Small) -> None:
    """Half of the requests come on connections that stay open: those are held too."""
    kept: list[str] = []
    over = threading.Event()

    def client() -> None:
        where = urlsplit(small.url)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
        while not over.is_set():
            connection.request("GET", "/")
            kept.append(connection.getresponse().read().decode())
            time.sleep(0.01)

    clients = [threading.Thread(target=client) for _ in range(4)]
    with probing(small.url) as probe:
        for one in clients:
            one.start()
        balancer, new = prepared(small)
        time.sleep(1)
        assert not any("new" in outcome for outcome, _ in probe.outcomes)
        balancer.hold("api", 10)
        assert balancer.wait_quiet("api", 5) == 0
        before = len(kept), len(probe.outcomes)
        time.sleep(1)
        assert (len(kept), len(probe.outcomes)) == before
        balancer.exchange("api", new)
        time.sleep(1)
        over.set()
        for one in clients:
            one.join()
    assert probe.failed == []
    assert probe.slowest < 4
    assert set(kept[before[0] + len(clients) :]) == {"api-1-new", "api-2-new"}
    assert balancer.published("api") == [one.name for one in new]
    reloaded = small.configure(small.config(client_timeout=30))
    assert "reloaded" in reloaded
    with probing(small.url) as probe:
        time.sleep(0.5)
    assert {outcome for outcome, _ in probe.outcomes} == {"200 api-1-new", "200 api-2-new"}


def test_a_hold_ends_by_itself_and_what_served_serves_on(small: Small) -> None:
    balancer, new = prepared(small)
    balancer.hold("api", 1.5)
    with probing(small.url) as probe:
        time.sleep(2)
    assert probe.failed == []
    assert 1 < probe.slowest < 2.5
    with pytest.raises(KollaError, match="load balancer") as refused:
        balancer.exchange("api", new)
    assert "not held any more" in str(refused.value.facts)
    with probing(small.url) as probe:
        time.sleep(0.5)
    assert {outcome for outcome, _ in probe.outcomes} == {"200 api-1-old", "200 api-2-old"}


def test_haproxy_that_started_anew_meanwhile_exchanges_nothing(small: Small) -> None:
    balancer, new = prepared(small)
    balancer.hold("api", 20)
    assert small.balancer is not None
    small.balancer.kill(signal.SIGKILL)
    small.balancer.start()
    balancer.wait_serving()
    balancer.hold("api", 20)
    with pytest.raises(KollaError) as refused:
        balancer.exchange("api", new)
    assert "HAProxy knows no slot" in str(refused.value.facts) or "not ready" in str(refused.value.facts)
    balancer.hold("api", 0)
    time.sleep(1)
    with probing(small.url) as probe:
        time.sleep(0.5)
    assert {outcome for outcome, _ in probe.outcomes} == {"200 api-1-old", "200 api-2-old"}
