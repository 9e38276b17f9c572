"""What every backup is made of: a lock, an open repository, a manifest that makes it good."""

import contextlib
import datetime
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .repository import NO_REPOSITORY, Snapshot, attempt, reason, restic
from .tools import FORM, HERE, WORK, Orders, Trouble, last


@contextlib.contextmanager
def alone(query: list[str]) -> Iterator[None]:
    """The only backup of this server: a lock in the server, which goes with its holder."""
    line = [*query, "--unbuffered"]
    with subprocess.Popen(
        line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as client:
        assert client.stdin and client.stdout and client.stderr
        try:
            with contextlib.suppress(BrokenPipeError):
                client.stdin.write("SELECT GET_LOCK('kolla-iac backup', 0);\n")
                client.stdin.flush()
            answer = client.stdout.readline().strip()
            if answer == "0":
                raise Trouble("another backup of this server is being made; nothing was touched")
            if answer != "1":
                raise Trouble(f"the server is not reached: {last(client.stderr.read())}")
            yield
        finally:
            client.kill()


def opened(orders: Orders) -> Iterator[str]:
    """The repository, made where there is none; what to tell the operator."""
    done = attempt(orders, "unlock")  # of locks, those whose holder is gone
    if done.returncode == NO_REPOSITORY:
        restic(orders, "init")
        yield "a new repository of backups was made"
    elif done.returncode:
        raise Trouble(reason(done.returncode, done.stderr))


@dataclass(frozen=True)
class Streamed:
    """What was stored of a command's output."""

    summary: dict[str, Any]
    """restic's own."""
    said: str
    """What the command said beside it."""


class Backup:
    """One that is being made: its name, and its two snapshots."""

    def __init__(self, orders: Orders, kind: str) -> None:
        """
        Args:
            kind: what its name begins with.
        """
        self.orders = orders
        self.made = datetime.datetime.now(datetime.UTC)
        self.name = f"{kind}-{self.made:{FORM}}"
        self._common = ["--json", "--host", orders["environment"], "--tag", f"backup:{self.name}"]

    def stream(self, file: str, command: list[str]) -> Streamed:
        """The data: what a command prints, which must succeed."""
        words = ["--tag", "data", "--stdin-filename", file, "--stdin-from-command", "--"]
        done = attempt(self.orders, "backup", *self._common, *words, *command)
        if done.returncode:
            raise Trouble(f"no backup was made: {reason(done.returncode, done.stderr)}")
        return Streamed(json.loads(done.stdout.splitlines()[-1]), done.stderr)

    def seal(
        self, streamed: Streamed, found: list[Snapshot], manifest: dict[str, Any], tags: list[str]
    ) -> dict[str, Any]:
        """The manifest, by which it is good from now on, with what lies in /etc/kolla-iac/cloud; the whole of it.

        Args:
            found: all snapshots, that of the data among them.
            manifest: what this kind of backup has to say.
        """
        (stored,) = (one for one in found if one["id"] == streamed.summary["snapshot_id"])
        whole = {
            "backup": self.name,
            "environment": self.orders["environment"],
            "release": self.orders["release"],
            "made": self.made.isoformat(timespec="seconds"),
            "bytes": streamed.summary["total_bytes_processed"],
            "added": streamed.summary["data_added_packed"],
            "data": {"snapshot": stored["id"], "tree": stored["tree"]},
            **manifest,
        }
        folder = WORK / "manifest"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        if (HERE / "cloud").is_dir():
            shutil.copytree(HERE / "cloud", folder, dirs_exist_ok=True)
        (folder / "manifest.json").write_text(json.dumps(whole, indent=1))
        words = ",".join(["manifest", f"release:{self.orders['release']}", *tags])
        restic(self.orders, "backup", *self._common, "--tag", words, str(folder))
        return whole


def told(manifest: dict[str, Any]) -> str:
    """A new backup in a line, without how long it took."""
    rows = sum(table["rows"][1] for table in manifest["tables"].values())
    size = f"{manifest['bytes'] / 1e6:.1f} MB, {manifest['added'] / 1e6:.1f} MB of it new"
    return f"backup {manifest['backup']}: {len(manifest['tables'])} tables, {rows} rows, {size}"
