"""Holds the listening sockets of the published ports, and gives them to every load balancer that asks.

Runs in the entrance's container: ``hold.py PORT...``; ``hold.py check`` asks whether it does. A listening socket
lives as long as one process has it, so a connection that comes while no load balancer runs waits in it.
"""

from __future__ import annotations

import json
import selectors
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

PATH = Path("/var/lib/haproxy/entrance.sock")
"""On the volume that the load balancer's containers mount too."""
WAITING = 4096
"""Connections that may wait for a load balancer; the kernel's net.core.somaxconn bounds it."""


def listen(port: int) -> socket.socket:
    """A listening socket on every address of the container."""
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind(("0.0.0.0", port))
    opened.listen(WAITING)
    return opened


def hold(ports: Sequence[int]) -> None:
    """Gives ports and sockets to whoever connects; its connection stays open as long as this process lives."""
    opened = [listen(port) for port in ports]
    PATH.unlink(missing_ok=True)
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(PATH))
    PATH.chmod(0o600)
    door.listen(16)
    known = selectors.DefaultSelector()
    known.register(door, selectors.EVENT_READ)
    sys.stdout.write(f"ports {', '.join(map(str, ports)) or 'none'}\n")
    sys.stdout.flush()
    while True:
        for key, _ in known.select():
            if key.fileobj is door:
                caller, _ = door.accept()
                try:
                    socket.send_fds(
                        caller, [json.dumps(list(ports)).encode()], [one.fileno() for one in opened]
                    )
                    known.register(caller, selectors.EVENT_READ)
                except OSError:
                    caller.close()
            else:
                # nobody says anything: it is the end of the one who asked
                known.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]


def check() -> None:
    """Asks for the sockets, as a load balancer does."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(5)
        asking.connect(str(PATH))
        data, sockets, _, _ = socket.recv_fds(asking, 65536, 253)
    if len(json.loads(data)) != len(sockets):
        sys.exit(f"{len(sockets)} sockets for the ports {data.decode()}")


if __name__ == "__main__":
    if sys.argv[1:] == ["check"]:
        check()
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        hold([int(port) for port in sys.argv[1:]])
