"""The server's binary logs in the repository, and what was written up to a moment from them.

A snapshot of the kind ``logs`` is of all logs that the server has closed and not purged yet; restic stores of it what
is new. A log that the server has purged since is in an earlier one. Its tags:

line   what the logs belong together by, without a gap: where the server has not the log that was open the last time,
       another line begins. It is a tag of each backup too
next   the log that was open then, and when it was begun
until  what was committed before that is in the snapshot

Moments are written as in the names of backups, ``20261126T101500Z``, and so can be compared as they are.
"""

import datetime
import itertools
import os
import pathlib
import re
import shutil
import struct
import subprocess
from typing import Any

from .repository import Snapshot, attempt, kind, reason, restic, tagged
from .throwaway import server
from .tools import DATA, FORM, QUERY, WORK, Orders, Trouble, last, lines, run

LARGEST = "--max-allowed-packet=1G"


def told(moment: str) -> str:
    """
    >>> told("20261126T101500Z")
    '2026-11-26 10:15:00 UTC'
    """
    return f"{datetime.datetime.strptime(moment, FORM):%Y-%m-%d %H:%M:%S} UTC"


def number(log: str) -> int:
    """
    >>> number("/var/lib/mysql/mariadb-bin.000012@1795687200")
    12
    """
    return int(log.partition("@")[0].rpartition(".")[2])


def stored(found: list[Snapshot], line: str | None = None) -> list[Snapshot]:
    """The snapshots of logs, of one line or of all, the oldest first."""
    wanted = [one for one in kind(found, "logs") if line in (None, tagged(one, "line"))]
    return sorted(wanted, key=lambda one: tagged(one, "until"))


def clock() -> str:
    """The server's time."""
    return lines(QUERY, "SELECT DATE_FORMAT(UTC_TIMESTAMP(), '%Y%m%dT%H%i%SZ')")[0][0]


def store(orders: Orders, found: list[Snapshot]) -> tuple[str, str]:
    """Stores what was written until now.

    Args:
        found: what is in the repository.

    Returns:
        The line that the server is on, and what to tell the operator.
    """
    if lines(QUERY, "SELECT @@log_bin") != [["1"]]:
        raise Trouble("the server writes no binary logs: log_bin is off")
    until, names = clock(), server_logs()
    ((begun, reached),) = lines(QUERY, f"SELECT BINLOG_GTID_POS('{names[-1]}', 4), @@gtid_binlog_pos")
    if begun != reached or not names[1:]:
        lines(QUERY, "FLUSH LOCAL BINARY LOGS")
        names = server_logs()
    *closed, opened = names
    earlier = stored(found)[-1:]
    follows = [one for one in earlier if tagged(one, "next") in map(mark, names)]
    line = tagged(follows[0], "line") if follows else until
    listing = WORK / "closed"
    listing.write_text("".join(f"{DATA}/{name}\n" for name in closed))
    tags = f"logs,line:{line},next:{mark(opened)},until:{until}"
    words = ["--host", orders["environment"], "--tag", tags, "--files-from-verbatim", str(listing)]
    words += ["--parent", earlier[0]["id"]] if earlier else []
    done = attempt(orders, "backup", "--json", *words)
    if done.returncode:
        raise Trouble(f"the binary logs are not stored: {reason(done.returncode, done.stderr)}")
    if earlier and not follows:
        before = told(tagged(earlier[0], "until"))
        gone = f"some of those since {before} are not there, so no moment from then until a new backup can be restored"
        return line, f"binary logs stored up to {told(until)}; {gone}"
    return line, f"binary logs stored up to {told(until)}"


def server_logs() -> list[str]:
    return [row[0] for row in lines(QUERY, "SHOW BINARY LOGS")]


def mark(log: str) -> str:
    """A log's name and when it was begun, which tells it from one of the same name of another server.

    Source: MariaDB, binary log format: four bytes of magic, then the time of the first event.
    """
    file = pathlib.Path(DATA, log)
    if not file.is_file():
        raise Trouble(f"the binary log {log} is not in {DATA}: log_bin is set to another place")
    with file.open("rb") as opened:
        return f"{log}@{struct.unpack_from('<I', opened.read(8), 4)[0]}"


def superfluous(found: list[Snapshot], kept: set[str]) -> tuple[list[str], list[str]]:
    """Of the snapshots of logs, those that no backup needs which is kept, and those whose logs others have too.

    The newest stays: the next one goes on from it.

    Args:
        kept: names of backups.
    """
    oldest: dict[str, str] = {}
    for one in kind(found, "manifest"):
        if (name := tagged(one, "backup")) in kept:
            line, made = tagged(one, "line"), name.rpartition("-")[2]
            oldest[line] = min(made, oldest.get(line, made))
    logs = stored(found)
    needed = [
        one for one in logs if tagged(one, "until") >= oldest.get(tagged(one, "line"), "9") or one == logs[-1]
    ]
    twice = [one for line in oldest for one in doubled(stored(needed, line))]
    return [one["id"] for one in logs if one not in needed], [one["id"] for one in twice]


def doubled(line: list[Snapshot]) -> list[Snapshot]:
    """Of the snapshots of a line those without which the others still have each of its logs.

    >>> def snapshot(first, after):
    ...     paths = [f"/bin.{each:06}" for each in range(first, after)]
    ...     return {"paths": paths, "tags": [f"next:bin.{after:06}@1"]}
    >>> [number(one["paths"][-1]) for one in doubled([snapshot(1, 4), snapshot(1, 6), snapshot(3, 8), snapshot(5, 9)])]
    [3, 7]
    """
    reached = min((number(path) for one in line[:1] for path in one["paths"]), default=0)
    others = []
    for one, following in itertools.pairwise(line):
        if min(map(number, following["paths"])) <= reached:
            others.append(one)
        else:
            reached = number(tagged(one, "next"))
    return others


def ranges(found: list[Snapshot]) -> list[tuple[str, str]]:
    """From when to when there are points in time, the oldest first."""
    spans = []
    for line in sorted({tagged(one, "line") for one in stored(found)}):
        begins = [tagged(one, "whole") for one in kind(found, "manifest") if tagged(one, "line") == line]
        end = tagged(stored(found, line)[-1], "until")
        spans += [(min(begins), end)] if begins and min(begins) <= end else []
    return spans


def backup_before(found: list[Snapshot], name: str, until: str) -> str:
    """The backup from which that moment can be reached: the one of this name, or the newest that was whole by then.

    Raises:
        Trouble: there is none; says which moments can be reached.
    """
    manifests = [one for one in kind(found, "manifest") if name in (tagged(one, "backup"), "newest")]
    if not manifests and name != "newest":
        return name  # whoever opens it says why it is not there
    fitting = [one for one in manifests if "" < tagged(one, "whole") <= until]
    if not fitting:
        was = f"{name} is not from before it" if name != "newest" else "no backup is from before it"
        raise none(found, until, was)
    logs = stored(found, tagged(fitting[0], "line"))
    end = tagged(logs[-1], "until") if logs else ""
    if end < until:
        ended = f"end at {told(end)}" if end else "are not there"
        raise none(
            found, until, f"the binary logs that are stored after {tagged(fitting[0], 'backup')} {ended}"
        )
    return tagged(fitting[0], "backup")


def none(found: list[Snapshot], until: str, why: str) -> Trouble:
    spans = "; ".join(f"{told(begin)} to {told(end)}" for begin, end in ranges(found)) or "none"
    return Trouble(f"{told(until)} cannot be restored: {why}; there is: {spans}")


def needed(found: list[Snapshot], manifest: dict[str, Any]) -> list[tuple[Snapshot, list[str]]]:
    """The logs since a backup, by the snapshot that they are taken from.

    Raises:
        Trouble: one of them is missing.
    """
    log = manifest["log"]
    line, first = stored(found, log["line"]), number(log["file"])
    held: dict[int, tuple[Snapshot, str]] = {}
    for one in reversed(line):
        held = {number(path): (one, path) for path in one["paths"]} | held
    end = number(tagged(line[-1], "next"))
    if missing := [each for each in range(first, end) if each not in held]:
        raise Trouble(
            f"of the binary logs since {manifest['backup']}, {first} to {end - 1}, number {missing[0]} is not stored"
        )
    chosen = [held[each] for each in range(first, end)]
    return [
        (one, [path for source, path in chosen if source is one])
        for one in line
        if any(source is one for source, _ in chosen)
    ]


def replay(
    orders: Orders,
    manifest: dict[str, Any],
    since: list[tuple[Snapshot, list[str]]],
    until: str,
    data: pathlib.Path,
) -> int:
    """What was committed from a backup's end until a moment, put into its data directory; how many logs that were.

    Args:
        since: the logs, as ``needed`` gives them.

    The time of a transaction is that of its COMMIT: MariaDB writes all of it then, led by an event with that time, at
    which mariadb-binlog stops.
    """
    folder = WORK / "logs"
    shutil.rmtree(folder, ignore_errors=True)
    taken: list[str] = []
    for one, paths in since:
        include = [word for path in paths for word in ("--include", path)]
        restic(orders, "restore", one["id"], "--target", str(folder), *include)
        taken += [f"{folder}{path}" for path in paths]
    taken.sort(key=number)
    if not taken:
        return 0
    moment = f"{datetime.datetime.strptime(until, FORM):%Y-%m-%d %H:%M:%S}"
    line = ["mariadb-binlog", f"--start-position={manifest['log']['position']}", f"--stop-datetime={moment}"]
    with server(data, lasting=True) as query, (WORK / "said").open("w+") as said:
        source = subprocess.Popen(
            [*line, *taken], stdout=subprocess.PIPE, stderr=said, env={**os.environ, "TZ": "UTC"}
        )
        assert source.stdout is not None
        # accounts change by statements, which a server without grants refuses until it has read them
        client = [*query, "--init-command=FLUSH PRIVILEGES", "--binary-mode", LARGEST]
        done = subprocess.run(client, stdin=source.stdout, capture_output=True, text=True, check=False)
        source.stdout.close()
        code = source.wait()
        said.seek(0)
        if done.returncode:
            # no more of its words: they quote rows
            error = re.search(r"ERROR \d+ \(\w+\)", done.stderr)
            saw = error[0] if error else f"exit code {done.returncode}"
            raise Trouble(f"the binary logs since {manifest['backup']} do not fit it: {saw}")
        if code:
            raise Trouble(f"the binary logs since {manifest['backup']} cannot be read: {last(said.read())}")
    shutil.rmtree(folder)
    run(["sync"])
    return len(taken)
