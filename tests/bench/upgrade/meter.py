"""``python -m tests.bench.upgrade.meter ENVIRONMENT FILE COMMAND...``: runs it, and what that cost meanwhile.

FILE gets ``{cpu_containers, cpu_command, memory}``: CPU seconds and bytes. Exit code: the command's.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, NotFound

EVERY = 0.5
SUBREAPER = 36
"""``PR_SET_CHILD_SUBREAPER``: plugins that outlive the engine come to this process, which counts them."""


class Containers(threading.Thread):
    """Asks Docker for what the environment's containers use, until it is told to stop."""

    def __init__(self, environment: str) -> None:
        super().__init__(daemon=True)
        self.chosen: dict[str, str | list[str] | bool] = {"label": f"kolla_iac.environment={environment}"}
        self.docker = docker.from_env()
        self.first: dict[str, float] = {}
        self.last: dict[str, float] = {}
        self.memory = 0.0
        self.over = threading.Event()
        self.look(start=True)

    def run(self) -> None:
        while not self.over.wait(EVERY):
            self.look()

    def look(self, *, start: bool = False) -> None:
        """One round. What is first seen later began within it, from zero."""
        together = 0.0
        for container in self.docker.containers.list(filters=self.chosen, ignore_removed=True, sparse=True):
            # of one that has just gone, Docker says nothing
            with suppress(APIError, NotFound, KeyError, ValueError):
                said = container.stats(stream=False, one_shot=True)
                assert isinstance(said, dict)
                used = said["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
                together += _memory(said["memory_stats"])
                self.first.setdefault(str(container.id), used if start else 0.0)
                self.last[str(container.id)] = max(used, self.last.get(str(container.id), 0.0))
        self.memory = max(self.memory, together)

    @property
    def cpu(self) -> float:
        """Seconds since the first look."""
        return sum(used - self.first[name] for name, used in self.last.items())


def _memory(said: dict[str, Any]) -> float:
    inactive = said["stats"].get("inactive_file", said["stats"].get("total_inactive_file", 0))
    return float(said["usage"] - inactive)


def main(words: list[str]) -> int:
    """Runs the command under the meter."""
    environment, file, *command = words
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    containers = Containers(environment)
    containers.start()
    process = subprocess.Popen(command)
    # a terminal's Ctrl-C has reached the command too: its end is waited for
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, _: process.send_signal(number))
    status = process.wait()
    containers.over.set()
    containers.join()
    containers.look()
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {
        "cpu_containers": containers.cpu,
        "cpu_command": own.ru_utime + own.ru_stime,
        "memory": containers.memory,
    }
    Path(file).write_text(json.dumps(figures), encoding="utf-8")
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
