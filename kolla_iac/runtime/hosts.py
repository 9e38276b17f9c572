"""Docker hosts: one client per endpoint, connected when first asked for."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kolla_iac.errors import KollaError

if TYPE_CHECKING:
    from docker import DockerClient

CONNECT_SECONDS = 20.0
CALL_SECONDS = 120.0
"""A host may serve a volume or a stop for minutes; single calls that take longer say so themselves."""


class Hosts:
    """The hosts of an environment.

    Args:
        endpoints: host -> Docker endpoint: ``unix://``, ``tcp://`` or ``ssh://user@host[:port]``.
        seconds: how long a call may take; less for what only looks.
    """

    def __init__(self, endpoints: Mapping[str, str], seconds: float = CALL_SECONDS) -> None:
        self._endpoints = dict(endpoints)
        self._seconds = seconds
        self._clients: dict[str, DockerClient] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._endpoints)

    def client(self, name: str) -> DockerClient:
        """The client of one host.

        Raises:
            KollaError: no such host, or its Docker cannot be reached.
        """
        if name not in self._endpoints:
            known = ", ".join(self._endpoints) or "none"
            raise KollaError(f"no host {name} in this environment", {"hosts": known})
        if name not in self._clients:
            self._clients[name] = connect(name, self._endpoints[name], self._seconds)
        return self._clients[name]

    def same(self, one: str, other: str) -> bool:
        """Whether two names stand for one Docker."""
        return self._endpoints[one] == self._endpoints[other]

    def clients(self) -> dict[str, DockerClient]:
        """Every host with its client; endpoints that two hosts share are given once."""
        seen: dict[str, DockerClient] = {}
        for name, endpoint in self._endpoints.items():
            if endpoint not in [self._endpoints[other] for other in seen]:
                seen[name] = self.client(name)
        return seen


def connect(name: str, endpoint: str, seconds: float = CALL_SECONDS) -> DockerClient:
    """A client whose Docker has answered.

    Raises:
        KollaError: with endpoint, reason and a hint.
    """
    import docker  # noqa: PLC0415 - takes a quarter of a second; bad input should not pay for it
    from docker.errors import DockerException  # noqa: PLC0415

    try:
        base_url = forwarded(endpoint) if endpoint.startswith("ssh://") else endpoint
        return docker.DockerClient(base_url=base_url, version="auto", timeout=round(seconds))
    except (DockerException, OSError) as error:
        raise unreachable(name, endpoint, error) from error


def unreachable(name: str, endpoint: str, error: Exception) -> KollaError:
    """The error for a host that does not answer."""
    reason = str(error)
    if reason.startswith("ssh: "):
        hint = f"`{endpoint.replace('ssh://', 'ssh ')}` must work without a password"
    elif "Permission denied" in reason or "PermissionError" in reason:
        reason, hint = "permission denied", "add your user to the group docker, or run as root"
    elif "FileNotFoundError" in reason:
        reason, hint = "no such socket", "is Docker installed and running there? `docker info` tells"
    elif "Connection refused" in reason or "ConnectionRefusedError" in reason:
        reason, hint = "connection refused", "is Docker running there? `docker info` tells"
    else:
        hint = f"`docker -H {endpoint} info` shows more"
    return KollaError(
        f"host {name}: its Docker does not answer", {"endpoint": endpoint, "saw": reason, "hint": hint}
    )


def forwarded(endpoint: str) -> str:
    """A local socket that OpenSSH forwards to the Docker of an ``ssh://`` endpoint, for the life of this process.

    Uses the user's own ssh with keys, known hosts and configuration; never asks for a password.

    Raises:
        OSError: ssh ends, or the socket does not appear in time.
    """
    folder = Path(tempfile.mkdtemp(prefix="kolla-iac-"))
    local = folder / "docker.sock"
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    destination, _, remote = endpoint.removeprefix("ssh://").partition("/")
    command = ["ssh", "-nNT", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes"]
    command += ["-o", f"ConnectTimeout={CONNECT_SECONDS:.0f}"]
    command += ["-L", f"{local}:/{remote or 'var/run/docker.sock'}", f"ssh://{destination}"]
    if shutil.which("ssh") is None:
        raise OSError("ssh: not installed here")
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    atexit.register(process.terminate)
    end = time.monotonic() + CONNECT_SECONDS
    while not local.exists():
        if process.poll() is not None:
            lines = process.stderr.read().strip().splitlines() if process.stderr else []
            raise OSError(f"ssh: {lines[-1] if lines else f'exit code {process.returncode}'}")
        if time.monotonic() > end:
            raise OSError(f"ssh: no connection within {CONNECT_SECONDS:.0f} s")
        time.sleep(0.05)
    return f"unix://{local}"
