"""Docker on each host: its version, what it stores with, its disk, its clock."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from kolla_iac.cli.doctor.engine import numbers
from kolla_iac.runtime.checks import Bounds, Check, Fact, Finding, Look, NotSeen, Said
from kolla_iac.runtime.execute import run
from kolla_iac.runtime.status import moment

OLDEST = (20, 10)
"""The oldest Docker that the tests run on."""
STORAGE = ("overlay2", "overlayfs", "fuse-overlayfs", "btrfs", "zfs", "stargz")
"""Drivers that share layers and keep them apart; vfs copies each, devicemapper and aufs are gone from Docker."""


class Docker(Check):
    """What Docker says of itself."""

    name = "docker"
    title = "Docker is recent enough, and limits and layers work"

    def run(self, look: Look) -> Iterator[Said]:
        for host, client in look.clients.items():
            info: dict[str, Any] = client.info()
            yield Fact(
                f"{host}: Docker {info['ServerVersion']}, {info['Driver']}, cgroups v{info.get('CgroupVersion', 1)} "
                f"by {info.get('CgroupDriver', '?')}, {info['NCPU']} CPUs, {info['MemTotal'] / 1e9:.0f} GB"
            )
            yield from judged(f"host {host}", info)


def judged(where: str, info: dict[str, Any]) -> Iterator[Finding]:
    """What is wrong with what ``docker info`` says."""
    if numbers(info["ServerVersion"]) < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        saw = f"Docker {info['ServerVersion']}; at least {wanted} is needed"
        yield Finding("error", where, saw, "there: apt-get update && apt-get install docker.io")
    if info["Driver"] not in STORAGE:
        saw = f"storage driver {info['Driver']}: each container is a full copy of its image"
        mend = 'there: {"storage-driver": "overlay2"} into /etc/docker/daemon.json; systemctl restart docker'
        yield Finding("warning", where, saw, mend)
    if not info.get("MemoryLimit", True):
        saw = "the kernel does not limit memory: services.<name>.limits.memory has no effect"
        mend = "there: cgroup_enable=memory to the kernel's command line; reboot"
        yield Finding("warning", where, saw, mend)


class Disk(Check):
    """Whether Docker's disk has room: images, containers and volumes lie on it."""

    name = "disk"
    title = "Docker's disk has room"

    def run(self, look: Look) -> Iterator[Said]:
        for host, client in look.clients.items():
            folder = str(client.info()["DockerRootDir"])
            free = self._free(look, host, folder)
            if free is None:
                why = f"no container runs there in which to ask for the space of {folder}"
                yield NotSeen(f"host {host}", why)
                continue
            yield Fact(f"{host}: {free:.0f} GB free for {folder}")
            yield from roomy(f"host {host}", folder, free, look.bounds, look.docker(host))

    def _free(self, look: Look, host: str, folder: str) -> float | None:
        """GB that are free: asked of this machine where the host is this machine, else in a container there."""
        if look.settings.host(host).docker.startswith("unix://") and Path(folder).is_dir():
            seen = os.statvfs(folder)
            return seen.f_bavail * seen.f_frsize / 1e9
        for one in look.members:
            if one.host == host and one.container.status == "running":
                # its root directory is a layer on that disk
                said = run(one, ["df", "-Pk", "/"], timeout=20)
                if said.exit_code == 0:
                    return available(said.output)
        return None


def available(table: str) -> float:
    """GB that ``df -Pk`` says are free.

    >>> available("Filesystem 1024-blocks Used Available Capacity Mounted on\\noverlay 9 9 2000000 1% /\\n")
    2.048
    """
    return int(table.splitlines()[-1].split()[3]) * 1024 / 1e9


def roomy(where: str, folder: str, free: float, bounds: Bounds, docker: str) -> Iterator[Finding]:
    """Whether what is free is enough."""
    if free < bounds.disk_gb:
        severe = free < bounds.disk_gb / 5
        saw = f"{free:.1f} GB free for {folder}" + ("; a full disk stops the database" if severe else "")
        mend = f"kolla-iac images prune; {docker} builder prune"
        yield Finding("error" if severe else "warning", where, saw, mend)


class Clock(Check):
    """Whether the hosts' clocks agree with this machine's."""

    name = "clock"
    title = "the hosts' clocks agree"

    def run(self, look: Look) -> Iterator[Said]:
        for host, client in look.clients.items():
            before = time.time()
            told = moment(client.info()["SystemTime"])
            after = time.time()
            if told is None:
                yield NotSeen(f"host {host}", "Docker does not say its time")
                continue
            ahead = offset(told, before, after)
            yield Fact(f"{host}: {ahead:+.1f} s")
            if abs(ahead) > look.bounds.clock_seconds:
                saw = f"its clock is {abs(ahead):.1f} s {'ahead' if ahead > 0 else 'behind'}; tokens are dated by it"
                mend = "there: timedatectl set-ntp true (or: chronyc makestep)"
                yield Finding("error", f"host {host}", saw, mend)


def offset(told: datetime, before: float, after: float) -> float:
    """Seconds by which a clock is ahead, at the least: it was read at some time between asking and the answer.

    >>> at = datetime.fromisoformat("2026-05-04T03:00:00+00:00")
    >>> offset(at, at.timestamp() - 1, at.timestamp() + 3), offset(at, at.timestamp() - 9, at.timestamp() - 8)
    (0.0, 8.0)
    """
    seconds = told.timestamp()
    return min(seconds - before, 0.0) or max(seconds - after, 0.0)
