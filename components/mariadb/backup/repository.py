"""The restic repository: its snapshots, its errors in words, and what of it is kept."""

import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

from .tools import HERE, WORK, Orders, Trouble, last, version

NO_REPOSITORY, LOCKED, WRONG_PASSWORD = 10, 11, 12
"""restic's exit codes. Source: its manual, "Exit codes"; since 0.17."""

SSH = {
    "Host key verification failed": "the SFTP server shows another host key than backup.target.sftp.host_key; nothing "
    "was sent to it: it is another server, or its owner has a new key",
    "Permission denied (": "the SFTP server lets the user of backup.target.sftp not in with the secret backup_sftp_key",
}
"""What ssh says -> its meaning."""
Snapshot = dict[str, Any]
"""As `restic snapshots --json` gives it."""


def environment(orders: Orders) -> dict[str, str]:
    """restic's environment: neither password nor repository is an argument. Credentials are lines ``NAME=VALUE``."""
    credentials = (HERE / "repository.env").read_text() if (HERE / "repository.env").exists() else ""
    WORK.mkdir(parents=True, exist_ok=True)
    place = WORK / "repository"
    place.touch(mode=0o600)
    place.write_text(orders["repository"])
    return {
        **os.environ,
        **dict(line.split("=", 1) for line in credentials.split() if "=" in line),
        "RESTIC_REPOSITORY_FILE": str(place),
        "RESTIC_PASSWORD_FILE": str(HERE / "repository.password"),
        "RESTIC_CACHE_DIR": str(WORK / "cache"),
        "RESTIC_PROGRESS_FPS": "0",
    }


def restic(orders: Orders, *words: str) -> str:
    """What restic prints.

    Raises:
        Trouble: it fails; says which of the usual reasons it is.
    """
    done = attempt(orders, *words)
    if done.returncode:
        raise Trouble(reason(done.returncode, done.stderr or done.stdout))
    return done.stdout


def attempt(orders: Orders, *words: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("restic") is None:
        raise Trouble(
            "restic is not in this image: `pulumi up` brings one that we build, published ones lack it"
        )
    line = command(orders, *words)
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment(orders))
    if done.returncode and "unable to start the sftp session" in done.stderr:
        done.stderr += why_not(orders)
    return done


def why_not(orders: Orders) -> str:
    """What ssh says, asked anew: restic may end before it has passed that on."""
    (line,) = (one for one in orders["options"] if one.startswith("sftp.command="))
    ssh = line.removeprefix("sftp.command=").split()
    return subprocess.run(ssh, stdin=subprocess.DEVNULL, capture_output=True, check=False).stderr.decode()


def command(orders: Orders, *words: str) -> list[str]:
    """A call of restic."""
    return ["restic", *(word for option in orders["options"] for word in ("-o", option)), *words]


def reason(code: int, said: str) -> str:
    """restic's exit code and words for people.

    >>> reason(12, "Fatal: wrong password or no key found")
    'the repository does not open with the secret backup_repository_password: wrong password or no key found'
    >>> reason(1, "subprocess mariadb-backup: completed OK!\\nFatal: save(x): write /a/b: no space left on device")
    'restic: save(x): no space left on device'
    >>> reason(1, "subprocess python3: schema x was not dumped\\nFatal: command failed: exit status 1")
    'schema x was not dumped'
    """
    told = [plain(line) for line in said.splitlines() if line.strip()]
    own = [line for line in told if not line.startswith("subprocess ")]
    if any(line.startswith("subprocess ") and "completed OK!" in line for line in told):
        told = own
    elif "command failed: exit status" in said and told != own:
        return last("\n".join(line.partition(": ")[2] for line in told if line not in own), 2)
    for words, meaning in SSH.items():
        if words in said:
            return meaning
    words = re.sub(r"write \S+: ", "", last("\n".join(told), 2))
    match code:
        case 10:
            return "there is no repository of backups yet: kolla-iac backup create makes it"
        case 11:
            held = last("\n".join(own), 3)
            return (
                f"the repository is locked: {held}; if nothing works on it any more: kolla-iac backup unlock"
            )
        case 12:
            return f"the repository does not open with the secret backup_repository_password: {words}"
    return f"restic: {words}"


def plain(line: str) -> str:
    """A line of restic's without its form for programs.

    >>> plain('{"message_type":"exit_error","code":1,"message":"Fatal: no space left"}')
    'no space left'
    """
    with contextlib.suppress(ValueError, KeyError, TypeError):
        line = str(json.loads(line)["message"])
    return line.strip().removeprefix("Fatal: ")


def tagged(snapshot: Snapshot, what: str) -> str:
    """The value of a tag ``what:value``; empty where there is none.

    >>> tagged({"tags": ["data", "backup:mariadb-1"]}, "backup")
    'mariadb-1'
    """
    found = [tag for tag in snapshot.get("tags") or () if tag.startswith(f"{what}:")]
    return found[-1].removeprefix(f"{what}:") if found else ""


def every(orders: Orders, *, environments: bool = False) -> list[Snapshot]:
    """All snapshots, those of the newest backups first; of this environment, or of every one."""
    mine = [] if environments else ["--host", orders["environment"]]
    found: list[Snapshot] = json.loads(restic(orders, "snapshots", "--json", "--no-lock", *mine))
    return sorted(found, key=lambda one: tagged(one, "backup"), reverse=True)


def kind(found: list[Snapshot], name: str) -> list[Snapshot]:
    """Those of a kind: ``manifest``, ``data`` or ``logs``."""
    return [one for one in found if name in (one.get("tags") or ())]


def policy(orders: Orders, newest_verified: str) -> list[str]:
    """restic's options for what is kept."""
    words = ["--tag", "manifest", "--host", orders["environment"], "--group-by", "host"]
    for period, count in orders["keep"].items():
        words += [f"--keep-{period}", str(count)] if count else []
    return [*words, "--keep-tag", f"verified:{newest_verified}"] if newest_verified else words


def verified_last(manifests: list[Snapshot]) -> str:
    """When the newest backup that was verified was so; empty where none was."""
    return next((when for one in manifests if (when := tagged(one, "verified"))), "")


def tidy(
    orders: Orders, superfluous: Callable[[list[Snapshot], set[str]], tuple[list[str], list[str]]]
) -> str:
    """What the policy does not keep goes, and what was cut off; what to tell the operator. Never fails a backup.

    Args:
        superfluous: all snapshots and names of the backups that are kept -> which go of those that no backup is made
            of, and which go then too, since others have the same.
    """
    found = every(orders)
    manifests, data = kind(found, "manifest"), kind(found, "data")
    done = attempt(orders, "forget", "--json", *policy(orders, verified_last(manifests)))
    if done.returncode:
        return f"nothing old was removed: {reason(done.returncode, done.stderr)}"
    kept = {tagged(one, "backup") for group in json.loads(done.stdout) for one in group["keep"] or ()}
    gone = [one["id"] for one in data if tagged(one, "backup") not in kept]
    logs, twice = superfluous(found, kept)
    if gone or logs:
        done = attempt(orders, "forget", "--prune", *gone, *logs, *twice)
        if done.returncode:
            return f"what is old is not removed yet: {reason(done.returncode, done.stderr)}"
    return f"{len(kept)} kept, {len(gone)} removed"


def chosen(orders: Orders, name: str, there: list[Snapshot]) -> tuple[Snapshot, dict[str, Any]]:
    """The snapshot of a backup's manifest, and the manifest, which must be of this environment and fit this server.

    Args:
        there: all snapshots of the environment, as of ``every``.
    """
    mine = kind(there, "manifest")
    found = [one for one in mine if name in (tagged(one, "backup"), "newest")]
    if not found:
        everything = kind(every(orders, environments=True), "manifest")
        others = [one for one in everything if tagged(one, "backup") == name]
        if others:
            raise Trouble(
                f"{name} is of the environment {others[0]['hostname']}, not of {orders['environment']}"
            )
        of = ", ".join(sorted({one["hostname"] for one in everything}))
        names = ", ".join(tagged(one, "backup") for one in mine) or (f"only of {of}" if of else "none")
        raise Trouble(f"no backup {name} in the repository; there: {names}")
    folder = found[0]["paths"][0]
    manifest = json.loads(restic(orders, "dump", found[0]["id"], f"{folder}/manifest.json"))
    name = tagged(found[0], "backup")
    if (manifest["backup"], manifest["environment"]) != (name, orders["environment"]):
        of = f"{manifest['backup']} of {manifest['environment']}"
        raise Trouble(f"the manifest of {name} is that of {of}: it was not made with this backup")
    data = [one for one in kind(there, "data") if tagged(one, "backup") == name]
    if [(one["id"], one["tree"]) for one in data] != [tuple(manifest["data"].values())]:
        raise Trouble(f"the manifest of {name} does not belong to its data: one of them was replaced")
    if manifest.get("kind"):
        return found[0], manifest  # statements, which every server reads
    mine_is, made_by = (tuple(map(int, text.split("."))) for text in (version(), manifest["server"]))
    if made_by[:2] != mine_is[:2]:
        age = "newer" if made_by > mine_is else "older"
        raise Trouble(
            f"{name} is of MariaDB {manifest['server']}, {age} than this image's {version()}: set its image"
        )
    return found[0], manifest
