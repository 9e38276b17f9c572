"""The control plane's network, and the ports that clients are promised."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from kolla_iac.model.hosts import Endpoint
from kolla_iac.model.stage import LABEL_ENVIRONMENT, LABEL_ROLE
from kolla_iac.runtime.checks import Check, Fact, Finding, Look, Said
from kolla_iac.runtime.containers import Found
from kolla_iac.runtime.listeners import EVERYWHERE, listening, named

ENTRANCE = "entrance"
CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 5.0


UP = ("running", "restarting")
"""One that ends again and again is either, from one moment to the next: what is said of it stays."""


class Network(Check):
    """Whether every container that runs is on the environment's network."""

    name = "network"
    title = "every container is on the environment's network"

    def run(self, look: Look) -> Iterator[Said]:
        label = f"{LABEL_ENVIRONMENT}={look.environment}"
        for host, client in look.clients.items():
            here = [one for one in look.members if one.host == host and one.container.status in UP]
            attached = Counter(name for one in here for name in networks_of(one))
            named = [str(one.name) for one in client.networks.list(filters={"label": label})]
            # a stray one may carry the label too: the cloud's is the one that its containers are on
            network = max(named, key=lambda name: attached[name], default="")
            for one in here:
                if network not in networks_of(one):
                    saw = f"is not on the network {network or 'of the environment'}: nobody reaches it"
                    yield Finding("error", f"{one.name} on {host}", saw, attach(look, one, network))
            if network:
                yield Fact(f"{host}: {network}, {attached[network]} containers")


def networks_of(one: Found) -> set[str]:
    """Names of the networks that a container is on."""
    return set(one.container.attrs["NetworkSettings"]["Networks"])


def attach(look: Look, one: Found, network: str) -> str:
    """What brings a container back. A singleton has names on the network, so it is made again with them."""
    docker = look.docker(one.host)
    if network and one.labels.get(LABEL_ROLE) == "rolled":
        return f"{docker} network connect {network} {one.name}"
    return f"{docker} stop {one.name}; {docker} rm {one.name}; {look.repair}"


class Ports(Check):
    """Whether each public address is the entrance's, and who has it otherwise."""

    name = "ports"
    title = "the wanted ports are the entrance's, and somebody answers"

    def run(self, look: Look) -> Iterator[Said]:
        if ENTRANCE not in look.settings.enabled():
            return
        host = look.settings.place(ENTRANCE)[0]
        client = look.clients.get(host.name)
        if client is None:
            return  # the host does not answer, which is said of every check
        everything = client.containers.list()
        for endpoint in look.settings.endpoints_of_enabled():
            ours = [one for one in look.of(ENTRANCE) if publishes(one.container.attrs, endpoint)]
            if ours:
                yield from reached(endpoint, ours[0], look)
                continue
            yield from self._taken(look, host.name, endpoint, everything)

    def _taken(self, look: Look, host: str, endpoint: Endpoint, everything: Iterable[Any]) -> Iterator[Said]:
        where = f"port {endpoint.address}:{endpoint.port} on {host}"
        other = (
            f"another port: endpoints: [{{name: {endpoint.name}, port: N}}] in Pulumi.{look.environment}.yaml"
        )
        for container in everything:
            if publishes(container.attrs, endpoint):
                saw = f"{endpoint.name} wants it, and container {container.name} publishes it"
                mend = f"{look.docker(host)} stop {container.name}; or {other}"
                yield Finding("error", where, saw, mend)
                return
        if not look.settings.host(host).docker.startswith("unix://"):
            yield Fact(f"{where}: no container publishes it")
            return
        holders = listening(endpoint.address, endpoint.port)
        if holders:
            names = named(holders)
            pids = " ".join(str(pid) for pid, _ in holders if pid)
            yield Finding(
                "error", where, f"{endpoint.name} wants it, and {names} has it", f"kill {pids}; or {other}"
            )
        else:
            yield Fact(f"{where}: free")


def reached(endpoint: Endpoint, entrance: Found, look: Look) -> Iterator[Said]:
    """Whether somebody answers at what the entrance publishes, asked from here.

    That it takes connections says little: they wait in its sockets while no load balancer runs.
    """
    where = f"{endpoint.address}:{endpoint.port}"
    try:
        with socket.create_connection((endpoint.address, endpoint.port), CONNECT_SECONDS) as asking:
            asking.settimeout(ANSWER_SECONDS)
            asking.sendall(b"OPTIONS * HTTP/1.0\r\n\r\n")
            asking.recv(1)
    except OSError as error:
        saw = f"{entrance.name} publishes it, and asking from here fails: {error.strerror or error}"
        yield Finding("error", f"port {where}", saw, f"{look.docker(entrance.host)} restart {entrance.name}")
    else:
        yield Fact(f"{where} is {entrance.name}'s and answers")


def publishes(attrs: dict[str, Any], endpoint: Endpoint) -> bool:
    """Whether a container that runs has the address on its host."""
    if not attrs["State"].get("Running"):
        return False
    bindings = (attrs["NetworkSettings"].get("Ports") or {}).values()
    return any(
        int(one["HostPort"] or 0) == endpoint.port
        and (one["HostIp"] or "0.0.0.0") in (endpoint.address, *EVERYWHERE)
        for each in bindings
        for one in each or ()
    )
