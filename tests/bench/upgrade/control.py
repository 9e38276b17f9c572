"""Kolla's order: an environment of ours turned into what kolla-ansible would have made, and upgraded as it does.

Read from kolla-ansible's repository (docs/explanation/upgrades.md says which file gave what). Not in it is what
Ansible itself takes, so that the control is faster and cheaper than the real thing. HAProxy listens on the sockets of
our entrance, which changes nothing while it is not replaced.

A *host* is a container that does nothing and owns a network namespace: Keystone's container joins it, as on a host
whose network it uses, so that its address stays when it is recreated and its port refuses connections meanwhile.

``python -m tests.bench.upgrade.control FILE`` carries out the upgrade that FILE orders.
"""

from __future__ import annotations

import io
import json
import sys
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container
from docker.types import Healthcheck

from kolla_iac.render.haproxy import global_config
from tests.cloud.support import LABEL, Cloud
from tests.waiting import eventually

NAME = "keystone"
GRACEFUL = 60
"""`docker_graceful_timeout`: seconds between SIGTERM and SIGKILL."""
SECOND = 1_000_000_000
CONFIG_FILES = "/var/lib/kolla/config_files"

HAPROXY = """\
defaults
    log global
    option redispatch
    retries 3
    timeout http-request 10s
    timeout http-keep-alive 10s
    timeout queue 1m
    timeout connect 10s
    timeout client 1m
    timeout server 1m
    timeout check 10s
    balance roundrobin

frontend keystone_external_front
    mode http
    http-request del-header X-Forwarded-Proto
    option httplog
    option forwardfor
    http-request set-header X-Forwarded-Proto https if { ssl_fc }
    bind "${BIND_5000-:5000}"
    default_backend keystone_external_back

backend keystone_external_back
    mode http
    balance roundrobin
    option httpchk
"""
SERVER = "    server {name} {address}:5000 check inter 2000 rise 2 fall 5\n"

_CHECKS = """
import csv, io, json, socket
admin = socket.socket(socket.AF_UNIX)
admin.connect("/var/lib/haproxy/admin.sock")
admin.sendall(b"show stat\\n")
table = b"".join(iter(lambda: admin.recv(65536), b"")).decode().lstrip("# ")
rows = [row for row in csv.DictReader(io.StringIO(table)) if row["svname"].startswith("host")]
print(json.dumps([row["status"] for row in rows if row["check_status"].endswith("L7OK")]))
"""


@dataclass(frozen=True)
class Orders:
    """What the upgrade needs to know."""

    environment: str
    image: str
    """Of the new release."""
    volumes: tuple[str, ...]
    hosts: tuple[str, ...]
    """Names of the containers that stand for hosts."""


def prepare(cloud: Cloud, replicas: int, image: str, folder: Path) -> Orders:
    """Takes our replicas and the load balancer's configuration away and sets up Kolla's, on the old release."""
    own = cloud.containers("keystone")
    old = str(own[0].attrs["Config"]["Image"])
    network = next(iter(own[0].attrs["NetworkSettings"]["Networks"]))
    config = folder / "config_files"
    _copy(own[0], config)
    volumes = (
        f"{config}:{CONFIG_FILES}:ro",
        f"kolla-{cloud.name}-keystone-keys:/etc/keystone/keys:ro",
    )
    hosts = [
        cloud.docker.containers.run(
            old,
            ["infinity"],
            entrypoint=["sleep"],
            name=f"{cloud.name}-host-{number}",
            labels={LABEL: cloud.name},
            network=network,
            detach=True,
        )
        for number in range(1, replicas + 1)
    ]
    orders = Orders(cloud.name, image, volumes, tuple(str(one.name) for one in hosts))
    for host in orders.hosts:
        _create(cloud.docker, orders, host, old).start()
    lines = []
    for number, one in enumerate(hosts, 1):
        one.reload()
        address = one.attrs["NetworkSettings"]["Networks"][network]["IPAddress"]
        lines.append(SERVER.format(name=f"host{number}", address=address))
    (balancer,) = cloud.containers("loadbalancer")
    _put(balancer, f"{CONFIG_FILES}/etc/haproxy", "haproxy.cfg", one_thread())
    _put(balancer, "/var/lib/haproxy/cloud.d", "10-cloud.cfg", HAPROXY + "".join(lines))
    balancer.restart(timeout=30)
    for replica in own:
        replica.remove(force=True)
    eventually(cloud.answers, 90, "a token from the control")
    # else a check that cannot succeed would take the servers out while it is measured
    eventually(lambda: _checked(balancer) == ["UP"] * replicas, 30, "HAProxy's checks of Keystone succeed")
    return orders


def _checked(balancer: Container) -> list[str]:
    """The status of every server whose last check was answered well."""
    done = balancer.exec_run(["python3", "-c", _CHECKS])
    assert done.exit_code == 0, done.output
    assert isinstance(done.output, bytes)
    found: list[str] = json.loads(done.output)
    return found


def one_thread() -> str:
    """The global part of our configuration, with as many threads as Kolla's has (`haproxy_threads`)."""
    return global_config().replace("thread-hard-limit 8", "nbthread 1")


def upgrade(orders: Orders) -> None:
    """As the roles' tasks and handlers do it."""
    client = docker.from_env()
    began = time.monotonic()

    def said(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)

    _once(client, orders, "KOLLA_UPGRADE")
    said("expanded and migrated")
    # every host's handler at once: serial is 0
    with ThreadPoolExecutor(len(orders.hosts)) as pool:
        list(pool.map(lambda host: _recreate(client, orders, host), orders.hosts))
    said("containers recreated and started; nobody waits until they answer")
    _once(client, orders, "KOLLA_FINISH_UPGRADE")
    said("contracted")


def _recreate(client: docker.DockerClient, orders: Orders, host: str) -> None:
    """`recreate_or_restart_container`: stop, remove, create under the same name, start."""
    old = client.containers.get(f"{host}-{NAME}")
    old.stop(timeout=GRACEFUL)
    old.remove(force=True)
    _create(client, orders, host, orders.image).start()


def _create(client: docker.DockerClient, orders: Orders, host: str, image: str) -> Container:
    return client.containers.create(
        image,
        name=f"{host}-{NAME}",
        network_mode=f"container:{host}",
        healthcheck=Healthcheck(
            test=["CMD-SHELL", "healthcheck_curl http://127.0.0.1:5000"],
            interval=30 * SECOND,
            timeout=30 * SECOND,
            retries=3,
            start_period=5 * SECOND,
        ),
        **_common(orders),
    )


def _once(client: docker.DockerClient, orders: Orders, phase: str) -> None:
    """A one-shot container, as the handlers of init and finish: waited for, removed, its failure ends the upgrade."""
    container = client.containers.create(
        orders.image,
        name=f"{orders.environment}-{phase.lower()}",
        network_mode=f"container:{orders.hosts[0]}",
        **_common(orders, phase),
    )
    try:
        container.start()
        status = container.wait()["StatusCode"]
        if status != 0:
            raise SystemExit(f"{phase}: status {status}\n{container.logs().decode(errors='replace')}")
    finally:
        container.remove(force=True)


def _common(orders: Orders, phase: str = "") -> dict[str, Any]:
    environment = {"KOLLA_CONFIG_STRATEGY": "COPY_ALWAYS", "KOLLA_SERVICE_NAME": NAME}
    return {
        "user": "root",
        "labels": {LABEL: orders.environment},
        "environment": environment | ({phase: ""} if phase else {}),
        "volumes": list(orders.volumes),
    }


def _copy(container: Container, folder: Path) -> None:
    """What our replica is configured with, for Kolla's to be configured alike."""
    stream, _ = container.get_archive(CONFIG_FILES)
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as packed:
        packed.extractall(folder.parent, filter="tar")


def _put(container: Container, folder: str, name: str, text: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(text.encode())
        entry.mode = 0o644
        archive.addfile(entry, io.BytesIO(text.encode()))
    container.put_archive(folder, packed.getvalue())


def write(orders: Orders, file: Path) -> None:
    """For the command."""
    file.write_text(json.dumps(asdict(orders)), encoding="utf-8")


def read(file: Path) -> Orders:
    """What `write` wrote."""
    data = json.loads(file.read_text(encoding="utf-8"))
    return Orders(data["environment"], data["image"], tuple(data["volumes"]), tuple(data["hosts"]))


if __name__ == "__main__":
    upgrade(read(Path(sys.argv[1])))
