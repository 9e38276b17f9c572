"""Brings Keystone's key folders to what the settings hold; there is no moment in which a key in use cannot be read.

Runs as ``keys.py PHASE`` inside Keystone's image, in a stage of its own, on the volume that all replicas of a host
read. Keystone reads its keys from disk at every use: the highest number signs, all of them are accepted. Reads
/etc/kolla-iac/keys.json: folder -> number -> key. A number is the time when the key was made, in seconds since 1970;
those below 1,000,000,000 come from elsewhere.

stage    makes what is missing readable: key 7 is written as -7, below every key that signs
promote  writes key 7 as 7, once it can be read everywhere
tidy     takes out what the settings no longer hold, once its successor has signed here for as long as there

A number that stands for another key on disk than in the settings ends the phase before anything is changed.
"""

import json
import os
import pathlib
import shutil
import sys
import time

USER = "keystone"
TIMES_FROM = 1_000_000_000
SPARE = 86_400
"""Seconds for which the settings hold a key beyond its need. Source: kolla_iac.model.rotation."""


def numbers(folder: pathlib.Path) -> list[int]:
    """What Keystone would read, in ascending order."""
    found = []
    for path in folder.iterdir():
        try:
            found.append(int(path.name))
        except ValueError:
            continue
    return sorted(found)


def write(path: pathlib.Path, key: str) -> None:
    """The whole file or none. Written beside the folder: Keystone opens everything in it, whatever its name."""
    partial = path.parent.with_name(f".{path.parent.name}.partial")
    partial.touch(mode=0o600)
    shutil.chown(partial, USER, USER)
    with partial.open("w") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)


def check(folder: pathlib.Path, keys: dict[int, str]) -> None:
    for number, key in keys.items():
        for name in (number, -number):
            path = folder / str(name)
            if path.exists() and path.read_text().strip() != key:
                sys.exit(
                    f"{path} is another key than the settings hold under {number}: the volume was filled from other "
                    "settings. Put those back (the last that were deployed: pulumi config refresh), then go on."
                )


def stage(folder: pathlib.Path, keys: dict[int, str]) -> str:
    missing = [number for number in keys if number not in numbers(folder)]
    for number in missing:
        write(folder / str(-number or "-0"), keys[number])
    return f"{len(missing)} new: readable, signing nothing yet" if missing else "nothing new"


def promote(folder: pathlib.Path, keys: dict[int, str]) -> str:
    missing = sorted(number for number in keys if number not in numbers(folder))
    for number in missing:
        write(folder / str(number), keys[number])
    signs = numbers(folder)[-1]
    beyond = "" if signs == max(keys) else ", a newer one than the settings hold: it stays"
    return f"{signs} signs{beyond}; {len(keys)} are read"


def tidy(folder: pathlib.Path, keys: dict[int, str]) -> str:
    newest = max(keys)
    there = [number for number in numbers(folder) if number >= 0]
    said = []
    for path in folder.glob("-*"):
        if (folder / path.name[1:]).exists():
            path.unlink()
    for number in there:
        if number in keys or number > newest:
            continue
        # the settings dropped it when they got their newest key, a day after its need was over; it signed until its
        # successor was promoted here, which may have been later than there
        after = min((other for other in there if other > number and other >= TIMES_FROM), default=newest)
        until = (folder / str(after)).stat().st_mtime + newest - after - SPARE
        if until > time.time():
            said.append(f"{number} stays until {time.strftime('%Y-%m-%d %H:%M', time.gmtime(until))} UTC")
        else:
            (folder / str(number)).unlink()
            said.append(f"{number} goes")
    return ", ".join(said) or "nothing to take out"


def main(phase: str) -> None:
    wanted: dict[str, dict[str, str]] = json.loads(pathlib.Path("/etc/kolla-iac/keys.json").read_text())
    folders = [
        (pathlib.Path(folder), {int(number): key for number, key in each.items()})
        for folder, each in wanted.items()
    ]
    for folder, keys in folders:
        folder.mkdir(mode=0o700, exist_ok=True)
        shutil.chown(folder, USER, USER)
        check(folder, keys)
    for folder, keys in folders:
        print(f"note: {folder.name}: {PHASES[phase](folder, keys)}")


PHASES = {"stage": stage, "promote": promote, "tidy": tidy}

if __name__ == "__main__":
    main(sys.argv[1])
