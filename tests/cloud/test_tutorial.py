"""A stranger's path: the tutorial's commands in a fresh clone of the last commit, in order, as they stand there.

What is typed: every ``sh`` block, line by line, in one shell that lives as long as the page. A block whose first
line is ``# second terminal...`` is typed in another one, where it runs until the page says to end it. A question is
answered with what the page shows after it.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.docs.links import fences

from .support import CHECKOUT, LABEL
from .terminal import Terminal

NAME = "tutorial"
SECOND = "# second terminal"
ENDS = "End the loop in the second terminal."
QUESTION = re.compile(r"Type its name to go on: (\S+)")
KINDS = {
    "container": (["ls", "--all"], ["rm", "--force", "--volumes"]),
    "network": (["ls"], ["rm"]),
    "volume": (["ls"], ["rm"]),
}
"""What Docker can list and remove: the words for each."""


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """Other runs of this test on the machine wait, since the page gives the environment a name."""
    with Path("/tmp/kolla-iac-tutorial.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        there = _left()
        assert not there, (
            f"an environment {NAME!r} is on this machine already ({len(there)} containers, networks, volumes). "
            f"It may be yours, so this test does not touch it: kolla-iac purge {NAME}"
        )
        target = tmp_path / "kolla_iac"
        subprocess.run(["git", "clone", "--quiet", CHECKOUT, target], check=True)
        try:
            yield target
        finally:
            for kind, one in _left():
                line = ["docker", kind, *KINDS[kind][1], one]
                subprocess.run(line, capture_output=True, check=False)
            shutil.rmtree(target)


def _left() -> list[tuple[str, str]]:
    """What of an environment of this name is on the machine's daemon: kind and id."""
    found: list[tuple[str, str]] = []
    for kind, (words, _) in KINDS.items():
        line = ["docker", kind, *words, "--quiet", "--filter", f"label={LABEL}={NAME}"]
        listed = subprocess.run(line, capture_output=True, text=True, check=True).stdout
        found += [(kind, one) for one in listed.split()]
    return found


def _stranger(home: Path) -> dict[str, str]:
    """The machine's environment as if no checkout had been entered, with a state of one's own.

    Caches stay the user's: packages, engine and images are not what is tested.
    """
    ours = ("PULUMI_", "OS_", "KOLLA_IAC_", "VIRTUAL_ENV", "PYTHON", "PYTEST", "MAKE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    path = [one for one in kept["PATH"].split(":") if not one.startswith(str(CHECKOUT))]
    return kept | {"PATH": ":".join(path), "KOLLA_IAC_HOME": str(home), "NO_COLOR": "1"}


def _written(clone: Path) -> dict[str, Any]:
    """The environment's settings, without the port that `init` may have had to choose."""
    text = (clone / "stacks" / f"Pulumi.{NAME}.yaml").read_text()
    settings: dict[str, Any] = yaml.safe_load(text)["config"]["kolla-iac:environment"]
    settings.pop("endpoints", None)
    return settings


def test_every_command_of_the_page_works_and_does_what_the_page_says(clone: Path, tmp_path: Path) -> None:
    page = (clone / "docs" / "tutorials" / "first-cloud.md").read_text()
    environment = _stranger(tmp_path / "home")
    first, second = Terminal(clone, environment), Terminal(clone, environment)
    said: dict[str, str] = {}
    watched, until = "", datetime.now(UTC)
    blocks = fences(page)
    try:
        for number, (language, text) in enumerate(blocks):
            if language == "yaml":
                assert yaml.safe_load(text)["config"]["kolla-iac:environment"] == _written(clone)
            elif language == "sh" and text.startswith(SECOND):
                second.type(text)
                second.running.until(second.running.says(r"T\d\d:\d\d"), 60)
            elif language == "sh":
                if page.index(text) > page.index(ENDS) and not watched:
                    watched, until = second.running.text, datetime.now(UTC)
                    second.end()
                asked = QUESTION.search(blocks[number + 1][1]) if number + 1 < len(blocks) else None
                for command in text.splitlines():
                    began = time.monotonic()
                    said[command] = first.run(command, asked[1] if asked else "")
                    print(f"{time.monotonic() - began:7.1f} s  {command}", flush=True)
    finally:
        first.end()
        second.end()
    _as_the_page_says(said)
    _never_failed(watched, until)
    assert _left() == [], "make purge leaves something"


def _as_the_page_says(said: dict[str, str]) -> None:
    up = f"make up ENV={NAME}"
    assert f'The cloud "{NAME}" stands' in said[up]
    assert "whole" in said[f"kolla-iac status {NAME}"]
    assert "+-2 to replace" in said[f"pulumi preview --stack {NAME}"]
    assert re.search(r"expiration.*86400.*7200", said[f"pulumi preview --stack {NAME} --diff"])
    (failed,) = (text for command, text in said.items() if "|| echo" in command)
    assert "it failed, as it should" in failed
    assert "serves on; nothing was taken from it" in failed
    assert "| first" in said[f"openstack --os-cloud kolla-{NAME} project show first"]


def _never_failed(watched: str, until: datetime) -> None:
    """The loop of the second terminal printed expiries and nothing else, to the end; tokens became shorter."""
    expiries = [datetime.strptime(line, "%Y-%m-%dT%H:%M:%S%z") for line in watched.split()]
    print(f"{len(expiries)} tokens issued in the second terminal, one after the other")
    assert len(expiries) > 10
    assert expiries[0] - until > timedelta(hours=22)
    assert timedelta(0) < until + timedelta(hours=2) - expiries[-1] < timedelta(minutes=1), watched
