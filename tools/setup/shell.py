"""Running other programs: quiet when they succeed, their last lines when they fail."""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import SetupError

_LAST_LINES = 25

Command = Sequence[str | Path]


def run(
    command: Command,
    *,
    need: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> str:
    """Run ``command`` and return its stdout.

    Args:
        need: what it is for, in the words of the error.
        env: added to this process's environment.

    Raises:
        SetupError: it ended with another status than 0, was not there or took longer than ``timeout``.
    """
    words = [str(word) for word in command]
    typed = shlex.join(words)
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise SetupError(need, f"{words[0]} is not there ({error})", typed) from error
    except subprocess.TimeoutExpired as error:
        raise SetupError(need, f"it took longer than {timeout:g} s: {typed}", typed) from error
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()[-_LAST_LINES:]
        seen = "\n".join([f"status {done.returncode} from: {typed}", *lines])
        raise SetupError(need, seen, f"cd {cwd} && {typed}" if cwd else typed)
    return done.stdout


def install(*packages: str, need: str) -> None:
    """Install packages of the distribution, with ``apt-get``.

    Raises:
        SetupError: it failed, as of ``run``.
    """
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-qq"], need="the distribution's package lists", env=quiet)
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], need=need, env=quiet)


def answers(command: Command, timeout: float = 20.0) -> str | None:
    """stdout of ``command`` where it succeeds within ``timeout`` seconds, else None."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
