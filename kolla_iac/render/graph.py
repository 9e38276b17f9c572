"""A cloud as a picture: replicas on their hosts, and who talks to whom. Made from settings alone.

``graph`` says what is to be seen; ``mermaid`` writes it for pages that draw Mermaid, ``kolla_iac.render.svg`` draws it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kolla_iac.model.environment import Environment
from kolla_iac.model.service import Service, services

BALANCER = "loadbalancer"
ENTRANCE = "entrance"
"""Only holds the ports: requests do not pass through it, so no arrow leads there."""
COLUMNS = ("outside", "load balancer", "services", "what they rest on")
"""From left to right; requests go from one to the next."""
CLIENTS, OPERATOR = "clients", "operator"


@dataclass(frozen=True)
class Node:
    """One box."""

    name: str
    """``keystone-1``; unique."""
    lines: tuple[str, ...]
    """Its text, the title first."""
    column: int
    """Index in ``COLUMNS``."""
    host: str = ""
    """Name of the host that it runs on; empty for what is outside."""
    volume: bool = False


@dataclass(frozen=True)
class Place:
    """A host."""

    name: str
    lines: tuple[str, ...]
    """Its text: name and address, then where its Docker daemon answers."""


@dataclass(frozen=True)
class Graph:
    """All that a picture shows."""

    title: str
    network: str
    places: tuple[Place, ...]
    nodes: tuple[Node, ...]
    talks: tuple[tuple[str, str], ...]
    """Who sends requests to whom, by the nodes' names."""

    def node(self, name: str) -> Node:
        """A node by name."""
        return next(node for node in self.nodes if node.name == name)


def graph(environment: Environment, name: str) -> Graph:
    """The picture of an environment.

    Args:
        name: the environment's.
    """
    enabled = environment.enabled()
    subnet = f", {environment.network.subnet}" if environment.network.subnet else ""
    endpoints = [text for one in environment.endpoints_of_enabled() for text in (f"{one.name} at", one.url)]
    outside = (
        Node(CLIENTS, ("clients", *endpoints), 0),
        Node(OPERATOR, ("where you type", "pulumi up", "kolla-iac stage"), 0),
    )
    replicas = (node for one in enabled for node in _replicas(environment, services()[one]))
    return Graph(
        title=f"The cloud {name}: OpenStack {environment.release}",
        network=f"network of {name}: {environment.network_driver()}{subnet}",
        places=tuple(
            Place(host.name, (f"host {host.name}, {host.address}", host.docker)) for host in environment.hosts
        ),
        nodes=(*outside, *replicas),
        talks=tuple(dict.fromkeys(_talks(environment, set(enabled)))),
    )


def _replicas(environment: Environment, service: Service) -> Iterator[Node]:
    column = 1 if service.name in (BALANCER, ENTRANCE) else 2 if service.port or service.needs else 3
    port = f", port {service.port}" if service.port else ""
    volume = ", with a volume" if service.volume else ""
    for number, host in enumerate(environment.place(service.name), 1):
        title = f"{service.name}-{number}"
        lines = (
            title,
            f"{service.title}{port}{volume}",
            *(f"{one}: volume of the host" for one in service.shared),
        )
        yield Node(title, lines, column, host.name, service.volume)


def _talks(environment: Environment, enabled: set[str]) -> Iterator[tuple[str, str]]:
    """Clients and services reach an API through the load balancer, and everything else directly."""

    def members(name: str) -> list[str]:
        count = environment.service(name).replicas if name in enabled else 0
        return [f"{name}-{number}" for number in range(1, count + 1)]

    published = [name for name in services() if name in enabled and services()[name].port]
    if published:
        yield from ((CLIENTS, balancer) for balancer in members(BALANCER))
    for name in published:
        yield from ((balancer, member) for balancer in members(BALANCER) for member in members(name))
    for name in sorted(enabled):
        for need in services()[name].needs:
            if need in (BALANCER, ENTRANCE):
                continue  # requests come from it
            through = BALANCER if services()[need].port else need
            yield from ((member, other) for member in members(name) for other in members(through))


def mermaid(drawn: Graph) -> str:
    """Text of a Mermaid flowchart."""
    lines = ["flowchart LR"]
    lines += [f"    {_box(node)}" for node in drawn.nodes if not node.host]
    lines.append(f'    subgraph network ["{_text(drawn.network)}"]')
    for place in drawn.places:
        lines.append(f'        subgraph {_id("host", place.name)} ["{_lines(place.lines)}"]')
        lines += [f"            {_box(node)}" for node in drawn.nodes if node.host == place.name]
        lines.append("        end")
    lines.append("    end")
    lines += [f"    {_id('n', start)} --> {_id('n', end)}" for start, end in drawn.talks]
    lines += [f"    {_id('n', OPERATOR)} -.-> {_id('host', place.name)}" for place in drawn.places]
    return "\n".join(lines) + "\n"


def _box(node: Node) -> str:
    left, right = ("([", "])") if node.name == CLIENTS else ("[(", ")]") if node.volume else ("[", "]")
    return f'{_id("n", node.name)}{left}"{_lines(node.lines)}"{right}'


def _id(kind: str, name: str) -> str:
    return f"{kind}_{name.replace('-', '_')}"


def _lines(lines: tuple[str, ...]) -> str:
    return "<br>".join(map(_text, lines))


def _text(text: str) -> str:
    return text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;")
