"""Programs and their words, and where things lie in the container."""

import pathlib
import re
import subprocess
from typing import Any

HERE = pathlib.Path("/etc/kolla-iac")
CLIENT = HERE / "client.cnf"
WORK = pathlib.Path("/var/tmp/backup")
DATA = "/var/lib/mysql"
REPOSITORY, RESTORED, KEPT, VOLUMES = map(pathlib.Path, ("/repository", "/restored", "/kept", "/volumes"))
"""Where a Job finds what it is given; of what the last three hold: ``restoring``."""
FORM = "%Y%m%dT%H%M%SZ"
"""Of moments in names and tags, in UTC."""
QUERY = ["mariadb", f"--defaults-file={CLIENT}", "-N", "-B"]
Orders = dict[str, Any]


class Trouble(Exception):
    """There is no backup, or it is not what it says."""


def run(command: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode:
        raise Trouble(f"{pathlib.Path(command[0]).name}: {last(done.stderr or done.stdout)}")
    return done


def last(text: str, lines: int = 1) -> str:
    """The last lines that say something.

    >>> last("one\\ntwo\\n\\nthree\\n", 2)
    'two; three'
    """
    found = [line.strip() for line in text.splitlines() if line.strip()]
    return "; ".join(found[-lines:]) or "nothing was said"


def lines(query: list[str], statement: str) -> list[list[str]]:
    """What statements answer, a list of columns for each row."""
    return [line.split("\t") for line in run(query, input=statement).stdout.splitlines()]


def quoted(table: str) -> str:
    """
    >>> quoted("keystone.user")
    '`keystone`.`user`'
    """
    return ".".join("`" + part.replace("`", "``") + "`" for part in table.split(".", 1))


def version() -> str:
    """Of the server in this image: ``11.8.9``."""
    return series(run(["mariadbd", "--version"]).stdout)


def series(text: str) -> str:
    """
    >>> series("mariadbd  Ver 11.8.9-MariaDB-0+deb13u1 from Debian")
    '11.8.9'
    """
    found = re.search(r"\d+\.\d+\.\d+", text)
    if not found:
        raise Trouble(f"no version in {text!r}")
    return found[0]
