"""A backup's data directory, unpacked and prepared, and a server on it that nobody else reaches."""

import contextlib
import pathlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from .repository import command, environment, reason
from .tools import WORK, Orders, Trouble, last, run

STREAM = "mariadb.mbstream"
SPARE = 256 * 2**20
"""Bytes that must stay free beside a restored data directory."""
START_SECONDS = 120
STOP_SECONDS = 600


def unpack(orders: Orders, manifest: dict[str, Any], folder: pathlib.Path) -> None:
    """The data directory of a backup, as it was when the backup ended, owned by mysql."""
    needed, free = manifest["bytes"] + SPARE, shutil.disk_usage(folder).free
    if free < needed:
        raise Trouble(f"{free / 1e6:.0f} MB are free for the data, {needed / 1e6:.0f} are needed")
    line = command(orders, "dump", manifest["data"]["snapshot"], f"/{STREAM}")
    with (WORK / "said").open("w+") as said:
        source = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=said, env=environment(orders))
        assert source.stdout is not None
        taken = subprocess.run(
            ["mbstream", "-x", "-C", str(folder)],
            stdin=source.stdout,
            capture_output=True,
            text=True,
            check=False,
        )
        source.stdout.close()
        code = source.wait()
        said.seek(0)
        if code > 0:
            raise Trouble(f"{manifest['backup']} is damaged in the repository: {reason(code, said.read())}")
        if taken.returncode or code:
            raise Trouble(f"{manifest['backup']} cannot be unpacked: {last(taken.stderr)}")
    run(["mariadb-backup", "--prepare", f"--target-dir={folder}"])
    # mariadb-backup leaves it out; by it a server is known whose data a newer one wrote
    (folder / "mariadb_upgrade_info").write_text(f"{manifest['server']}-MariaDB")
    run(["chown", "-R", "mysql:mysql", str(folder)])


@contextlib.contextmanager
def server(data: pathlib.Path, *, lasting: bool = False) -> Iterator[list[str]]:
    """A server on a restored data directory, that nobody reaches over a network and nobody need log in to.

    Args:
        lasting: whether it ends in good order, so that the directory is whole afterwards.
    """
    socket, log = data / "socket", WORK / "log"
    WORK.chmod(0o711)
    log.touch()
    shutil.chown(log, "mysql", "mysql")
    base = ["mariadbd", f"--defaults-file={data / 'backup-my.cnf'}", "--user=mysql", f"--datadir={data}"]
    quick = [
        "--skip-networking",
        "--skip-grant-tables",
        "--skip-log-bin",
        "--innodb-flush-log-at-trx-commit=0",
    ]
    quick += [f"--pid-file={data / 'pid'}", f"--socket={socket}", f"--log-error={log}"]
    quick += ["--max-allowed-packet=1G"]
    process = subprocess.Popen([*base, *quick], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    query = ["mariadb", "--no-defaults", f"--socket={socket}", "-N", "-B"]
    try:
        end = time.monotonic() + START_SECONDS
        while subprocess.run([*query, "-e", "SELECT 1"], capture_output=True, check=False).returncode:
            if process.poll() is not None or time.monotonic() > end:
                raise Trouble(f"a server does not start on what was restored: {last(log.read_text())}")
            time.sleep(0.1)
        yield query
        if lasting:
            process.terminate()
            if process.wait(STOP_SECONDS):
                raise Trouble(f"the server on what was restored does not end: {last(log.read_text())}")
    finally:
        process.kill()
        process.wait()
