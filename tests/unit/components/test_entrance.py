"""The programs of the entrance and of the load balancer, one beside the other, without containers."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from kolla_iac.components.entrance.inside import hold
from kolla_iac.components.loadbalancer.inside import serve


def free_port() -> int:
    with socket.socket() as asking:
        asking.bind(("127.0.0.1", 0))
        return int(asking.getsockname()[1])


def test_whoever_asks_takes_connections_from_the_same_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold, "PATH", tmp_path / "entrance.sock")
    monkeypatch.setattr(serve, "ENTRANCE", tmp_path / "entrance.sock")
    ports = [free_port(), free_port()]
    threading.Thread(target=hold.hold, args=(ports,), daemon=True).start()
    with serve.entrance() as old, serve.entrance() as new:
        first, second = serve.sockets(old), serve.sockets(new)
        assert first is not None
        assert second is not None
        assert list(first) == list(second) == ports
        # it waits while nobody takes it, and outlives the one that might have
        waiting = socket.create_connection(("127.0.0.1", ports[0]), 5)
        for number in first.values():
            socket.socket(fileno=number).close()
        taken, _ = socket.socket(fileno=second[ports[0]]).accept()
        taken.sendall(b"here")
        waiting.settimeout(5)
        assert waiting.recv(4) == b"here"
        hold.check()


def test_state_is_taken_over_for_the_slots_that_hold_a_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, file in (("ADMIN", "admin.sock"), ("STATE", "server-state"), ("SLOTS", "slots.json")):
        monkeypatch.setattr(serve, name, tmp_path / file)
    serve.SLOTS.write_text('{"api": {"s1": "api-1-abc"}}')
    said = ["1", "# be_id be_name"]
    for number, name in ((1, "api-1-abc"), (2, "api-2-gone")):
        said.append(
            f"3 api {number} s{number} 192.0.2.{number} 2 0 1 1 5 6 3 7 6 0 0 0 {name} 80 - 0 0 - - 0"
        )
    admin = socket.socket(socket.AF_UNIX)
    admin.bind(str(serve.ADMIN))
    admin.listen()

    def answer() -> None:
        asking, _ = admin.accept()
        with asking:
            asking.recv(100)
            asking.sendall("\n".join(said).encode())

    threading.Thread(target=answer, daemon=True).start()
    serve.remember()
    assert serve.STATE.read_text().splitlines() == said[:3]
    admin.close()
    serve.remember()
    assert not serve.STATE.exists(), "nobody answers: what was believed before is of another time"
