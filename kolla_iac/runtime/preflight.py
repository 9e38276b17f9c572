"""What must hold on the hosts before anything is touched. Looks only; finds every problem at once."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kolla_iac.errors import KollaError, Problem
from kolla_iac.model.stage import LABEL_ENVIRONMENT
from kolla_iac.runtime.hosts import connect
from kolla_iac.runtime.listeners import EVERYWHERE, is_here, listening, named

if TYPE_CHECKING:
    from docker import DockerClient

OLDEST_DOCKER = (20, 10)
"""Source: what this project is tested with."""
DISK_MIB = 2048
"""Free space below Docker's root that images and a new generation of containers need."""
ANSWER_SECONDS = 20.0


def problems(
    environment: str, hosts: Mapping[str, str], ports: Mapping[str, tuple[str, int]]
) -> list[Problem]:
    """What is wrong with the environment's hosts and public ports.

    Args:
        hosts: name -> Docker endpoint.
        ports: service -> public address and port.
    """
    clients: dict[str, DockerClient] = {}
    found: list[Problem] = []
    for name, endpoint in hosts.items():
        try:
            clients[name] = connect(name, endpoint, ANSWER_SECONDS)
        except KollaError as error:
            facts = error.facts
            reason = f"its Docker at {endpoint} does not answer: {facts.get('saw')}"
            found.append(Problem(f"hosts.{name}", reason, str(facts.get("hint", ""))))
    for name, client in list(clients.items()):
        if old := _version(name, hosts[name], client):
            found.append(old)
            clients.pop(name).close()
        else:
            found += _disk(name, hosts[name], client)
    for service, (address, port) in ports.items():
        found += _of_port(environment, service, address, port, clients)
    for client in clients.values():
        client.close()
    return found


def _version(name: str, endpoint: str, client: DockerClient) -> Problem | None:
    version = str(client.version().get("Version", ""))
    number = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if number >= OLDEST_DOCKER:
        return None
    wanted = ".".join(str(part) for part in OLDEST_DOCKER)
    reason = f"Docker {version} at {endpoint} is too old"
    return Problem(f"hosts.{name}", reason, f"wanted: {wanted} or later; upgrade Docker there")


def _disk(name: str, endpoint: str, client: DockerClient) -> list[Problem]:
    root = Path(str(client.info().get("DockerRootDir", "")))
    # the disk of a host that is reached by ssh or tcp cannot be looked at from here
    if not endpoint.startswith("unix://") or not root.is_dir():
        return []
    free = shutil.disk_usage(root).free // 2**20
    if free >= DISK_MIB:
        return []
    reason = f"its disk is full: {free} MiB are free below {root}, at least {DISK_MIB} are needed"
    return [Problem(f"hosts.{name}", reason, "kolla-iac images prune frees images that nothing uses")]


def _of_port(
    environment: str, service: str, address: str, port: int, clients: Mapping[str, DockerClient]
) -> Iterator[Problem]:
    holder = ""
    for client in clients.values():
        for one in client.api.containers(filters={"publish": str(port)}):
            if one["Labels"].get(LABEL_ENVIRONMENT) == environment:
                return  # our own
            if any(_clash(address, mapped) for mapped in one["Ports"] if mapped.get("PublicPort") == port):
                holder = f"the container {one['Names'][0].lstrip('/')}"
    if not holder and is_here(address):
        holder = named(listening(address, port))
    if holder:
        hint = f"set another port under endpoints (name: {service}), or stop {holder}"
        yield Problem(f"endpoints.{service}", f"port {port} of {address} is taken by {holder}", hint)


def _clash(address: str, mapped: Mapping[str, Any]) -> bool:
    return mapped.get("IP") in (address, *EVERYWHERE, None)
