"""What `kolla-iac doctor` asks Keystone: its schema and its keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kolla_iac.components.keystone.settings import SERVICE
from kolla_iac.components.keystone.stages import KEYS
from kolla_iac.model.stage import LABEL_REPLICA
from kolla_iac.runtime.checks import CannotLook, Check, Fact, Finding, Look, NotSeen, Said
from kolla_iac.runtime.containers import Found
from kolla_iac.runtime.execute import CannotRun, call_text

SECONDS = 30.0
ETC = "/etc/keystone"
DAY = 86400.0
Folder = Mapping[str, Any]
"""``mode``, and ``keys``: index -> ``print``, ``mode``, ``written``. See inside.py."""


def ask(found: Found, **request: Any) -> dict[str, Any]:
    """Runs inside.py in a replica."""
    text = Path(__file__).with_name("inside.py").read_text(encoding="utf-8")
    return call_text(found, "keystone-inside", text, request, SECONDS)


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
        seen = ask(one, schema=True)["schema"]
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
        seen: dict[str, dict[str, Folder | None]] = {folder: {} for folder in KEYS}
        replicas = {one.name: one for one in look.running(SERVICE.name)}
        for one in replicas.values():
            try:
                told = ask(one, folders=list(KEYS))["keys"]
            except CannotRun as error:
                yield NotSeen(f"{one.name} on {one.host}", str(error))
                continue
            for folder in KEYS:
                seen[folder][one.name] = told[folder]
        for folder, by_name in seen.items():
            for name, keys in by_name.items():
                yield from sound(folder, keys, replicas[name], look)
            yield from differing(
                folder, {name: keys for name, keys in by_name.items() if keys}, replicas, look
            )
            primaries = {primary(keys) for keys in by_name.values() if keys}
            ages = [age(keys, look) for keys in by_name.values() if keys and keys["keys"]]
            if ages:
                signs = ", ".join(str(one) for one in sorted(primaries))
                yield Fact(f"{folder}: {signs} signs, {max(ages):.0f} d old, in {len(ages)} replicas")
                yield from old(folder, max(ages), look)


def primary(keys: Folder) -> int:
    """The key that signs: the highest index. 0 is the next one, negative ones are still in preparation."""
    return max((int(index) for index in keys["keys"]), default=0)


def age(keys: Folder, look: Look) -> float:
    """Days since the key that signs was written."""
    written: float = keys["keys"][str(primary(keys))]["written"]
    return max(look.now.timestamp() - written, 0) / DAY


def sound(folder: str, keys: Folder | None, one: Found, look: Look) -> Iterator[Finding]:
    """Whether a replica has keys, which nobody but their owner may read."""
    where = f"{one.name} on {one.host}"
    if keys is None or primary(keys) < 1:
        saw = f"{ETC}/{folder} has no key that signs: it can issue nothing"
        yield Finding("error", where, saw, restore(folder, [one], look))
        return
    paths = {f"{ETC}/{folder}": keys["mode"]}
    paths |= {f"{ETC}/{folder}/{index}": key["mode"] for index, key in keys["keys"].items()}
    for path, mode in sorted(paths.items()):
        if mode & 0o077:
            right = "0700" if path == f"{ETC}/{folder}" else "0600"
            mend = permit(path, right, folder, one, look)
            yield Finding("error", where, f"others may read {path} (mode {mode:04o})", mend)


def differing(
    folder: str, by_name: Mapping[str, Folder], replicas: Mapping[str, Found], look: Look
) -> Iterator[Finding]:
    """Whether some replica lacks what the others have, or has another key under the same index.

    What more than half of them have is right; where there is no such set, all are in doubt.
    """
    sets = {name: established(keys) for name, keys in by_name.items()}
    told = list(sets.values())
    if len(set(told)) < 2:
        return
    usual = max(told, key=told.count)
    odd = [name for name in sets if sets[name] != usual or told.count(usual) * 2 <= len(told)]
    indices = sorted({int(index) for one in told for other in told for index, _ in set(one) ^ set(other)})
    keys = ", ".join(map(str, indices))
    saw = f"{ETC}/{folder}: {', '.join(odd)} differ in the keys {keys}; what one signs, others refuse"
    where = ", ".join(dict.fromkeys(replicas[name].host for name in odd))
    mend = restore(folder, [replicas[name] for name in odd], look)
    yield Finding("error", f"{SERVICE.name} on {where}", saw, mend)


def established(keys: Folder) -> tuple[tuple[str, str], ...]:
    """Index and fingerprint of each key that signs or has signed: those that all replicas must have."""
    return tuple(sorted((index, key["print"]) for index, key in keys["keys"].items() if int(index) > 0))


def old(folder: str, days: float, look: Look) -> Iterator[Finding]:
    """Whether the key that signs should be replaced."""
    if days > look.bounds.key_days:
        kind = folder.removesuffix("-keys")
        saw = f"{folder}: the key that signs is {days:.0f} d old"
        mend = f"kolla-iac secrets rotate {look.environment} {kind} && {look.up}"
        yield Finding("warning", SERVICE.name, saw, mend)


def _mount(folder: str, one: Found) -> dict[str, Any] | None:
    """The volume at a key folder; None where the keys lie in the container itself."""
    mounts: list[dict[str, Any]] = one.container.attrs.get("Mounts") or []
    return next((each for each in mounts if each["Destination"] == f"{ETC}/{folder}"), None)


def permit(path: str, mode: str, folder: str, one: Found, look: Look) -> str:
    """What sets a mode: in the replica, or, where it may only read the volume, in a container that may write."""
    mount = _mount(folder, one)
    if mount is None or mount.get("RW"):
        return f"{look.inside(one)} chmod {mode} {path}"
    image = one.container.attrs["Config"]["Image"]
    inside = path.replace(f"{ETC}/{folder}", "/keys", 1)
    options = f"--rm --user root --entrypoint chmod --volume {mount['Name']}:/keys"
    return f"{look.docker(one.host)} run {options} {image} {mode} {inside}"


def restore(folder: str, replicas: Sequence[Found], look: Look) -> str:
    """What brings the keys of the settings back: new containers in place of the replicas, handed over; or, where
    they lie on volumes, the stages that write them."""
    if any(_mount(folder, one) for one in replicas):
        return look.again(f"{SERVICE.name}-*keys*")
    numbers = sorted({one.labels.get(LABEL_REPLICA, "*") for one in replicas})
    return look.again(*(f"{SERVICE.name}-{number}" for number in numbers))
