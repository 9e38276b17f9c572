"""Calls of the Pulumi engine's command line. Secrets go to it on standard input only."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kolla_iac.errors import KollaError


def pulumi(project: Path, arguments: Sequence[str], stdin: str = "") -> str:
    """Run ``pulumi`` without a terminal and return what it printed.

    Args:
        project: folder with Pulumi.yaml.
        stdin: what it reads; the place for secrets, which must not be arguments.

    Raises:
        KollaError: it is not on PATH, or it failed; quotes what it said.
    """
    done = _run(project, arguments, stdin)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-12:]
        raise KollaError(
            f"pulumi {' '.join(arguments[:2])} failed",
            {"said": said, "next": _next("\n".join(said))},
        )
    return done.stdout


def resources(project: Path, name: str) -> int | None:
    """How many resources of the environment the state knows; None where there is no such stack.

    Raises:
        KollaError: as of ``pulumi``.
    """
    listed = json.loads(pulumi(project, ["stack", "ls", "--json"]))
    found = [stack for stack in listed if str(stack["name"]).rsplit("/", 1)[-1] == name]
    return int(found[0].get("resourceCount") or 0) if found else None


def exported(project: Path, name: str) -> dict[str, Any]:
    """The state of an environment, its secrets encrypted; empty where nothing was ever deployed.

    Raises:
        KollaError: as of ``pulumi``.
    """
    done = _run(project, ["stack", "export", "--stack", name])
    if done.returncode == 0:
        state: dict[str, Any] = json.loads(done.stdout)
        return state
    if "no stack named" in done.stderr:
        return {}
    raise KollaError(
        f"the state of {name} could not be read", {"said": done.stderr.strip(), "next": _next(done.stderr)}
    )


def previewed(project: Path, name: str, *options: str) -> subprocess.CompletedProcess[str]:
    """What ``pulumi preview --json`` printed of an environment, whether it succeeded or not.

    Raises:
        KollaError: pulumi is not on PATH.
    """
    return _run(project, ["preview", "--json", "--stack", name, *options])


def recover_settings(project: Path, name: str) -> bool:
    """Write the environment's file as it was in its latest deployment; False if it was never deployed.

    Raises:
        KollaError: as of ``pulumi``.
    """
    done = _run(project, ["config", "refresh", "--stack", name])
    if done.returncode != 0 and "no previous deployment" in done.stderr + done.stdout:
        return False
    if done.returncode != 0:
        facts = {"said": done.stderr.strip(), "next": _next(done.stderr)}
        raise KollaError(f"the settings of {name} could not be recovered", facts)
    return True


def _next(said: str) -> str:
    if found := re.search(r"no stack named '([^']+)'", said):
        return f"kolla-iac init {found[1].rsplit('/', 1)[-1]}"
    return "source .envrc, which sets what the engine needs (state, passphrase); then try again"


def _run(project: Path, arguments: Sequence[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    if shutil.which("pulumi") is None:
        raise KollaError(
            "pulumi is not on PATH",
            {
                "next": "source .envrc, after what README.md says to install",
                "hint": "where the engine is not installed, make setup in a clone of kolla_iac gets or builds it",
            },
        )
    return subprocess.run(
        ["pulumi", *arguments, "--non-interactive", "--color", "never"],
        cwd=project,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
