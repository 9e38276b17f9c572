"""One function a row of the table: what was measured, in words that can stand beside what was promised."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.cloud.others import another_user, second_checkout, up_as, up_from
from tests.cloud.support import Cloud, Outcome

from .machine import CHECKOUT

REST_SECONDS = 20
"""How long the environment is left alone before its memory is read."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    promised: str
    measured: str


def table(found: list[Row]) -> str:
    """The rows, in columns."""
    widths = [max(len(getattr(row, name)) for row in found) for name in ("what", "promised")]
    head = Row("what", "promised", "measured")
    lines = [
        f"{row.what:<{widths[0]}}  {row.promised:<{widths[1]}}  {row.measured}" for row in (head, *found)
    ]
    return "\n".join(lines)


def seconds(*command: str, times: int = 1) -> float:
    """The median duration of a command."""
    took = []
    for _ in range(times):
        began = time.monotonic()
        subprocess.run(command, check=True, capture_output=True, cwd=CHECKOUT)
        took.append(time.monotonic() - began)
    return statistics.median(took)


def starts() -> list[Row]:
    """Import and first screen."""
    imported = seconds(sys.executable, "-c", "from kolla_iac.components import Keystone", times=5)
    bare = seconds(sys.executable, "-c", "import kolla_iac.components", times=5)
    shown = seconds("kolla-iac", "--help", times=5)
    return [
        Row("import of kolla_iac.components", "1 s", f"{bare:.2f} s; with Keystone itself {imported:.2f} s"),
        Row("kolla-iac --help", "0.4 s", f"{shown:.2f} s"),
    ]


def first_up(cloud: Cloud) -> list[Row]:
    """From no containers, and from none but with data; images and caches are there."""
    ready = seconds("python3", "-m", "tools.setup", "--quiet")
    began = cloud.kolla("up")
    cloud.kolla("down")
    again = cloud.kolla("up")
    return [
        Row(
            "`make up` again with caches, from no containers",
            "90 s",
            f"{ready + again.seconds:.0f} s (data kept), {ready + began.seconds:.0f} s (no data yet)",
        )
    ]


def nothing_to_change(cloud: Cloud, folder: Path) -> list[Row]:
    """The same `pulumi up` four times."""
    cloud.write()
    rows = [
        ("right after", cloud.pulumi("up", "--yes")),
        ("after --refresh", cloud.pulumi("up", "--yes", "--refresh")),
        ("from a second checkout", up_from(second_checkout(folder / "elsewhere", cloud), cloud)),
    ]
    with another_user(cloud.name) as user:
        rows.append(("as another user", up_as(user, cloud, folder / "home")))
    return [
        Row(f"`pulumi up`, nothing to change, {when}", "10 s, 0 changes", _no_change(outcome))
        for when, outcome in rows
    ]


def images(cloud: Cloud) -> list[Row]:
    """As Docker counts them, layers shared with others included."""
    promised = {"keystone": 340, "mariadb": 430, "loadbalancer": 155, "memcached": 195}
    rows = []
    for service, most in promised.items():
        image = cloud.containers(service)[0].image
        assert image is not None
        size = f"{image.attrs['Size'] / 1e6:.0f} MB"
        rows.append(Row(f"image of {service}", f"{most} MB", size))
    return rows


def memory(cloud: Cloud) -> list[Row]:
    """Of all containers, without what the kernel would give back at once (inactive file cache)."""
    time.sleep(REST_SECONDS)
    used = {}
    for container in cloud.containers():
        figures = container.stats(stream=False)["memory_stats"]
        inactive = figures["stats"].get("inactive_file", figures["stats"].get("total_inactive_file", 0))
        used[str(container.name)] = (figures["usage"] - inactive) / 1e6
    parts = ", ".join(f"{_short(name, cloud)} {megabytes:.0f}" for name, megabytes in used.items())
    return [Row("memory at rest", "700 MB", f"{sum(used.values()):.0f} MB ({parts})")]


def make(target: str, what: str, promised: str, *words: str) -> list[Row]:
    """A whole make target, timed. Its output goes to the terminal."""
    began = time.monotonic()
    status = subprocess.run(["make", target, *words], check=False, cwd=CHECKOUT).returncode
    outcome = "" if status == 0 else f", and it FAILED (status {status})"
    return [Row(what, promised, f"{(time.monotonic() - began) / 60:.1f} min{outcome}")]


def _no_change(outcome: Outcome) -> str:
    return f"{outcome.seconds:.1f} s, {outcome.changes} changes"


def _short(name: str, cloud: Cloud) -> str:
    return re.sub(r"-[0-9a-f]{7}$", "", name.removeprefix(f"kolla-{cloud.name}-"))
