"""Faults that tests plant in a cloud that stands, each as an operator would meet it, and how they are taken back."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.models.containers import Container

from .support import LABEL, Cloud

NOBODY = 4_194_304
"""A process number that no process has: the kernel gives none above its pid_max."""
PYTHON = "/var/lib/kolla/venv/bin/python3"

_MOUNT = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
words = [word.encode() for word in sys.argv[2:]]
failed = libc.mount(*words, None, 4096, None) if sys.argv[1] == "bind" else libc.umount2(words[0], 2)
sys.exit(ctypes.get_errno() if failed else 0)
"""
_ADMIN = """
import socket, sys
admin = socket.socket(socket.AF_UNIX)
admin.connect("/var/lib/haproxy/admin.sock")
admin.sendall(sys.argv[1].encode() + b"\\n")
assert not admin.recv(1000).strip()
"""


@dataclass(frozen=True)
class Fault:
    """One fault, and the finding that it must lead to."""

    check: str
    saw: str
    """Regular expression, found in ``where: what was seen``."""
    plant: Callable[[Cloud], Any]
    undo: Callable[[Cloud], Any] | None = None
    """None: it is mended by typing what the finding says."""


def inside(container: Container, *words: str, user: str = "root") -> str:
    """A command in a container, which must succeed."""
    done = container.exec_run(list(words), user=user)
    text = str(done.output.decode(errors="replace"))
    assert done.exit_code == 0, f"{words}: {text}"
    return text


def sql(statement: str) -> Callable[[Cloud], Any]:
    """A statement that MariaDB carries out."""
    return lambda cloud: inside(
        cloud.containers("mariadb")[0], "mariadb", "--protocol=socket", "-e", statement
    )


def stray(cloud: Cloud, name: str, script: str, *options: str, **labels: str) -> None:
    """A container with the environment's label that nothing of ours has made."""
    (memcached,) = cloud.containers("memcached", 1)
    about = {LABEL: cloud.name, "kolla_iac.service": "memcached", "kolla_iac.replica": "9"}
    about |= {f"kolla_iac.{key}": value for key, value in labels.items()}
    command = [
        "docker",
        "run",
        "--detach",
        "--stop-signal",
        "KILL",
        "--name",
        f"{cloud.name}-{name}",
        *options,
    ]
    command += [word for key, value in about.items() for word in ("--label", f"{key}={value}")]
    command += ["--entrypoint", "bash", memcached.attrs["Config"]["Image"], "-c", script]
    subprocess.run(command, check=True, capture_output=True)


def keystone(cloud: Cloud, which: int) -> Container:
    return cloud.containers("keystone")[which]


def newest(container: Container, keys: str) -> str:
    """Path of the key that signs; ``keys``: ``fernet`` or ``credential``."""
    folder = f"/etc/keystone/keys/{keys}"
    names = inside(container, "ls", folder).split()
    return f"{folder}/{max(int(name) for name in names if name.lstrip('-').isdigit())}"


def open_a_key(cloud: Cloud) -> None:
    """Others may read it. Replicas cannot write the volume, so it is done beside them."""
    replica = keystone(cloud, 1)
    key = newest(replica, "credential").removeprefix("/etc/keystone")
    line = ["docker", "run", "--rm", "--user", "root", "--volume", f"kolla-{cloud.name}-keystone-keys:/keys"]
    line += ["--entrypoint", "chmod", replica.attrs["Config"]["Image"], "0644", key]
    subprocess.run(line, check=True, capture_output=True)


def _in_mounts_of(container: Container, *words: str) -> None:
    """Mounts or unmounts in one container alone, whatever it shares with others."""
    line = ["nsenter", "--mount", "--target", str(container.attrs["State"]["Pid"])]
    subprocess.run([*line, PYTHON, "-c", _MOUNT, *words], check=True)


def another_key(cloud: Cloud) -> None:
    """One replica signs with a key that the other does not have."""
    replica = keystone(cloud, 0)
    inside(replica, "install", "-m", "0600", "-o", "keystone", "/dev/null", "/tmp/another-key")
    _in_mounts_of(replica, "bind", "/tmp/another-key", newest(replica, "fernet"))


def the_right_key(cloud: Cloud) -> None:
    replica = keystone(cloud, 0)
    _in_mounts_of(replica, "umount", newest(replica, "fernet"))
    inside(replica, "rm", "/tmp/another-key")


def close_a_slot(cloud: Cloud) -> None:
    """In the running worker alone; the other replica serves on."""
    (balancer,) = cloud.containers("loadbalancer")
    slots = json.loads(inside(balancer, "cat", "/var/lib/haproxy/slots.json"))["keystone"]
    slot = next(slot for slot, name in slots.items() if name == keystone(cloud, 0).name)
    inside(balancer, "python3", "-c", _ADMIN, f"set server keystone/{slot} state maint")


def write_a_slot(cloud: Cloud) -> None:
    """In slots.json alone, of a container that is not there."""
    (balancer,) = cloud.containers("loadbalancer")
    change = "import json; f = '/var/lib/haproxy/slots.json'; d = json.load(open(f)); "
    change += "d['keystone']['s7'] = 'keystone-7-gone'; open(f, 'w').write(json.dumps(d))"
    inside(balancer, "python3", "-c", change)


def leave_a_folder(cloud: Cloud) -> None:
    (balancer,) = cloud.containers("loadbalancer")
    inside(balancer, "mkdir", "/var/lib/haproxy/.check-cut")
    inside(balancer, "touch", "-d", "1 hour ago", "/var/lib/haproxy/.check-cut")


def untag(cloud: Cloud) -> None:
    """The image keeps another name, so that nothing has to be built again."""
    image = cloud.containers("memcached", 1)[0].attrs["Config"]["Image"]
    for words in (["tag", image, f"{cloud.name}/aside:1"], ["rmi", "--no-prune", image]):
        subprocess.run(["docker", *words], check=True, capture_output=True)


def tag(cloud: Cloud) -> None:
    image = cloud.containers("memcached", 1)[0].attrs["Config"]["Image"]
    for words in (["tag", f"{cloud.name}/aside:1", image], ["rmi", "--no-prune", f"{cloud.name}/aside:1"]):
        subprocess.run(["docker", *words], check=True, capture_output=True)


def three_replicas(cloud: Cloud) -> None:
    cloud.write({"services": {"keystone": {"replicas": 3}}})


def pend(cloud: Cloud) -> None:
    """As an engine leaves the state that is killed while it creates a container. An import would take it out again."""
    file = cloud.home.data / "state" / ".pulumi" / "stacks" / "kolla-iac" / f"{cloud.name}.json"
    state = json.loads(file.read_text())
    latest = state["checkpoint"]["latest"]
    (one,) = [each for each in latest["resources"] if each["urn"].endswith("Container::memcached-1")]
    cut = {key: value for key, value in one.items() if key not in ("id", "outputs")}
    cut["urn"] = cut["urn"].replace("memcached-1", "memcached-2")
    latest["pending_operations"] = [{"resource": cut, "type": "creating"}]
    file.write_text(json.dumps(state))


def lock(cloud: Cloud, pid: int) -> None:
    """As an engine holds the state while it works."""
    folder = lock_folder(cloud)
    folder.mkdir(parents=True, exist_ok=True)
    machine = Path("/proc/sys/kernel/hostname").read_text().strip()
    held = {"pid": pid, "username": "somebody", "hostname": machine, "timestamp": "2026-05-04T03:00:00Z"}
    (folder / "11111111-2222-3333-4444-555555555555.json").write_text(json.dumps(held))


def lock_folder(cloud: Cloud) -> Path:
    return cloud.home.data / "state" / ".pulumi" / "locks" / "organization" / "kolla-iac" / cloud.name


def unlock(cloud: Cloud) -> None:
    shutil.rmtree(lock_folder(cloud))


def begin_a_stage(cloud: Cloud) -> None:
    """As a stage that was killed leaves the timeline."""
    file = cloud.home.data / "timeline" / f"{cloud.name}.jsonl"
    last = json.loads(file.read_text().splitlines()[-1])
    begun = {key: value for key, value in last.items() if key not in ("end", "error")}
    begun |= {"stage": "keystone-verify", "kind": "verify", "pid": NOBODY, "outcome": "running"}
    begun["start"] = time.time()
    with file.open("a") as stream:
        stream.write(json.dumps(begun) + "\n")


def docker_make(kind: str) -> Callable[[Cloud], Any]:
    """A network or volume with the environment's label."""

    def make(cloud: Cloud) -> None:
        labelled = {"name": f"{cloud.name}-stray", "labels": {LABEL: cloud.name}}
        getattr(cloud.docker, kind).create(**labelled)

    return make


def passphrase(mode: int) -> Callable[[Cloud], Any]:
    return lambda cloud: (cloud.home.data / "passphrase").chmod(mode)


FAULTS = (
    Fault("secrets", r"/passphrase: others may read it \(mode 0644\)", passphrase(0o644)),
    Fault("pending", r"memcached-2 was cut off while creating", pend),
    Fault("leftovers", r"stage keystone-verify: began at .* and never ended", begin_a_stage),
    Fault("leftovers", r"network \S+-stray on local: no state knows it", docker_make("networks")),
    Fault("leftovers", r"volume \S+-stray on local: no state knows it", docker_make("volumes")),
    Fault(
        "leftovers",
        r"-cut on local: the job keystone-expand was cut off and has left it",
        lambda cloud: stray(cloud, "cut", "sleep 300", role="job", stage="keystone-expand"),
    ),
    Fault(
        "leftovers",
        r"-old on local: no state knows it \(running\); keystone-1 is keystone-1-\w+$",
        lambda cloud: stray(
            cloud, "old", "sleep 300", service="keystone", replica="1", role="rolled", release="2025.1"
        ),
    ),
    Fault("containers", r"-old on local: is of 2025\.1; the settings say 2025\.2", lambda _: None),
    Fault("network", r"-old on local: is not on the network kolla-", lambda _: None),
    Fault(
        "containers",
        r"(?s)-looping on local: ends again and again: (exit code 7, )?\d+ restarts.ERROR no such option",
        lambda cloud: stray(cloud, "looping", "echo ERROR no such option; exit 7", "--restart", "always"),
    ),
    Fault(
        "containers",
        r"-hungry on local: was killed for memory at .*; its limit is 16 MiB",
        lambda cloud: stray(
            cloud, "hungry", "v=x; while true; do v=$v$v; done", "--memory=16m", "--memory-swap=16m"
        ),
    ),
    Fault(
        "containers",
        r"-sick on local: its health check fails: no heart",
        lambda cloud: stray(
            cloud,
            "sick",
            "sleep 300",
            *("--health-cmd", "echo no heart; exit 1", "--health-interval", "1s", "--health-retries", "1"),
        ),
    ),
    Fault(
        "containers",
        r"memcached-1 on local: is paused",
        lambda cloud: cloud.containers("memcached", 1)[0].pause(),
    ),
    Fault("containers", r"keystone-3: has no container", three_replicas, lambda cloud: cloud.write()),
    Fault("images", r"image kolla-iac/memcached:\S+ of memcached is not there", untag, tag),
    Fault(
        "slots", r"keystone/s\d: slots\.json says keystone-1-\S+, .* the running worker closed", close_a_slot
    ),
    Fault("slots", r"keystone/s7 holds keystone-7-gone, which is not there", write_a_slot),
    Fault("slots", r"has left /var/lib/haproxy/\.check-cut", leave_a_folder),
    Fault("database", r"mariadb-1 on local: is read-only", sql("SET GLOBAL read_only = ON")),
    Fault("binlog", r"keeps binary logs for ever", sql("SET GLOBAL binlog_expire_logs_seconds = 0")),
    Fault(
        "charset",
        r"schema scratch is latin1",
        sql("CREATE DATABASE scratch CHARACTER SET latin1; CREATE TABLE scratch.note (text TEXT)"),
        sql("DROP DATABASE scratch"),
    ),
    Fault("charset", r"table scratch\.note is latin1", lambda _: None),
    Fault(
        "schema",
        r"its schema is at .*; 2025\.2 expects .* does not know 0123456789ab",
        sql("INSERT INTO keystone.alembic_version VALUES ('0123456789ab')"),
        sql("DELETE FROM keystone.alembic_version WHERE version_num = '0123456789ab'"),
    ),
    Fault("keys", r"others may read /etc/keystone/keys/credential/\d+ \(mode 0644\)", open_a_key),
    Fault("keys", r"fernet keys: keystone-1-\w+, keystone-2-\w+ differ in \d+", another_key, the_right_key),
    Fault("keys", r"the fernet key that signs is \d+ d old", lambda _: None, lambda _: None),
    Fault("disk", r"host local: [\d.]+ GB free for ", lambda _: None, lambda _: None),
    # the last one: with it the engine changes nothing
    Fault("lock", r"process 4194304 of somebody on .*, which has ended", lambda cloud: lock(cloud, NOBODY)),
)
"""Where nothing is planted, an earlier fault or the command's options (see the test) have done it."""
