"""Two updates at once: of one environment, and of two from two checkouts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from .probing import probing
from .support import CHECKOUT, Cloud, Running, override


def test_the_second_is_refused_and_says_who_is_first(cloud: Cloud) -> None:
    change = override("token", expiration=5100)
    with probing(cloud) as probe:
        first = cloud.start(change)
        first.until(first.says(r"keystone-1-handover"))
        second = cloud.pulumi("up", "--yes", "--skip-preview", fails=True)
        status = first.join()
        cloud.whole()
    cloud.keep(change)
    assert "the stack is currently locked by 1 lock(s)" in second.text, str(second)
    assert "Traceback" not in second.text
    assert status == 0, first.text
    assert cloud.up().changes == 0
    probe.none_failed()


@pytest.mark.long
def test_two_make_up_in_two_checkouts(tmp_path: Path) -> None:
    """Two clones, each set up, one state, one Docker: `make up ENV=...` in both at the same time."""
    home = tmp_path / "home"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI", "OS_"))}
    kept |= {"KOLLA_IAC_HOME": str(home), "NO_COLOR": "1"}
    kept["PATH"] = kept["PATH"].replace(f"{CHECKOUT}/.venv/bin:", "")
    names = [f"t-two-{os.getpid()}-{letter}" for letter in "ab"]
    clones = [tmp_path / letter for letter in "ab"]
    running: list[Running] = []
    try:
        for name, clone in zip(names, clones, strict=True):
            subprocess.run(["git", "clone", "--quiet", "--local", str(CHECKOUT), str(clone)], check=True)
            subprocess.run(["make", "setup"], cwd=clone, env=kept, check=True, stdout=subprocess.DEVNULL)
            line = f"source ./.envrc && kolla-iac init {name}"
            subprocess.run(["bash", "-c", line], cwd=clone, env=kept, check=True, stdout=subprocess.DEVNULL)
        for name, clone in zip(names, clones, strict=True):
            running.append(
                Running(
                    subprocess.Popen(
                        ["make", "up", f"ENV={name}"],
                        cwd=clone,
                        env=kept,
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT,
                        text=True,
                        start_new_session=True,
                    )
                )
            )
        for one in running:
            assert one.join(500) == 0, one.text
            assert "token of admin in project admin" in one.text, one.text
    finally:
        for one in running:
            if one.process.poll() is None:
                one.end(signal.SIGINT, group=True)
        for name, clone in zip(names, clones, strict=True):
            line = f"source ./.envrc && kolla-iac purge {name} --yes"
            subprocess.run(["bash", "-c", line], cwd=clone, env=kept, check=False)
            shutil.rmtree(clone, ignore_errors=True)
