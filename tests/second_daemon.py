"""A Docker daemon of the test's own, in a network namespace of its own, so that it can be stopped and started.

The machine's daemon must not be: others use it. Source for what works: three hosts played on one machine
(nsenter, since `ip netns exec` hides /sys/fs/cgroup from dockerd).
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

SUBNET = "10.231.77"
"""Of the link between the machine (.1) and the namespace (.2)."""


class Daemon:
    """A second dockerd with an address of its own.

    Attributes:
        endpoint: as an environment's settings name it.
        address: at which its containers' published ports are reached from this machine.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"t{secrets.token_hex(3)}"
        self.endpoint = f"unix://{folder}/docker.sock"
        self.address = f"{SUBNET}.2"
        self._process: subprocess.Popen[bytes] | None = None
        _run("ip", "netns", "add", self.name)
        _run("ip", "link", "add", f"{self.name}a", "type", "veth", "peer", "name", "eth0", "netns", self.name)
        _run("ip", "addr", "add", f"{SUBNET}.1/24", "dev", f"{self.name}a")
        _run("ip", "link", "set", f"{self.name}a", "up")
        for words in (("link", "set", "lo", "up"), ("addr", "add", f"{SUBNET}.2/24", "dev", "eth0")):
            _run("ip", "-n", self.name, *words)
        _run("ip", "-n", self.name, "link", "set", "eth0", "up")

    def start(self) -> None:
        """Starts it and waits until it answers."""
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [
                *("nsenter", f"--net=/run/netns/{self.name}", "dockerd", "--host", self.endpoint),
                *("--data-root", f"{self.folder}/data", "--exec-root", f"{self.folder}/exec"),
                *("--pidfile", f"{self.folder}/pid"),
            ],
            stdout=log,
            stderr=log,
        )
        end = time.monotonic() + 60
        while self._said("info").returncode != 0:
            assert time.monotonic() < end, f"the second daemon does not answer: {self.folder}/log"
            time.sleep(0.2)

    def stop(self) -> None:
        """Stops it, and with it all its containers."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(120)

    def cut(self) -> None:
        """Kills every process of the daemon and of its containers at once, as a loss of power does; what a machine
        keeps in memory alone (/run: process ids, sockets, mounts) is gone with them."""
        running = self._said("ps", "--quiet", "--no-trunc").stdout.split()
        inside = self._said("inspect", "--format", "{{.State.Pid}}", *running).stdout.split()
        # dockerd, containerd and its shims, docker-proxy
        own = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=True)
        for pid in {*inside, *own.stdout.split()}:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        assert self._process is not None
        self._process.wait(60)
        self._forget()

    def _forget(self) -> None:
        table = Path("/proc/mounts").read_text().splitlines()
        for place in sorted((line.split()[1] for line in table), reverse=True):
            if place.startswith(f"{self.folder}/"):
                subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)
        shutil.rmtree(self.folder / "exec", ignore_errors=True)
        (self.folder / "pid").unlink(missing_ok=True)

    def load(self, images: Sequence[str]) -> None:
        """Brings images of the machine's daemon over."""
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saved:
            _run("docker", "--host", self.endpoint, "load", stdin=saved.stdout)

    def containers(self) -> list[str]:
        """Names and states, for messages."""
        return self._said("ps", "--all", "--format", "{{.Names}} {{.Status}}").stdout.splitlines()

    def _said(self, *words: str) -> subprocess.CompletedProcess[str]:
        line = ["docker", "--host", self.endpoint, *words]
        return subprocess.run(line, capture_output=True, text=True, check=False)

    def remove(self) -> None:
        """Its containers, itself, its data (with whatever is mounted there) and its namespace."""
        for container in self._said("ps", "--all", "--quiet").stdout.split():
            self._said("rm", "--force", "--volumes", container)
        self.stop()
        subprocess.run(["ip", "link", "del", f"{self.name}a"], check=False)
        subprocess.run(["ip", "netns", "del", self.name], check=False)
        self._forget()
        shutil.rmtree(self.folder, ignore_errors=True)


def _run(*command: str, stdin: object = None) -> None:
    done = subprocess.run(command, stdin=stdin, capture_output=True, text=True, check=False)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"
