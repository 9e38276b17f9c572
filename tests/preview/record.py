"""``python -m tests.preview.record``: records previews of real situations from the real engine, anew.

Brings up an environment of its own on this machine, changes it, and keeps what `pulumi preview --json` printed each
time in tests/preview/recorded. What differs from machine to machine is taken out: places, outputs, ids, ports.
About six minutes. `python -m tests.preview.expected` then writes what is expected of them; look at the difference.
"""

from __future__ import annotations

import json
import re
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kolla_iac.model.present import said
from tests.cloud.support import Cloud, Home, merged, override

RECORDED = Path(__file__).parent / "recorded"
NEW = {"release": "2026.1"}
NAMES = {
    "stackTrace",
    "sourcePosition",
    "propertyDependencies",
    "outputs",
    "replaceOnChanges",
    "resourceHooks",
}
"""Of a state: what a report does not read; but for what stages said of images that are there."""


def main() -> None:
    """Records every situation."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        cloud = Cloud(home, "t-recorded")
        cloud.remove()
        cloud = Cloud(home, "t-recorded")
        try:
            _record(cloud)
        finally:
            cloud.remove()


def _record(cloud: Cloud) -> None:
    cloud.make()
    keep(cloud, "first-deployment")
    streamed(cloud, "first-deployment-events")
    cloud.up()
    keep(cloud, "nothing")
    keep(cloud, "override", override("token", expiration=7200))
    keep(cloud, "scale-up", {"services": {"keystone": {"replicas": 3}}})
    keep(cloud, "scale-down", {"services": {"keystone": {"replicas": 1}}})
    keep(cloud, "database-memory", {"services": {"mariadb": {"buffer_pool": 256}}})
    keep(cloud, "image", {"services": {"keystone": {"image": "registry.example/keystone:2025.2"}}})
    keep(cloud, "upgrade", NEW)
    keep(cloud, "upgrade-held", merged(NEW, {"upgrade": {"contract": "manual"}}))
    keep(cloud, "upgrade-without-backup", merged(NEW, {"backup": {"before_upgrade": "never"}}))
    streamed(cloud, "upgrade-events", NEW)
    keep(cloud, "move", {"services": {"database": {"external": {"host": "db.example"}, "move": True}}})
    keep(cloud, "wrong-setting", {"services": {"keystone": {"replicas": 0}}})
    cloud.write()
    settings = cloud.file.read_text()
    cloud.home.run("kolla-iac", "secrets", "rotate", cloud.name, "fernet", "keystone_admin_password")
    keep(cloud, "rotation")
    cloud.file.write_text(settings)
    with program(cloud, "raise RuntimeError('a mistake in the program')\n"):
        keep(cloud, "program-error")
    cloud.containers("memcached")[0].remove(force=True)
    keep(cloud, "drift", words=("preview", "--refresh"))
    cloud.up(None, "--refresh")
    running = cloud.start(NEW)
    running.until(running.says(r"keystone-1-handover updated"))
    running.end(signal.SIGINT, group=True)
    keep(cloud, "upgrade-half-done", NEW)
    keep(cloud, "going-back")
    cloud.up(NEW)
    keep(cloud, "down-after-contract")
    cloud.write(NEW)
    with program(cloud, "cloud_of_this_stack()\n"):
        keep(cloud, "volumes-go-protected", NEW)
        cloud.pulumi("state", "unprotect", "--all", "--yes")
        keep(cloud, "volumes-go", NEW)
    keep(cloud, "destroy", NEW, words=("destroy", "--preview-only"))


@contextmanager
def program(cloud: Cloud, text: str) -> Iterator[None]:
    """Another program than the checkout's: what follows its import."""
    settings = cloud.home.project / "Pulumi.yaml"
    usual = settings.read_text()
    head = "from kolla_iac.resources.program import cloud_of_this_stack\n\n"
    (cloud.home.project / "stacks" / "__main__.py").write_text(head + text)
    settings.write_text(re.sub(r"(?m)^main: .*$", "main: stacks", usual))
    try:
        yield
    finally:
        settings.write_text(usual)


def keep(
    cloud: Cloud, name: str, change: Mapping[str, Any] | None = None, words: tuple[str, ...] = ("preview",)
) -> None:
    """Records the preview of a change."""
    if change is not None or words == ("preview",):
        cloud.write(change)
    text = cloud.pulumi(*words, "--json", fails=None).text
    data, _ = json.JSONDecoder().raw_decode(text[text.index("{") :])
    data["steps"] = [tidied(step) for step in data.get("steps", [])]
    data["duration"] = 3_000_000_000
    data.pop("config", None)
    _write(cloud, name, json.dumps(data, indent=1))


def streamed(cloud: Cloud, name: str, change: Mapping[str, Any] | None = None) -> None:
    """Records the engine's events of the preview of a change."""
    cloud.write(change)
    text = cloud.pulumi("preview", "--json", env={"PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"}).text
    events = []
    for line in text.splitlines():
        if line.startswith("{"):
            event = json.loads(line)
            event["timestamp"] = 1_795_000_000
            if "resourcePreEvent" in event or "summaryEvent" in event:
                if "resourcePreEvent" in event:
                    event["resourcePreEvent"]["metadata"] = tidied(event["resourcePreEvent"]["metadata"])
                else:
                    event["summaryEvent"]["durationSeconds"] = 3
                events.append(json.dumps(event))
    _write(cloud, name, "\n".join(events))


def tidied(step: dict[str, Any]) -> dict[str, Any]:
    """A step without what no report reads; of one that changes nothing, only what its service is known by."""
    states = [key for key in ("oldState", "newState", "old", "new") if isinstance(step.get(key), dict)]
    for key in states:
        state = {name: value for name, value in step[key].items() if name not in NAMES}
        if state.get("inputs", {}).get("environment", {}).get("STAGE") == "images":
            printed = str((step[key].get("outputs") or {}).get("stdout", ""))
            lines = [f"{one.reference}  400 MB  is there" for one in said(printed)]
            state |= {"outputs": {"stdout": "\n".join(lines)}} if lines else {}
        if step["op"] == "same" and "topology" not in state.get("inputs", {}):
            state.pop("inputs", None)
        step[key] = state
    return step


def _write(cloud: Cloud, name: str, text: str) -> None:
    for secret, put in (
        (str(cloud.home.project), "/project"),
        (str(cloud.home.data), "/data"),
        (str(cloud.port), "5000"),
    ):
        text = text.replace(secret, put)
    text = re.sub(r"\b[0-9a-f]{64}\b", "0" * 64, text)
    text = re.sub(r"(kolla-t-recorded|keystone-\d)-[0-9a-f]{7}\b", r"\1-0000000", text)
    (RECORDED / f"{name}.json").write_text(text + "\n")
    print(f"recorded {name}: {len(text) // 1024} KiB")


if __name__ == "__main__":
    main()
