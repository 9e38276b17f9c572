"""One repetition: an environment made for it, upgraded one way under the probe, and removed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kolla_iac.probe.report import Sample
from tests.cloud.support import CHECKOUT, Cloud, Home

from . import control
from .figures import Repetition, repetition

OLD, NEW = "2025.2", "2026.1"
RATE = 20
AROUND = 10
"""Seconds of load before and after the command."""
SETTLE = 5
"""Seconds from a cloud that stands to the first request."""


def measure(way: str) -> Repetition:
    """Makes, upgrades, removes; whatever happens, nothing of it stays."""
    kind, _, replicas = way.partition("-")
    load = os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="kolla-iac-bench-"))
    cloud = Cloud(Home(folder))
    cloud.keep({"services": {"keystone": {"replicas": int(replicas)}}})
    try:
        cloud.make()
        image = _image(cloud)
        _up(cloud)
        if kind == "kolla":
            orders = control.prepare(cloud, int(replicas), image, folder / "config_files")
            control.write(orders, folder / "orders.json")
            command = [sys.executable, "-m", "tests.bench.upgrade.control", str(folder / "orders.json")]
        else:
            cloud.write({"release": NEW})
            command = ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--color", "never"]
            command += ["--stack", cloud.name]
        time.sleep(SETTLE)
        return _watched(way, cloud, command, folder, load)
    finally:
        _remove(cloud)
        shutil.rmtree(folder, ignore_errors=True)


def _image(cloud: Cloud) -> str:
    """The new release's image of Keystone; both releases' images are there from then on."""
    for release in (OLD, NEW):
        cloud.home.run("kolla-iac", "images", "build", release, timeout=1800)
    listed = cloud.home.run("kolla-iac", "images", "list", NEW).text
    found = re.search(rf"\S*/keystone:{re.escape(NEW)}\S*", listed)
    assert found is not None, listed
    return found[0]


def _up(cloud: Cloud) -> None:
    running = cloud.start()
    try:
        assert running.join() == 0, running.text
    except BaseException:
        if running.process.poll() is None:
            running.end(signal.SIGINT, group=True)
        raise


def _watched(way: str, cloud: Cloud, command: list[str], folder: Path, load: float) -> Repetition:
    report, samples, meter = (folder / name for name in ("report.json", "samples.jsonl", "meter.json"))
    at = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
    line = ["kolla-iac", "probe", cloud.name, "--rate", str(RATE), "--around", str(AROUND)]
    line += ["--samples", str(samples), "--output", str(report), "--"]
    line += [sys.executable, "-m", "tests.bench.upgrade.meter", cloud.name, str(meter), *command]
    process = subprocess.Popen(
        line,
        cwd=cloud.home.project,
        env=cloud.home.environment | {"PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said, _ = process.communicate(timeout=600)
    except BaseException:
        process.terminate()
        process.wait(120)
        raise
    assert process.returncode == 0, said
    found = [Sample(**json.loads(one)) for one in samples.read_text().splitlines()]
    done = repetition(way, at, json.loads(report.read_text()), found, json.loads(meter.read_text()), load)
    print(said[said.find("\nprobe ") :] if "\nprobe " in said else said, file=sys.stderr, flush=True)
    return done


def _remove(cloud: Cloud) -> None:
    """Twice: what was under way when it was interrupted may still make something. A second Ctrl-C waits for it."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        again = Cloud(cloud.home, cloud.name)
        cloud.remove()
        time.sleep(1)
        again.remove()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
