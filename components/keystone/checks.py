"""What `kolla-iac doctor` asks Keystone: its schema and its keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kolla_iac.components.keystone.settings import SERVICE
from kolla_iac.model.stage import LABEL_REPLICA
from kolla_iac.runtime.checks import CannotLook, Check, Fact, Finding, Look, NotSeen, Said
from kolla_iac.runtime.containers import Found
from kolla_iac.runtime.execute import CannotRun, call_text

SECONDS = 30.0
DAY = 86400.0
Folder = Mapping[str, Any]
"""``path``, ``mode``, and ``keys``: index -> ``print``, ``mode``, ``written``. See inside.py."""


def ask(found: Found, what: str) -> dict[str, Any]:
    """Runs inside.py in a replica, which looks at its ``keys`` or its ``schema``."""
    text = Path(__file__).with_name("inside.py").read_text(encoding="utf-8")
    return call_text(found, "keystone-inside", text, {"look": what}, SECONDS)


class Schema(Check):
    """Whether the schema is at the revisions that the release's code expects. Source: keystone's *_HEAD files."""

    name = "schema"
    title = "Keystone's schema is the release's"

    def run(self, look: Look) -> Iterator[Said]:
        wanted = look.settings.release
        replicas = [one for one in look.running(SERVICE.name) if one.release == wanted]
        if not replicas:
            raise CannotLook(f"no container of {SERVICE.name} of {wanted} runs")
        one = replicas[0]
        seen = ask(one, "schema")
        if "trouble" in seen:
            raise CannotLook(f"{one.name} cannot see its schema", {"saw": seen["trouble"]})
        if not seen["wanted"]:
            raise CannotLook(f"{one.name} does not say which revisions its code expects")
        if seen["seen"] == seen["wanted"]:
            yield Fact(f"{wanted} and schema at {', '.join(seen['seen'])}")
            return
        there, right = (", ".join(seen[which]) or "nothing" for which in ("seen", "wanted"))
        saw = f"its schema is at {there}; {wanted} expects {right}"
        mend = look.again("keystone-expand", "keystone-contract")
        if unknown := set(seen["seen"]) - set(seen["known"]):
            saw += f" and does not know {', '.join(sorted(unknown))}: a newer release made it"
            mend = look.set("the release that made it")
        yield Finding("error", f"{SERVICE.name} {wanted}", saw, mend)


class Keys(Check):
    """Whether all replicas have the same keys, for Keystone alone, and the key that signs is not too old."""

    name = "keys"
    title = "replicas have the same keys, unreadable for others, not too old"

    def run(self, look: Look) -> Iterator[Said]:
        replicas = {one.name: one for one in look.running(SERVICE.name)}
        seen: dict[str, dict[str, Folder]] = {}
        for one in replicas.values():
            try:
                told = ask(one, "keys")
            except CannotRun as error:
                yield NotSeen(f"{one.name} on {one.host}", str(error))
                continue
            for kind, folder in told.items():
                seen.setdefault(kind, {})[one.name] = folder
        for kind, by_name in seen.items():
            for name, folder in by_name.items():
                yield from sound(folder, replicas[name], look)
            signing = {name: folder for name, folder in by_name.items() if primary(folder) > 0}
            yield from differing(kind, signing, replicas, look)
            if signing:
                oldest = max(age(folder, look) for folder in signing.values())
                signs = ", ".join(
                    str(one) for one in sorted({primary(folder) for folder in signing.values()})
                )
                yield Fact(f"{kind}: {signs} signs, {oldest:.0f} d old, in {len(signing)} replicas")
                yield from old(kind, oldest, look)


def primary(folder: Folder) -> int:
    """The key that signs: the highest index. 0 is the next one, negative ones are still in preparation."""
    return max((int(index) for index in folder["keys"]), default=0)


def age(folder: Folder, look: Look) -> float:
    """Days since the key that signs was written."""
    written: float = folder["keys"][str(primary(folder))]["written"]
    return max(look.now.timestamp() - written, 0) / DAY


def sound(folder: Folder, one: Found, look: Look) -> Iterator[Finding]:
    """Whether a replica has keys, which nobody but their owner may read."""
    where, path = f"{one.name} on {one.host}", folder["path"]
    if primary(folder) < 1:
        saw = f"{path} has no key that signs: it can issue nothing"
        yield Finding("error", where, saw, restore(path, [one], look))
        return
    modes = {path: folder["mode"]} | {f"{path}/{index}": key["mode"] for index, key in folder["keys"].items()}
    for file, mode in sorted(modes.items()):
        if mode & 0o077:
            saw = f"others may read {file} (mode {mode:04o})"
            mend = as_root(f"chmod {'0700' if file == path else '0600'}", file, one, look)
            yield Finding("error", where, saw, mend)


def differing(
    kind: str, by_name: Mapping[str, Folder], replicas: Mapping[str, Found], look: Look
) -> Iterator[Finding]:
    """Whether some replica lacks what the others have, or has another key under the same index.

    What more than half of them have is right; where there is no such set, all are in doubt.
    """
    sets = {name: established(folder) for name, folder in by_name.items()}
    told = list(sets.values())
    if len(set(told)) < 2:
        return
    usual = max(told, key=told.count)
    odd = [name for name in sets if sets[name] != usual or told.count(usual) * 2 <= len(told)]
    indices = sorted({int(index) for one in told for other in told for index, _ in set(one) ^ set(other)})
    keys = ", ".join(map(str, indices))
    saw = f"{kind} keys: {', '.join(odd)} differ in {keys}; what one signs, others refuse"
    where = ", ".join(dict.fromkeys(replicas[name].host for name in odd))
    mend = restore(by_name[odd[0]]["path"], [replicas[name] for name in odd], look)
    yield Finding("error", f"{SERVICE.name} on {where}", saw, mend)


def established(folder: Folder) -> tuple[tuple[str, str], ...]:
    """Index and fingerprint of each key that signs or has signed: those that all replicas must have."""
    return tuple(sorted((index, key["print"]) for index, key in folder["keys"].items() if int(index) > 0))


def old(kind: str, days: float, look: Look) -> Iterator[Finding]:
    """Whether the key that signs should be replaced."""
    if days > look.bounds.key_days:
        saw = f"the {kind} key that signs is {days:.0f} d old"
        mend = f"kolla-iac secrets rotate {look.environment} {kind} && {look.up}"
        yield Finding("warning", SERVICE.name, saw, mend)


def _mount(path: str, one: Found) -> dict[str, Any] | None:
    """The volume that holds a path; None where it lies in the container itself."""
    mounts: list[dict[str, Any]] = one.container.attrs.get("Mounts") or []
    return next((each for each in mounts if Path(path).is_relative_to(each["Destination"])), None)


def as_root(command: str, path: str, one: Found, look: Look) -> str:
    """A command on a file of a replica: in it, or, where it may only read the volume, in a container that may write."""
    mount = _mount(path, one)
    if mount is None or mount.get("RW"):
        return f"{look.inside(one)} {command} {path}"
    program, _, options = command.partition(" ")
    image = one.container.attrs["Config"]["Image"]
    there = Path("/keys") / Path(path).relative_to(mount["Destination"])
    line = f"run --rm --user root --entrypoint {program} --volume {mount['Name']}:/keys"
    return f"{look.docker(one.host)} {line} {image} {options} {there}"


def restore(path: str, replicas: Sequence[Found], look: Look) -> str:
    """What brings the keys of the settings back: where they lie on volumes, the stages that write them, which refuse
    to go over a key that is another than the settings', and name it; else new containers in place of the replicas."""
    if any(_mount(path, one) for one in replicas):
        return look.again(f"{SERVICE.name}-keys-staged", f"{SERVICE.name}-keys-promoted")
    numbers = sorted({one.labels.get(LABEL_REPLICA, "*") for one in replicas})
    return look.again(*(f"{SERVICE.name}-{number}" for number in numbers))
