"""Who listens on a port of this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path

LISTENS = "0A"
"""State of a listening socket in /proc/net/tcp. Source: proc(5)."""
EVERYWHERE = ("0.0.0.0", "::")


def named(holders: Iterable[tuple[int, str]]) -> str:
    """Processes for people.

    >>> named([(812, "nginx")])
    'nginx (process 812)'
    """
    return ", ".join(f"{name} (process {pid})" if pid else name for pid, name in holders)


def is_here(address: str) -> bool:
    """Whether an address is this machine's.

    >>> is_here("127.0.0.1"), is_here("192.0.2.1")
    (True, False)
    """
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def listening(address: str, port: int, proc: Path = Path("/proc")) -> list[tuple[int, str]]:
    """Processes of this machine that listen on a port, at this address or at all: number and name.

    A listener of another user, or of another process namespace, is ``(0, "a process that cannot be seen")``.
    """
    inodes = {
        inode for table in ("tcp", "tcp6") for inode in listeners(_text(proc / "net" / table), address, port)
    }
    found = [holder for folder in proc.glob("[0-9]*") if (holder := _holder(folder, inodes))]
    return sorted(found) or ([(0, "a process that cannot be seen from here")] if inodes else [])


def listeners(table: str, address: str, port: int) -> list[str]:
    """Inodes of the sockets that listen there, in the text of /proc/net/tcp or tcp6.

    >>> row = "0: 0100007F:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1"
    >>> listeners("head\\n" + row, "127.0.0.1", 5000), listeners("head\\n" + row, "127.0.0.1", 5001)
    (['4711'], [])
    """
    found = []
    for line in table.splitlines()[1:]:
        row = line.split()
        here, _, there = row[1].partition(":")
        if row[3] == LISTENS and int(there, 16) == port and _address(here) in (address, *EVERYWHERE):
            found.append(row[9])
    return found


def _address(text: str) -> str:
    """An address as the kernel writes it: words of four bytes, each in the machine's order."""
    words = [bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8)]
    raw = b"".join(words)
    if len(raw) == 4:
        return socket.inet_ntop(socket.AF_INET, raw)
    plain = socket.inet_ntop(socket.AF_INET6, raw)
    return plain.removeprefix("::ffff:") if "." in plain else plain


def _holder(folder: Path, inodes: Iterable[str]) -> tuple[int, str] | None:
    wanted = {f"socket:[{inode}]" for inode in inodes}
    try:
        for link in (folder / "fd").iterdir():
            if str(link.readlink()) in wanted:
                return int(folder.name), (folder / "comm").read_text().strip()
    except OSError:
        pass  # it has ended, or is another user's
    return None


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
