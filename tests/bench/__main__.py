"""``python -m tests.bench``: the table of what the project is to reach, with what it reaches here.

An environment of its own (``t-...``) is brought up for it and removed in the end; images and caches are used as
they are. ``--test`` times `make test` too; ``--fresh`` times `make up` in a copy of the checkout with empty caches
(Docker and the images that are there stay: a machine without them needs the time of `kolla-iac images build` more).
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.cloud.others import second_checkout
from tests.cloud.support import Cloud, Home

from . import machine, rows


def main(arguments: list[str]) -> int:
    """Prints; 0 whatever the figures are."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--test", action="store_true", help="time `make test` too")
    parser.add_argument("--fresh", action="store_true", help="time `make up` with empty caches too")
    wanted = parser.parse_args(arguments)
    for what, value in machine.lines():
        print(f"{what:<10} {value}")
    print(flush=True)
    folder = Path(tempfile.mkdtemp(prefix="kolla-iac-bench-"))
    cloud = Cloud(Home(folder))
    try:
        found = rows.starts()
        cloud.make()
        found += _told("up, down, up", lambda: rows.first_up(cloud))
        found += _told("nothing to change, four times", lambda: rows.nothing_to_change(cloud, folder))
        found += rows.images(cloud)
        found += _told("memory at rest", lambda: rows.memory(cloud))
        if wanted.fresh:
            found += _told("make up with empty caches", lambda: _fresh(folder, cloud))
        if wanted.test:
            found += rows.make("test", "`make test`", "under 15 min with caches, 60 without")
    finally:
        cloud.remove()
        shutil.rmtree(folder, ignore_errors=True)
    print(rows.table(found))
    return 0


def _told(what: str, measure: Callable[[], list[rows.Row]]) -> list[rows.Row]:
    print(f"measuring: {what}", file=sys.stderr, flush=True)
    return measure()


def _fresh(folder: Path, cloud: Cloud) -> list[rows.Row]:
    copy = second_checkout(folder / "fresh", cloud)
    (copy / "stacks" / cloud.file.name).unlink()
    name = f"{cloud.name}-fresh"
    for variable, place in (("XDG_CACHE_HOME", "cache"), ("KOLLA_IAC_HOME", "data")):
        os.environ[variable] = str(folder / place)
    beside = Cloud(cloud.home, name)
    began = time.monotonic()
    try:
        (row,) = rows.make(
            "up", "empty caches to token", "25 min; 8 with downloads", f"--directory={copy}", f"ENV={name}"
        )
    finally:
        beside.remove()
    print(f"took {time.monotonic() - began:.0f} s", file=sys.stderr)
    return [row]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
