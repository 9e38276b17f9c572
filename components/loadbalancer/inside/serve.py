"""Runs HAProxy on the listening sockets that the entrance holds. Runs in the load balancer's container.

Several containers may do so at once, old and new: they take connections from the same sockets, so none is lost
when one of them ends. The one that came last has the admin socket. When the entrance ends, HAProxy is started anew
on the sockets of the next one.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType

BASE = Path("/var/lib/haproxy")
ENTRANCE = BASE / "entrance.sock"
ADMIN = BASE / "admin.sock"
STATE = BASE / "server-state"
SLOTS = BASE / "slots.json"
START_SECONDS = 10.0
"""Within which HAProxy opens its admin socket."""


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def entrance() -> socket.socket:
    """A connection to the entrance, as soon as there is one: a host starts its containers in any order."""
    told = False
    while True:
        asking = socket.socket(socket.AF_UNIX)
        try:
            asking.connect(str(ENTRANCE))
        except OSError as error:
            asking.close()
            if not told:
                say(f"waits for the entrance, which holds the published ports: {error}")
                told = True
            time.sleep(0.1)
        else:
            return asking


def sockets(asking: socket.socket) -> dict[int, int] | None:
    """Port -> listening socket; None: the entrance has ended."""
    data, found, _, _ = socket.recv_fds(asking, 65536, 253)
    return dict(zip(json.loads(data), found, strict=True)) if data else None


def remember() -> None:
    """Health and addresses as the container that serves sees them, for the start of this one alone.

    After a restart of the host nobody answers, and other containers have these addresses.
    """
    STATE.unlink(missing_ok=True)
    try:
        with socket.socket(socket.AF_UNIX) as admin:
            admin.settimeout(5)
            admin.connect(str(ADMIN))
            admin.sendall(b"show servers state\n")
            text = b"".join(iter(lambda: admin.recv(65536), b"")).decode().strip()
        slots = json.loads(SLOTS.read_text())
    except OSError:
        return
    kept = []
    for line in text.splitlines():
        row = line.split()
        # of the slots alone that hold a container
        if len(row) <= 18 or row[0] == "#" or slots.get(row[1], {}).get(row[3]) == row[17]:
            kept.append(line)
    STATE.write_text("\n".join(kept) + "\n")


def identity(path: Path) -> int:
    return path.stat().st_ino if path.exists() else 0


def start(listening: dict[int, int], command: list[str]) -> subprocess.Popen[bytes]:
    """Starts HAProxy, and lets nothing change its configuration until it has read it."""
    binds = {f"BIND_{port}": f"fd@{number}" for port, number in listening.items()}
    with (BASE / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        remember()
        before, end = identity(ADMIN), time.monotonic() + START_SECONDS
        haproxy = subprocess.Popen(command, env={**os.environ, **binds}, pass_fds=list(listening.values()))
        while identity(ADMIN) in (0, before) and haproxy.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        STATE.unlink(missing_ok=True)
    return haproxy


def serve(command: list[str]) -> int | None:
    """HAProxy's exit status; None: the entrance has ended, and with it the ports."""
    with entrance() as asking:
        listening = sockets(asking)
        if listening is None:
            time.sleep(0.1)
            return None
        haproxy = start(listening, command)
        for number in listening.values():
            os.close(number)
        lost, told = threading.Event(), threading.Event()

        def watch() -> None:
            if not asking.recv(1):
                lost.set()
                haproxy.terminate()

        def forward(number: int, _: FrameType | None) -> None:
            if number != signal.SIGUSR2:
                told.set()  # to end: also where the entrance ends in the same moment
            haproxy.send_signal(number)

        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, forward)
        threading.Thread(target=watch, daemon=True).start()
        status = haproxy.wait()
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        if lost.is_set() and not told.is_set():
            say("the entrance has ended; HAProxy starts anew on the next one")
            return None
        return status


if __name__ == "__main__":
    while (ended := serve(sys.argv[1:])) is None:
        pass
    sys.exit(ended if ended >= 0 else 128 - ended)
