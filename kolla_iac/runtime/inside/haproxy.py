"""What must happen beside HAProxy: its files, its admin socket, its reload. Runs inside its container.

Actions (``request["action"]``): ``info``, ``look``, ``published``, ``read``, ``commit``, ``reload``, ``wait_up``,
``drain``, and for an exchange of all that is behind a backend at once ``prepare``, ``wait_checked``, ``hold``,
``wait_quiet``. Whatever changes something holds one lock, so that a reload never misses what a handover writes at the
same time. Every action may run again.
"""

import csv
import fcntl
import hashlib
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BASE = Path("/var/lib/haproxy")
STATIC = "/etc/haproxy/haproxy.cfg"
SOCKET = BASE / "admin.sock"
STATE = BASE / "server-state"
CONFIG = BASE / "balancer.json"
SLOTS = BASE / "slots.json"
CLOUD = BASE / "cloud.d" / "10-cloud.cfg"
EMPTY = "192.0.2.1"
CAP_KILL = 5
SURELY = 1.0
CLOSED = 0x01 | 0x02 | 0x08 | 0x10 | 0x20
"""Bits of a slot's admin state that keep traffic away: maintenance, drain, a name without address. Others tell
history: disabled in the configuration, name changed. Source: HAProxy's management guide, "show servers state"."""


class Trouble(Exception):
    """Something that a person should read."""


@contextmanager
def locked() -> Iterator[None]:
    """One change at a time; the lock goes with the process."""
    with (BASE / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def tell(command: str) -> str:
    """HAProxy's answer to one command on its admin socket."""
    try:
        with socket.socket(socket.AF_UNIX) as admin:
            admin.settimeout(10)
            admin.connect(str(SOCKET))
            admin.sendall(command.encode() + b"\n")
            chunks = iter(lambda: admin.recv(65536), b"")
            return b"".join(chunks).decode().strip()
    except OSError as error:
        raise Trouble(f"HAProxy's admin socket does not answer: {error}") from None


def order(command: str) -> None:
    """A command that must not be refused. HAProxy answers those with nothing, or with a line of log."""
    answer = tell(command)
    if re.search(r"(?i)no such|unknown|not found|invalid|cannot|can't|unable|denied|require|missing", answer):
        raise Trouble(f"HAProxy refused '{command}': {answer}")


def info() -> dict[str, str]:
    """``show info``: pid, description and more, of the worker that serves; versions differ in capitals."""
    pairs = (line.split(":", 1) for line in tell("show info").splitlines() if ":" in line)
    return {name.strip().lower(): value.strip() for name, value in pairs}


def statistics(backend: str, slot: str) -> dict[str, str]:
    """``show stat`` of one slot."""
    table = tell("show stat").lstrip("# ")
    for row in csv.DictReader(io.StringIO(table)):
        if row["pxname"] == backend and row["svname"] == slot:
            return row
    raise Trouble(f"HAProxy knows no slot {backend}/{slot}")


def server_states() -> list[list[str]]:
    """``show servers state``: one row a slot. Fields: backend 1, slot 3, address 4, admin state 6, name 17."""
    rows = [line.split() for line in tell("show servers state").splitlines()]
    return [row for row in rows if len(row) > 18 and row[0] != "#"]


def server_state(backend: str, slot: str) -> list[str]:
    """The row of one slot."""
    for row in server_states():
        if row[1] == backend and row[3] == slot:
            return row
    raise Trouble(f"HAProxy knows no slot {backend}/{slot}")


def look(_: dict[str, Any]) -> dict[str, Any]:
    """What the running worker does with each container, by name. Takes no lock: nothing waits for who only looks."""
    names = {(row[1], row[3]): row[17] for row in server_states() if row[17] != "-"}
    keys = ("status", "check_status", "check_code", "lastchg", "scur")
    table = csv.DictReader(io.StringIO(tell("show stat").lstrip("# ")))
    rows = [(row, names.get((row["pxname"], row["svname"]))) for row in table]
    return {
        "slots": [
            {
                "backend": row["pxname"],
                "slot": row["svname"],
                "container": name,
                **{key: row[key] for key in keys},
            }
            for row, name in rows
            if name
        ]
    }


def published(_: dict[str, Any]) -> dict[str, Any]:
    """What each place says of the slots, side by side: files on disk and the running worker. Takes no lock.

    ``open``: whether the running worker gives the slot requests; ``folders``: working folders -> age in seconds.
    """
    running = [
        {"backend": row[1], "slot": row[3], "container": row[17], "open": not int(row[6]) & CLOSED}
        for row in server_states()
        if row[17] != "-"
    ]
    now = time.time()
    return {
        "slots": text_of(SLOTS),
        "text": text_of(CLOUD),
        "running": running,
        "description": info().get("description", ""),
        "folders": {str(folder): now - folder.stat().st_mtime for folder in BASE.glob(".check-*")},
    }


def write(path: Path, text: str) -> None:
    """Replaces a file at once: a reader sees the old text or the new. Only root reads it: some hold passwords."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.touch(mode=0o600)
    with partial.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)


def text_of(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


def digest() -> str:
    """Changes with what is published: the guard against two changes at once."""
    parts = [text_of(path) or "" for path in (CONFIG, SLOTS)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def read(_: dict[str, Any]) -> dict[str, Any]:
    """What is published on disk."""
    with locked():
        return {"config": text_of(CONFIG), "slots": text_of(SLOTS), "digest": digest()}


def check(text: str) -> None:
    """Asks HAProxy whether it would start with this text.

    Raises:
        Trouble: with what HAProxy objects to.
    """
    folder = Path(tempfile.mkdtemp(dir=BASE, prefix=".check-"))
    try:
        (folder / CLOUD.name).write_text(text)
        command = ["haproxy", "-c", "-f", STATIC, "-f", str(folder)]
        seen = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if seen.returncode:
        objections = [line for line in (seen.stdout + seen.stderr).splitlines() if "ALERT" in line]
        lines = [
            re.sub(r"^\[ALERT\]\s+\(\d+\) : ", "", line).replace(f"{folder}/", "") for line in objections
        ]
        lines = [re.sub(r"(openstack:).*", r"\1***", line) for line in lines]
        raise Trouble("\n".join(lines) or "haproxy -c fails without saying why")


def commit(request: dict[str, Any]) -> dict[str, Any]:
    """Writes configuration and slots to disk and brings slots of the running worker in line.

    ``digest`` is what the caller read; if something else has been published since, nothing is written and the
    answer says ``conflict``. ``publish`` and ``close`` list ``[backend, slot, container]`` and ``[backend, slot]``.
    ``beside``: files that the text loads. ``held``: the backend whose requests must be held for `SURELY` seconds more;
    what is published was prepared then, and gets requests at once, after what is closed gets none.
    """
    with locked():
        if request["digest"] != digest():
            return {"conflict": True}
        if request["held"]:
            check_held(request["held"], request["publish"])
        for path, text in request["beside"].items():
            if text_of(Path(path)) != text:
                write(Path(path), text)
        if text_of(CLOUD) != request["text"]:
            if request["check"]:
                check(request["text"])
            write(CONFIG, request["config"])
            write(SLOTS, request["slots"])
            write(CLOUD, request["text"])
        elif text_of(SLOTS) != request["slots"] or text_of(CONFIG) != request["config"]:
            write(CONFIG, request["config"])
            write(SLOTS, request["slots"])
        for backend, slot in request["close"]:
            order(f"set server {backend}/{slot} state maint")
        for backend, slot, container in request["publish"]:
            if request["held"]:
                order(f"set server {backend}/{slot} state ready")
            else:
                publish(backend, slot, container, request["seconds"])
        if request["held"]:
            order(f"hold {request['held']} 0")
    return {"conflict": False}


def check_held(backend: str, prepared: list[list[str]]) -> None:
    """Requests wait long enough yet, and what gets them next was checked.

    Raises:
        Trouble: HAProxy has started anew, or time is over: nothing may be exchanged on the ground of what was seen.
    """
    if left(backend) < SURELY:
        raise Trouble(f"requests to {backend} are not held any more")
    for _, slot, container in prepared:
        row = statistics(backend, slot)
        if server_state(backend, slot)[17] != container or row["check_status"] not in ("L7OK", "* L7OK"):
            raise Trouble(
                f"{container} in slot {backend}/{slot} is not ready any more: {row['check_status']}"
            )


def left(backend: str) -> float:
    """Seconds for which requests of a backend are held yet."""
    answer = tell(f"hold {backend}")
    if not answer.startswith("held "):
        raise Trouble(f"HAProxy cannot hold requests: {answer}")
    return float(answer.split()[1])


def hold(request: dict[str, Any]) -> dict[str, Any]:
    """Requests of a backend wait from now on, for so many seconds at most; 0: not any more."""
    tell(f"hold {request['backend']} {request['seconds']}")
    return {"left": left(request["backend"])}


def wait_quiet(request: dict[str, Any]) -> dict[str, Any]:
    """Waits, while the backend is held, until nothing behind it works at a request."""
    backend = request["backend"]
    end, looks = time.monotonic() + request["seconds"], 0
    while True:
        table = csv.DictReader(io.StringIO(tell("show stat").lstrip("# ")))
        rows = [row for row in table if row["pxname"] == backend and row["svname"] != "FRONTEND"]
        sessions = sum(int(row["scur"] or 0) + int(row["qcur"] or 0) for row in rows)
        # twice: a request that was let through just before the hold may not have met its server yet
        looks = 0 if sessions else looks + 1
        if looks == 2 or time.monotonic() > end:
            return {"sessions": sessions, "left": left(backend)}
        time.sleep(0.05)


def prepare(request: dict[str, Any]) -> dict[str, Any]:
    """Has containers checked in free slots of the running worker alone: a reload or a restart forgets them."""
    with locked():
        for backend, slot, container in request["publish"]:
            publish(backend, slot, container, request["seconds"])
    return {}


def wait_checked(request: dict[str, Any]) -> dict[str, Any]:
    """Waits until HAProxy's own check of a prepared slot succeeds, and leaves it shut."""
    end = time.monotonic() + request["seconds"]
    while True:
        row = statistics(request["backend"], request["slot"])
        checked = row["check_status"] == "L7OK" and row["status"].startswith("DRAIN")
        if checked or time.monotonic() > end:
            return {
                "up": checked,
                "state": f"{row['status']}, check {row['check_status']} {row['check_code']}",
            }
        time.sleep(0.05)


def publish(backend: str, slot: str, container: str, seconds: float) -> None:
    """Gives a slot of the running worker a container's name, and has it checked, without traffic so far.

    A slot that is open for this container already stays as it is.
    """
    state = server_state(backend, slot)
    if state[17] == container and not int(state[6]) & CLOSED:
        return
    if state[17] != container:
        order(f"set server {backend}/{slot} state maint")
        order(f"set server {backend}/{slot} addr {EMPTY}")
        order(f"set server {backend}/{slot} fqdn {container}")
    end = time.monotonic() + seconds
    while server_state(backend, slot)[4] in (EMPTY, "-"):
        if time.monotonic() > end:
            order(f"set server {backend}/{slot} state maint")
            raise Trouble(
                f"the name {container} has no address on the load balancer's network after {seconds:.0f} s"
            )
        time.sleep(0.05)
    # An opened slot counts as UP before its first check; a draining one is checked and gets nothing. Down, so
    # that a check of this container must succeed first: the slot remembers that of the one before.
    order(f"set server {backend}/{slot} state drain")
    order(f"set server {backend}/{slot} health down")


def master() -> int:
    """Process id of HAProxy's master: the haproxy whose parent is none."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                name, rest = (folder / "stat").read_text().rsplit(") ", 1)
            except OSError:
                continue
            if name.split("(", 1)[1] == "haproxy":
                parents[int(folder.name)] = int(rest.split()[1])
    masters = [pid for pid, parent in parents.items() if parent not in parents]
    if not masters:
        raise Trouble("no HAProxy runs in the load balancer's container")
    return min(masters)


def save_state(slots: dict[str, dict[str, str]]) -> None:
    """Keeps health and addresses over a reload, of the slots alone that hold a container."""
    lines = tell("show servers state").splitlines()
    kept = []
    for line in lines:
        row = line.split()
        empty = len(row) > 18 and row[0] != "#" and slots.get(row[1], {}).get(row[3]) != row[17]
        if not empty:
            kept.append(line)
    write(STATE, "\n".join(kept) + "\n")


def check_signals() -> None:
    """The master runs as root and its workers do not: without CAP_KILL an old worker would never end."""
    status = Path("/proc/1/status").read_text()
    bounding = int(re.search(r"^CapBnd:\s*(\w+)", status, re.MULTILINE)[1], 16)  # type: ignore[index]
    if not bounding & (1 << CAP_KILL):
        raise Trouble("the container lacks the capability KILL, so HAProxy could not end its old worker")


def reload(request: dict[str, Any]) -> dict[str, Any]:
    """Starts a new worker if the running one does not serve ``description``, and waits until it serves."""
    with locked():
        if info().get("description") == request["description"]:
            return {"reloaded": False}
        check_signals()
        save_state(request["slots"])
        try:
            os.kill(master(), signal.SIGUSR2)
            end = time.monotonic() + request["seconds"]
            while True:
                try:
                    seen = info()
                except Trouble as trouble:
                    seen = {"description": str(trouble)}
                if seen.get("description") == request["description"]:
                    return {"reloaded": True}
                if time.monotonic() > end:
                    raise Trouble(
                        f"HAProxy's new worker does not serve after {request['seconds']:.0f} s; the old one serves on"
                    )
                time.sleep(0.05)
        finally:
            # Only a reload may believe it: after a restart of the host other containers have these addresses.
            STATE.unlink(missing_ok=True)


def wait_up(request: dict[str, Any]) -> dict[str, Any]:
    """Waits until HAProxy's own check of a slot succeeds, and opens it."""
    backend, slot = request["backend"], request["slot"]
    end = time.monotonic() + request["seconds"]
    check = "not made yet"
    while True:
        row = statistics(backend, slot)
        if row["check_status"] == "L7OK" and row["status"].startswith("DRAIN"):
            order(f"set server {backend}/{slot} state ready")
            row = statistics(backend, slot)
        if row["check_status"] and not row["check_status"].startswith("* "):
            # with the star a check is under way, and what it says is half of the one before
            check = f"{row['check_status']} {row['check_code']}".strip()
        state = f"{row['status']}, check {check}"
        up = row["status"] == "UP" and row["check_status"] == "L7OK"
        if up or time.monotonic() > end:
            return {"up": up, "state": state}
        time.sleep(0.05)


def drain(request: dict[str, Any]) -> dict[str, Any]:
    """Gives a slot no new sessions and waits for those that it has."""
    backend, slot = request["backend"], request["slot"]
    end = time.monotonic() + request["seconds"]
    order(f"set server {backend}/{slot} state drain")
    while True:
        row = statistics(backend, slot)
        sessions = int(row["scur"]) + int(row["qcur"])
        if sessions == 0 or time.monotonic() > end:
            return {"sessions": sessions}
        time.sleep(0.05)


ACTIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "info": lambda _: dict(info()),
    "look": look,
    "published": published,
    "read": read,
    "commit": commit,
    "reload": reload,
    "wait_up": wait_up,
    "drain": drain,
    "prepare": prepare,
    "wait_checked": wait_checked,
    "hold": hold,
    "wait_quiet": wait_quiet,
}


def main(request: dict[str, Any]) -> dict[str, Any]:
    """Carries out one action; trouble is an answer, not a traceback."""
    try:
        return ACTIONS[request["action"]](request)
    except Trouble as trouble:
        return {"trouble": str(trouble)}
