"""A Docker daemon on another host, through the machine's own ssh client and one connection.

The daemon's socket is forwarded to one here, so that any number of calls at once share a connection and
sshd's limits on sessions (MaxSessions, MaxStartups) do not matter.
"""

import atexit
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from .resource import ResourceError

_SECONDS = 30.0
"""How long ssh may take to connect."""


def command(endpoint: str, local: Path) -> list[str]:
    """The ssh command that forwards the daemon of ``ssh://[user@]host[:port][/socket]`` to ``local``."""
    parts = urlsplit(endpoint)
    if not parts.hostname:
        raise ResourceError(f"no host in {endpoint!r}: wanted ssh://user@host or ssh://user@host:port")
    who = f"{parts.username}@{parts.hostname}" if parts.username else parts.hostname
    remote = parts.path if len(parts.path) > 1 else "/var/run/docker.sock"
    words = ["ssh", "-N", "-T", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes"]
    words += ["-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15", "-L", f"{local}:{remote}"]
    return [*words, *(["-p", str(parts.port)] if parts.port else []), who]


def forwarded(endpoint: str) -> str:
    """Forward the daemon at ``endpoint`` until this process ends; where to reach it here.

    Raises:
        ResourceError: ssh is not there or does not connect, with its own words.
    """
    folder = Path(tempfile.mkdtemp(prefix="kolla-iac-docker-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    local, log = folder / "docker.sock", folder / "ssh.log"
    try:
        with log.open("wb") as said:
            ssh = subprocess.Popen(
                command(endpoint, local), stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
    except OSError as error:
        raise ResourceError(f"Cannot connect to the Docker daemon at {endpoint}: {error}") from error
    atexit.register(ssh.terminate)
    until = time.monotonic() + _SECONDS
    while not local.exists():
        if ssh.poll() is not None or time.monotonic() > until:
            ssh.terminate()
            reason = log.read_text(errors="replace").strip() or f"ssh does not connect in {_SECONDS:g} s"
            raise ResourceError(f"Cannot connect to the Docker daemon at {endpoint}: {reason}")
        time.sleep(0.05)
    return f"unix://{local}"
