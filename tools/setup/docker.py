"""Docker: used where it answers, else installed from the distribution and started. Never restarted."""

import http.client
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from . import pins
from .errors import SetupError
from .report import Report
from .shell import answers, install, run


def have_docker(report: Report) -> str:
    """Make sure that a Docker daemon answers; return how that came about.

    Raises:
        SetupError: none answers and none can be started from here.
    """
    endpoint = os.environ.get("DOCKER_HOST", "")
    if endpoint and not endpoint.startswith("unix://"):
        return _elsewhere(endpoint)
    path = endpoint.removeprefix("unix://") or pins.DOCKER_SOCKET
    if version := _ping(path):
        return f"Docker answers ({version})"
    if Path(path).exists() and not os.access(path, os.R_OK | os.W_OK):
        raise SetupError(
            f"no access to Docker's socket {path}",
            "the cloud's services run in Docker containers, and this user may not use Docker",
            'sudo usermod -aG docker "$USER" && newgrp docker',
        )
    if endpoint:
        raise SetupError(
            f"no Docker daemon answers at {endpoint}", "DOCKER_HOST names it", "unset DOCKER_HOST"
        )
    if os.geteuid() != 0:
        raise SetupError(
            "no Docker daemon answers",
            f"nothing listens on {path}, and only root can install or start it",
            f"sudo apt-get install {' '.join(pins.DOCKER_PACKAGES)} && sudo service docker start",
        )
    done = []
    if shutil.which("dockerd") is None:
        _install(report)
        done.append("installed")
    if not _waited(path, 3.0 if done else 0.0):
        _start(path, report)
        done.append("started")
    return f"Docker {' and '.join(done) or 'answers'} ({_ping(path)})"


def _elsewhere(endpoint: str) -> str:
    version = answers(["docker", "version", "--format", "{{.Server.Version}}"], timeout=30)
    if not version:
        raise SetupError(f"no Docker daemon answers at {endpoint}", "DOCKER_HOST names it", "docker version")
    return f"Docker answers ({version.strip()} at {endpoint})"


def _ping(path: str) -> str:
    """The version of the daemon that listens on the socket ``path``; empty where none does."""
    connection = http.client.HTTPConnection("localhost", timeout=10)
    try:
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(10)
        connection.sock.connect(path)
        connection.request("GET", "/_ping")
        answer = connection.getresponse()
        version = answer.getheader("Server", "").split(" ")[0].removeprefix("Docker/")
        return version if answer.status == http.client.OK else ""
    except OSError:
        return ""
    finally:
        connection.close()


def _waited(path: str, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not _ping(path):
        if time.monotonic() >= until:
            return False
        time.sleep(0.3)
    return True


def _install(report: Report) -> None:
    if shutil.which("apt-get") is None:
        raise SetupError(
            "no Docker, and no apt-get to install it with",
            "the cloud's services run in Docker containers",
            "install Docker (https://docs.docker.com/engine/install/), then: make setup",
        )
    report.say(f"installing Docker from the distribution: {' '.join(pins.DOCKER_PACKAGES)}")
    need = "Docker from the distribution's packages"
    install(*pins.DOCKER_PACKAGES, need=need)
    # from Debian trixie on, the client's BuildKit is a package of its own
    if answers(["apt-cache", "show", pins.BUILDX_PACKAGE]):
        install(pins.BUILDX_PACKAGE, need=need)


def _start(path: str, report: Report) -> None:
    """Start the daemon: by systemd where that runs the machine, else by ourselves, detached."""
    if running := answers(["pgrep", "-x", "dockerd"]):
        if _waited(path, pins.DOCKER_SECONDS):
            return
        raise SetupError(
            f"a Docker daemon runs (process {running.split()[0]}) but does not answer on {path}",
            "set-up never restarts a daemon that it finds running",
            "have a look at its log, then restart it yourself",
        )
    if Path("/run/systemd/system").is_dir():
        run(["systemctl", "start", "docker"], need="the Docker daemon, by systemd")
    else:
        report.say(f"starting dockerd, log in {pins.DOCKER_LOG}")
        # mounts what is missing: some machines come with a few controllers, and then Docker cannot tell memory
        if not Path("/sys/fs/cgroup/cgroup.controllers").exists() and shutil.which("cgroupfs-mount"):
            run(["cgroupfs-mount"], need="control groups, which containers need")
        with Path(pins.DOCKER_LOG).open("ab") as log:
            subprocess.Popen(
                ["dockerd"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
    if not _waited(path, pins.DOCKER_SECONDS):
        last = "journalctl -u docker"
        seen = f"nothing answers on {path} after {pins.DOCKER_SECONDS:g} s"
        if Path(pins.DOCKER_LOG).is_file():
            last = f"tail -50 {pins.DOCKER_LOG}"
            lines = Path(pins.DOCKER_LOG).read_text(errors="replace").splitlines()[-8:]
            seen = "\n".join([seen, *lines])
        raise SetupError("the Docker daemon does not come up", seen, last)
