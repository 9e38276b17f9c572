"""Free public ports for a further environment on one machine."""

from __future__ import annotations

import fcntl
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kolla_iac.errors import KollaError
from kolla_iac.home import home
from kolla_iac.model.service import services
from kolla_iac.model.stackfile import read_file

STEP = 100
"""Between the ports of two environments: 5000, 5100, ..."""


def taken_by_files(folder: Path) -> set[int]:
    """Ports of every environment that has a file in the folder."""
    ports: set[int] = set()
    for file in folder.glob("Pulumi.*.yaml"):
        env = read_file(file).environment
        if env is not None:
            ports |= {one.port for one in env.endpoints if one.port is not None}
            written = {one.name for one in env.endpoints if one.port is not None}
            ports |= {
                service.port
                for name, service in services().items()
                if service.port is not None and name not in written
            }
    return ports


def listened_on(port: int, address: str = "127.0.0.1") -> bool:
    """Whether something on this machine has the port already."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return True
    return False


def choose(taken: set[int], busy: Callable[[int], bool] = listened_on) -> dict[str, int]:
    """The first set of ports, one for each published service, of which none is taken.

    Returns:
        Service -> port; empty where the usual ports are free.

    Raises:
        KollaError: every set has a port that is taken.
    """
    usual = {name: service.port for name, service in services().items() if service.port is not None}
    for offset in range(0, 65536, STEP):
        ports = {name: port + offset for name, port in usual.items()}
        if max(ports.values(), default=0) > 65535:
            break
        if not any(port in taken or busy(port) for port in ports.values()):
            return ports if offset else {}
    raise KollaError(
        "no free ports for another environment",
        {"tried": ", ".join(f"{port}, {port + STEP}, ..." for port in usual.values())},
    )


def reserve(environment: str, taken: set[int], busy: Callable[[int], bool] = listened_on) -> dict[str, int]:
    """Chooses ports that no other environment of this user has chosen, from whatever checkout, and remembers them.

    An environment that is not up yet listens nowhere, and its file lies where another checkout does not look.

    Args:
        taken: further ports that are not to be had.

    Raises:
        KollaError: as of `choose`.
    """
    with _chosen() as known:
        known.pop(environment, None)
        others = {port for ports in known.values() for port in ports}
        chosen = choose(taken | others, busy)
        usual = [service.port for service in services().values() if service.port is not None]
        known[environment] = sorted(chosen.values()) or usual
    return chosen


def release(environment: str) -> None:
    """Forgets what an environment has chosen."""
    with _chosen() as known:
        known.pop(environment, None)


@contextmanager
def _chosen() -> Iterator[dict[str, list[int]]]:
    """Environment -> its ports, one process at a time; written back in the end."""
    folder = home()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / "ports.json"
    with (folder / "ports.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            known: dict[str, list[int]] = json.loads(file.read_text())
        except (OSError, ValueError):
            known = {}
        yield known
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
        partial.replace(file)
