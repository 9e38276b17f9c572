"""``python -m tests.bench.upgrade``: Keystone from 2025.2 to 2026.1, several ways, under the same load.

Each repetition has an environment of its own (``t-...``), brought up for it and removed after it, also after Ctrl-C.
The ways take turns. What is measured is kept in FILE after each repetition: ``--continue`` does what is missing there.
Beside FILE lies the picture; ``--publish`` writes table and picture into the documentation. Nothing is judged.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.bench.machine import CHECKOUT, lines

from . import figures
from .figures import WAYS, Repetition, missing
from .picture import picture

FILE = CHECKOUT / "build" / "bench-upgrade" / "figures.json"
PAGE = CHECKOUT / "docs" / "explanation" / "upgrades.md"
PICTURE = CHECKOUT / "docs" / "pictures" / "upgrade-ways.svg"
BLOCK = re.compile(r"(<!-- bench-upgrade -->\n).*?(<!-- end of bench-upgrade -->\n)", re.DOTALL)
LOAD = (
    "20 requests/s, half issue and half validate a token, a slow request always on its way; "
    "password hashing rounds 4"
)


def main(arguments: list[str]) -> int:
    """0 whatever the figures are."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.upgrade", description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="repetitions of each way (3)")
    parser.add_argument("--way", action="append", choices=list(WAYS), help="only this one; repeatable")
    parser.add_argument("--continue", dest="go_on", action="store_true", help="only what FILE has not yet")
    parser.add_argument("--file", type=Path, default=FILE, help="where the figures are kept")
    parser.add_argument("--publish", action="store_true", help="write them into the documentation")
    wanted = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    about, done = _kept(wanted.file) if wanted.go_on else ([], [])
    about = about or [*lines(), ("requests", LOAD)]
    for what, value in about:
        print(f"{what:<10} {value}")
    print(flush=True)
    todo = missing(done, wanted.way or list(WAYS), wanted.repeat)
    try:
        for number, way in enumerate(todo, 1):
            print(f"{number} of {len(todo)}: {WAYS[way]}", file=sys.stderr, flush=True)
            from .ways import measure

            done.append(measure(way))
            _keep(wanted.file, about, done)
    except KeyboardInterrupt:
        print("interrupted; its environment is removed, what was measured is kept", file=sys.stderr)
        return 130
    if done:
        print(figures.table(done))
        print(f"\n{figures.METHOD}\nkept in {wanted.file}")
    if wanted.publish:
        _publish(about, done)
    return 0


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _kept(file: Path) -> tuple[list[tuple[str, str]], list[Repetition]]:
    if not file.exists():
        return [], []
    data = json.loads(file.read_text(encoding="utf-8"))
    return [(what, value) for what, value in data["about"]], [
        Repetition(**one) for one in data["repetitions"]
    ]


def _keep(file: Path, about: list[tuple[str, str]], done: list[Repetition]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    data = {"about": about, "method": figures.METHOD, "repetitions": [asdict(one) for one in done]}
    file.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    file.with_suffix(".svg").write_text(picture(done, _line(about)), encoding="utf-8")


def _line(about: list[tuple[str, str]]) -> str:
    known = dict(about)
    machine = known["machine"].partition(",")[0]
    return f"20 requests/s; {machine}, Docker {known['Docker']}, engine {known['engine']}; dots: single repetitions"


def _publish(about: list[tuple[str, str]], done: list[Repetition]) -> None:
    """The page's block and its picture."""
    PICTURE.write_text(picture(done, _line(about)), encoding="utf-8")
    known = dict(about)
    words = (
        f"Taken {max(one.at for one in done)} UTC at commit {known['commit']}: {known['machine']}; Docker "
        f"{known['Docker']}, engine {known['engine']}, plugins: {known['plugins']}; {known['requests']}."
    )
    shown = f"![the ways beside each other](../pictures/{PICTURE.name})"
    body = f"{words}\n\n{shown}\n\n{figures.markdown(done)}\n{figures.METHOD}\n"
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(BLOCK.sub(lambda found: found[1] + body + found[2], page), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
