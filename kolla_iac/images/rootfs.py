"""The distribution that the base image is made of: the official image, else debootstrap."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from kolla_iac.errors import KollaError
from kolla_iac.images.client import Daemon, docker
from kolla_iac.images.recipe import ROOTFS, SUITE
from kolla_iac.waiting import waiting

OFFICIAL = f"debian:{SUITE}-slim"
ANSWER_SECONDS = 15
"""How long a registry may take until it says that it has the image."""
PULL_SECONDS = 600
SCRIPTS = Path("/usr/share/debootstrap/scripts")


def ensure_rootfs(daemon: Daemon, say: Callable[[str], None]) -> None:
    """Makes ``kolla-iac/rootfs:<suite>`` exist on a host.

    Raises:
        KollaError: no registry reachable and debootstrap cannot run; says what to type.
    """
    if daemon.has(ROOTFS):
        return
    start = time.monotonic()
    with waiting(f"{OFFICIAL} to be pulled", say, PULL_SECONDS):
        pulled = pull_official(daemon)
    if pulled:
        say(f"rootfs  pulled {OFFICIAL}  {time.monotonic() - start:.1f} s")
        return
    say(f"rootfs  no registry gives {OFFICIAL}: making it with debootstrap")
    with waiting("debootstrap to make it", say):
        bootstrap(daemon)
    say(f"rootfs  Debian {SUITE} by debootstrap  {time.monotonic() - start:.1f} s")


def pull_official(daemon: Daemon) -> bool:
    """Pulls the official image; False where the registry does not answer soon."""
    heard: queue.Queue[str | None] = queue.Queue()
    with daemon.lines(docker(), "pull", OFFICIAL) as process:

        def listen() -> None:
            for line in process.stdout or ():
                heard.put(line)
            heard.put(None)

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        try:
            first = heard.get(timeout=ANSWER_SECONDS)
            deadline = time.monotonic() + PULL_SECONDS
            line = first
            while line is not None:
                line = heard.get(timeout=max(0.1, deadline - time.monotonic()))
        except queue.Empty:
            process.terminate()
        listener.join()
    if process.returncode != 0:
        return False
    daemon.tag(OFFICIAL, ROOTFS)
    daemon.untag(OFFICIAL)
    return True


def bootstrap(daemon: Daemon) -> None:
    """Makes the root file system here and imports it; nothing is tagged before it is complete."""
    root = _as_root()
    _install_debootstrap()
    unfinished = f"{ROOTFS}-unfinished-{os.getpid()}"
    script = [] if (SCRIPTS / SUITE).exists() else [str(SCRIPTS / "sid")]
    with tempfile.TemporaryDirectory(prefix="kolla-iac-rootfs-") as folder:
        target = str(Path(folder) / "root")
        try:
            # an empty mirror: debootstrap's own
            _run([*root, "debootstrap", "--variant=minbase", SUITE, target, "", *script], "debootstrap")
            tar = [*root, "tar", "-C", target, "--numeric-owner", "--one-file-system", "-c"]
            tar += ["--exclude=./var/cache/apt/archives/*.deb", "--exclude=./var/lib/apt/lists/*_*", "."]
            with subprocess.Popen(tar, stdout=subprocess.PIPE) as archive:
                imported = subprocess.run(
                    [docker(), "import", "-", unfinished],
                    stdin=archive.stdout,
                    capture_output=True,
                    text=True,
                    check=False,
                    env=daemon.env,
                )
            if imported.returncode != 0:
                raise KollaError(
                    "docker import of the root file system failed",
                    {"endpoint": daemon.endpoint, "saw": imported.stderr.strip() or "no message"},
                )
            if archive.returncode == 0:
                daemon.tag(unfinished, ROOTFS)
            daemon.untag(unfinished)
            if archive.returncode != 0:
                raise KollaError("reading the root file system failed", {"saw": f"tar: {archive.returncode}"})
        finally:
            subprocess.run([*root, "rm", "-rf", "--one-file-system", target], check=False)


def _as_root() -> list[str]:
    """What goes before a command that needs root."""
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    raise KollaError(
        "the base image needs root once",
        {
            "wanted": f"{OFFICIAL} from a registry, or root for debootstrap",
            "saw": "no registry answers, and sudo asks for a password",
            "next": ["sudo -v", "then again what you did"],
        },
    )


def _install_debootstrap() -> None:
    """Installs debootstrap and Debian's keys where they are missing, as root on Debian and Ubuntu."""
    keyring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    if (shutil.which("debootstrap") or Path("/usr/sbin/debootstrap").exists()) and keyring.exists():
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", "debootstrap", "debian-archive-keyring"]
    if not shutil.which("apt-get"):
        raise KollaError(
            "debootstrap is missing",
            {
                "wanted": f"it, or {OFFICIAL} from a registry",
                "next": "install debootstrap and debian-archive-keyring",
            },
        )
    _run([*_as_root(), "apt-get", "update", "-q"], "apt-get update")
    _run([*_as_root(), "env", "DEBIAN_FRONTEND=noninteractive", *install], "apt-get install debootstrap")


def _run(command: list[str], name: str) -> None:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=os.environ | {"PATH": path},
    )
    if done.returncode != 0:
        raise KollaError(
            f"{name} failed",
            {"saw": done.stdout.strip().splitlines()[-10:], "next": f"{' '.join(command)}"},
        )
