"""What a move of a small cloud to a server of somebody else's costs its clients."""

from __future__ import annotations

import re
import time
from pathlib import Path

from tests.cloud.moving import Moving, Writer, served
from tests.cloud.probing import probing
from tests.cloud.support import Cloud, Home

from .rows import Row


def of_move(folder: Path) -> list[Row]:
    """A cloud under 20 requests/s, in which users are made all the time, moved to another server and back."""
    cloud = Cloud(Home(folder / "home"))
    certificates = folder / "certificates"
    certificates.mkdir(parents=True)
    rows = []
    try:
        with served(certificates) as server:
            cloud.make()
            cloud.kolla("up")
            moving = Moving(cloud, server)
            began = time.monotonic()
            cloud.kolla("database", "check")
            rows.append(Row("`database check`", "at most 3 s", f"{time.monotonic() - began:.1f} s"))
            for name, change in (("to an external server", moving.forth), ("and back", moving.back)):
                with probing(cloud) as probe, Writer(cloud) as writer:
                    up = cloud.up(change)
                report, waited = probe.report, re.search(r"requests waited ([\d.]+) s", up.text)
                assert report is not None and waited is not None
                rows += [
                    Row(f"move {name}: failed requests", "0", f"{report.failed} of {report.total}"),
                    Row("longest wait", "5 s", f"{report.longest:.2f} s (held for {waited[1]} s)"),
                    Row("users made meanwhile, lost", "0", f"{len(writer.missing())} of {len(writer.made)}"),
                ]
                cloud.kolla("database", "release")
                cloud.up({"services": {"database": moving.settings()}})
    finally:
        cloud.remove()
    return rows
