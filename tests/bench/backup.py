"""``python -m tests.bench.backup``: backups of a server with rows of 2 GB, of a cloud under load, and a cloud's move.

A server of its own (``t-...``), beside it the same with plain mariadb-backup into a directory, in turn; then an
environment of its own. All of it is removed in the end. ``--gigabytes`` makes it smaller. Nothing is judged.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kolla_iac.model.stage import JobStage, Upload
from kolla_iac.runtime.context import Context
from kolla_iac.runtime.hosts import Hosts
from kolla_iac.runtime.job import run
from tests.cloud.probing import probing
from tests.cloud.support import LABEL, Cloud, Home
from tests.engine.backed_up import TOOLS, Repository, Server
from tests.engine.runtime_support import HOSTS
from tests.waiting import eventually

from . import machine
from .move import of_move
from .rows import Row, table
from .upgrade.meter import Containers

ROW = 1000
"""Bytes of a row that no compression makes smaller."""
TABLES = {
    "big.ordered": (
        "CREATE TABLE big.ordered (id INT PRIMARY KEY AUTO_INCREMENT, content VARBINARY(1000))",
        "NULL",
    ),
    "big.random": (
        "CREATE TABLE big.random (id BINARY(16) PRIMARY KEY, content VARBINARY(1000))",
        "RANDOM_BYTES(16)",
    ),
}
"""Table -> how it is made, and the key of a new row."""
PLAIN = {
    "create": "mariadb-backup --defaults-file=/etc/kolla-iac/client.cnf --backup --target-dir=/repository/plain",
    "restore-into": "mariadb-backup --prepare --target-dir=/repository/plain && cp -a /repository/plain/. /restored/",
}
"""What is done instead by hand, in the same container."""
QUIET_SECONDS, LOADED_SECONDS = 20, 20


@dataclass
class Cost:
    """Of what was done meanwhile."""

    seconds: float = 0
    memory: float = 0
    """Bytes of the Jobs' containers at once, at most."""
    disk: float = 0
    """Bytes that were free before and not at the worst moment."""


@contextmanager
def metered(environment: str, folder: Path) -> Iterator[Cost]:
    """Measures what a block costs, but for the server's own container."""
    cost, over = Cost(), threading.Event()
    containers = Containers(environment)
    containers.chosen["label"] = [f"{LABEL}={environment}", "kolla_iac.role=job"]
    free = shutil.disk_usage(folder).free

    def watch() -> None:
        while not over.wait(0.2):
            containers.look()
            cost.disk = max(cost.disk, free - shutil.disk_usage(folder).free)

    watching = threading.Thread(target=watch)
    watching.start()
    began = time.monotonic()
    try:
        yield cost
    finally:
        cost.seconds = time.monotonic() - began
        over.set()
        watching.join()
        cost.memory = containers.memory


def of_rows(folder: Path, gigabytes: float) -> list[Row]:
    """First and second backups and a restore of a server, beside mariadb-backup into a directory."""
    server = Server(folder)
    try:
        told(f"writing rows of {gigabytes:g} GB")
        rows = round(gigabytes * 1e9 / ROW)
        server.sql("CREATE DATABASE big")
        for name, (made, key) in TABLES.items():
            server.sql(made)
            add(server, name, key, rows // 2)
        settle(server)
        repository = Repository(server)
        size = int(server.inside("du", "-sb", "/var/lib/mysql").split()[0])
        told("first backup")
        with metered(server.name, folder) as plain:
            by_hand(repository.job("create"))
        with metered(server.name, folder) as first:
            repository.create()
        told("second backups")
        appended = {}
        for name, (_, key) in TABLES.items():
            add(server, name, key, rows // 100)
            settle(server)
            repository.create()
            newest, *_, oldest = repository.listed()["backups"]
            appended[name] = f"{newest['added'] / oldest['added']:.1%} ({newest['added'] / 1e6:.1f} MB)"
        told("restore")
        with metered(server.name, folder) as plainly:
            by_hand(repository.job("restore-into", into=server.volume("plain")))
        with metered(server.name, folder) as restored:
            repository.run("restore-into", "newest", into=server.volume("restored"))
        told("verify")
        began = time.monotonic()
        repository.run("verify", "newest")
        proven = time.monotonic() - began
    finally:
        server.close()
    return [
        Row("data directory, with indexes", "", f"{size / 1e6:.0f} MB, {rows} rows"),
        Row("first backup", "at most 2x plain mariadb-backup", _beside(first, plain, size)),
        Row("memory of it", "400 MB", f"{first.memory / 1e6:.0f} MB"),
        Row("second, 1 % of rows appended", "adds at most 5 % of the first", appended["big.ordered"]),
        Row("second, 1 % with random keys", "printed", appended["big.random"]),
        Row("restore into a volume", "at most 2x prepare and copy", _beside(restored, plainly, size)),
        Row("memory of it", "400 MB", f"{restored.memory / 1e6:.0f} MB"),
        Row("free space that it takes", "at most 1.2x the data", f"{restored.disk / size:.2f}x"),
        Row("verify: restored, checked, checksums equal", "printed", f"{proven:.1f} s"),
    ]


def by_hand(job: JobStage) -> None:
    """The Job of a phase, with plain mariadb-backup in the place of the program."""
    phase = job.name.rpartition("-backup-")[2]
    files = [
        one.model_copy(update={"content": one.content.replace(f"python3 -m backup {phase}", "bash /by-hand")})
        for one in job.files
    ]
    script = Upload(path="/by-hand", content=f"set -e; mkdir -p /repository/plain; {PLAIN[phase]}\n")
    stage = job.model_copy(update={"files": (*files, script)})
    run(stage, "here", Context(Hosts(HOSTS), TOOLS, lambda _: None))


def add(server: Server, table: str, key: str, rows: int) -> None:
    """Appends rows, without the binary log: a server that has held them for long has none of them in it any more."""
    insert = f"INSERT INTO {table} SELECT {key}, RANDOM_BYTES({ROW}) FROM seq_1_to_{{}}"
    for begin in range(0, rows, 100_000):
        server.sql(f"USE big; SET sql_log_bin = 0; {insert.format(min(100_000, rows - begin))}")


def settle(server: Server) -> None:
    """Waits until the server has done what inserts leave to it, as one has that has held its rows for long.

    Purging takes the transaction's number out of each inserted row, and so writes every page of them once more.
    """
    server.sql("SET GLOBAL innodb_max_dirty_pages_pct = 0; SET GLOBAL innodb_max_dirty_pages_pct_lwm = 0")
    asked = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Innodb_history_list_length', 'Innodb_buffer_pool_pages_dirty')"

    def done() -> bool:
        left = [int(line.split()[-1]) for line in server.sql(asked).splitlines()]
        return sum(left) < 20

    print(f"settled in {eventually(done, 300, 'purged and flushed'):.0f} s", flush=True)


def under_load(folder: Path) -> list[Row]:
    """A backup of a cloud under 20 requests/s, beside the same time without one."""
    cloud = Cloud(Home(folder))
    volume = f"kolla-{cloud.name}-repository"
    try:
        told("a cloud")
        cloud.make()
        cloud.kolla("up")
        cloud.docker.volumes.create(volume, labels={LABEL: cloud.name})
        cloud.write({"backup": {"target": {"volume": volume}}})
        cloud.kolla("secrets", "generate")
        told("20 requests/s without a backup, and with one after the other")
        with probing(cloud) as quiet:
            time.sleep(QUIET_SECONDS)
        with probing(cloud) as loaded:
            end, made = time.monotonic() + LOADED_SECONDS, 0
            while time.monotonic() < end:
                cloud.kolla("backup", "create")
                made += 1
    finally:
        cloud.remove()
    before, during = quiet.report, loaded.report
    assert before is not None and during is not None
    latency = f"{during.p99 / before.p99:.1f}x ({before.p99 * 1e3:.0f} and {during.p99 * 1e3:.0f} ms)"
    return [
        Row(f"failed requests during {made} backups", "0", f"{during.failed} of {during.total}"),
        Row("p99 beside that without a backup", "at most 2x", latency),
    ]


def _beside(ours: Cost, plain: Cost, size: int) -> str:
    speeds = [f"{one.seconds:.1f} s, {size / 1e6 / one.seconds:.0f} MB/s" for one in (ours, plain)]
    return f"{ours.seconds / plain.seconds:.2f}x ({speeds[0]}; plain {speeds[1]})"


def told(what: str) -> None:
    print(f"measuring: {what}", file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    """Prints; 0 whatever the figures are."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.backup", description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2.0, help="of rows (2)")
    wanted = parser.parse_args(arguments)
    for what, value in machine.lines():
        print(f"{what:<10} {value}")
    print(flush=True)
    folder = Path(tempfile.mkdtemp(prefix="kolla-iac-bench-"))
    try:
        (folder / "repositories").mkdir()
        found = of_rows(folder / "repositories", wanted.gigabytes)
        found += under_load(folder / "cloud")
        told("a move to another database server, and back")
        found += of_move(folder / "move")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
