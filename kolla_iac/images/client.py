"""The ``docker`` command: which one can build with BuildKit, and what we ask of it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kolla_iac.errors import KollaError

ASK_SECONDS = 60
"""For questions that a daemon answers at once."""
LAST_WITH_BUILDKIT = 22
"""Clients up to this major version build with BuildKit by themselves. Source: Docker 23's release notes."""


@dataclass(frozen=True)
class Builder:
    """A client that builds with BuildKit."""

    command: tuple[str, ...]
    """What goes before the options of ``docker build``."""
    env: Mapping[str, str]


def installed() -> list[str]:
    """Every ``docker`` on PATH, in its order, then the distribution's."""
    folders = [*os.get_exec_path(), "/usr/bin"]
    found = [Path(folder) / "docker" for folder in folders if folder]
    return list(dict.fromkeys(str(path) for path in found if os.access(path, os.X_OK) and path.is_file()))


def docker() -> str:
    """The first ``docker`` on PATH.

    Raises:
        KollaError: there is none.
    """
    clients = installed()
    if not clients:
        raise KollaError("there is no docker command", {"wanted": "docker on PATH", "next": "make setup"})
    return clients[0]


@cache
def builder() -> Builder:
    """A client with BuildKit: one with the plugin buildx, else one old enough to have it built in.

    Raises:
        KollaError: none of the installed ones has it.
    """
    seen = []
    for client in installed():
        if _ask([client, "buildx", "version"]) is not None:
            env = {"BUILDX_BUILDER": "default", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
            return Builder((client, "buildx", "build", "--load"), env)
        version = _ask([client, "version", "--format", "{{.Client.Version}}"], whatever=True) or ""
        major = re.match(r"[0-9]+", version)
        if major and int(major[0]) <= LAST_WITH_BUILDKIT:
            return Builder((client, "build"), {"DOCKER_BUILDKIT": "1"})
        seen.append(f"{client} {version or '(does not start)'}, without the plugin buildx")
    raise KollaError(
        "no docker client here can build images with BuildKit",
        {
            "wanted": "docker with the plugin buildx, or a docker client before version 23",
            "saw": seen or "no docker command at all",
            "next": [
                "apt-get install docker-buildx          (Ubuntu, Debian from trixie on)",
                "apt-get install docker-buildx-plugin   (with Docker's own packages)",
                "apt-get install docker.io              (Debian bookworm: its client has BuildKit built in)",
            ],
        },
    )


def _ask(command: Sequence[str], whatever: bool = False) -> str | None:
    """Output of a command; None if it fails (with ``whatever``: even then, if it printed something)."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 or whatever else None


@dataclass(frozen=True)
class Daemon:
    """One host's Docker daemon, spoken to by the ``docker`` command."""

    endpoint: str
    """``unix:///var/run/docker.sock``, ``ssh://operator@host``."""

    @property
    def env(self) -> dict[str, str]:
        """This process's environment, with the daemon chosen."""
        chosen = {name: value for name, value in os.environ.items() if name != "DOCKER_CONTEXT"}
        return chosen | {"DOCKER_HOST": self.endpoint}

    def run(self, *arguments: str, timeout: float = ASK_SECONDS) -> str:
        """Output of ``docker <arguments>``.

        Raises:
            KollaError: it fails, or takes longer than ``timeout`` seconds.
        """
        command = [docker(), *arguments]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=timeout, check=False, env=self.env
            )
        except subprocess.TimeoutExpired as error:
            raise KollaError(
                f"docker {arguments[0]} gave no answer within {timeout:.0f} s", {"endpoint": self.endpoint}
            ) from error
        if done.returncode != 0:
            raise KollaError(
                f"docker {' '.join(arguments[:2])} failed",
                {"endpoint": self.endpoint, "saw": done.stderr.strip().splitlines()[-5:] or "no message"},
            )
        return done.stdout.strip()

    def has(self, reference: str) -> bool:
        """Whether the image is there.

        Raises:
            KollaError: the daemon does not answer.
        """
        try:
            self.run("image", "inspect", "--format", "{{.Id}}", reference)
        except KollaError as error:
            if "no such image" in str(error).lower():
                return False
            raise
        return True

    def tag(self, source: str, target: str) -> None:
        """Gives an image a further name."""
        self.run("image", "tag", source, target)

    def untag(self, reference: str, prune: bool = False) -> None:
        """Takes a name from an image; the image goes with its last name, with ``prune`` its parents too."""
        self.run("image", "rm", *([] if prune else ["--no-prune"]), reference, timeout=300)

    @contextmanager
    def lines(self, *command: str, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
        """A command whose output, errors included, is read as it comes; ended if the reader gives up."""
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=self.env | dict(env or {}),
        )
        try:
            yield process
            process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            if process.stdout:
                process.stdout.close()
