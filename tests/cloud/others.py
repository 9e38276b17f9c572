"""The same environment seen by others: from a second checkout, and by another user of the machine."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .support import CHECKOUT, Cloud, Outcome


def second_checkout(folder: Path, cloud: Cloud) -> Path:
    """A copy of the checkout with the environment's file."""
    copy_of_checkout(folder)
    shutil.copy2(cloud.file, folder / "stacks" / cloud.file.name)
    return folder


def copy_of_checkout(folder: Path) -> Path:
    """What git knows of the checkout, as it lies there now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, target = CHECKOUT / name, folder / name
        if not (source.is_symlink() or source.is_file()):
            continue  # removed, and the removal not committed yet
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)
    return folder


def up_from(checkout: Path, cloud: Cloud, *words: str) -> Outcome:
    """`pulumi up WORD...` there, with that checkout's Pulumi.yaml, program and package."""
    line = ("pulumi", "up", "--yes", *words, "--stack", cloud.name, "--non-interactive")
    return cloud.home.run(*line, "--color", "never", cwd=checkout, env={"PYTHONPATH": str(checkout)})


@contextmanager
def another_user(name: str) -> Iterator[pwd.struct_passwd]:
    """A user that exists for the block."""
    subprocess.run(["useradd", "--no-create-home", "--home-dir", f"/tmp/{name}", name], check=True)
    try:
        yield pwd.getpwnam(name)
    finally:
        subprocess.run(["userdel", name], check=True)


def up_as(user: pwd.struct_passwd, cloud: Cloud, home: Path, *words: str) -> Outcome:
    """`pulumi up WORD...` as that user, who may use Docker and read what the environment needs.

    File permissions are not what is tested: whatever the user may not read by itself, Linux's CAP_DAC_OVERRIDE
    lets it read, so that the test needs no change of the machine's folders.
    """
    home.mkdir(exist_ok=True)
    os.chown(home, user.pw_uid, user.pw_gid)
    line = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    line += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    line += ["pulumi", "up", "--yes", *words, "--stack", cloud.name, "--non-interactive"]
    seen = {"USER": user.pw_name, "LOGNAME": user.pw_name, "HOME": str(home)}
    pulumi_home = {"PULUMI_HOME": os.environ.get("PULUMI_HOME") or str(Path.home() / ".pulumi")}
    return cloud.home.run(*line, "--color", "never", env=seen | pulumi_home)
