"""The timeline: a JSON line when a stage starts and one when it ends, for the probe and the report.

``$KOLLA_IAC_HOME/timeline/<environment>.jsonl``; a stage that was killed has a start and no end.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any


def home() -> Path:
    """``$KOLLA_IAC_HOME``, by default ``kolla-iac`` in the user's data directory (XDG)."""
    named = os.environ.get("KOLLA_IAC_HOME")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "kolla-iac"


def path(environment: str) -> Path:
    """The timeline's file of one environment."""
    return home() / "timeline" / f"{environment}.jsonl"


def append(record: dict[str, Any]) -> str:
    """Adds one record; lines of stages that run at once never mix.

    Returns:
        a warning if it could not be written, else an empty text: a stage never fails for it.
    """
    file = path(record["environment"])
    line = json.dumps(record, sort_keys=True) + "\n"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        return f"warning: the timeline {file} cannot be written: {error.strerror or error}"
    return ""


def size(environment: str) -> int:
    """Bytes of the timeline; what is written from now on lies behind them."""
    try:
        return path(environment).stat().st_size
    except OSError:
        return 0


def since(environment: str, mark: int) -> list[dict[str, Any]]:
    """The records behind a former ``size``; none where the timeline cannot be read.

    Lines that are no records, such as the half one of a full disk, are left out.
    """
    try:
        with path(environment).open("rb") as file:
            file.seek(mark)
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        with contextlib.suppress(ValueError):
            record = json.loads(line)
            if isinstance(record, dict) and record.keys() >= {"stage", "pid", "start", "outcome"}:
                found.append(record)
    return found


def started(environment: str, service: str, stage: str, kind: str, release: str) -> dict[str, Any]:
    """The record of a stage that begins now. ``start``: seconds since 1970; ``outcome``: ``running``."""
    return {
        "environment": environment,
        "service": service,
        "stage": stage,
        "kind": kind,
        "release": release,
        "pid": os.getpid(),
        "start": time.time(),
        "outcome": "running",
    }


def ended(start: dict[str, Any], outcome: str, headline: str = "") -> dict[str, Any]:
    """The record of its end: ``outcome`` is ``done``, ``failed`` or ``interrupted``."""
    record = {**start, "end": time.time(), "outcome": outcome}
    return {**record, "error": headline} if headline else record
