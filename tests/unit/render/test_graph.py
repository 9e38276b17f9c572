"""Pictures of an environment: what is in them, and that nothing in the drawn one covers anything else."""

import itertools
from typing import Any
from xml.etree import ElementTree

import pytest

from kolla_iac.model.environment import load_environment
from kolla_iac.render.graph import Graph, graph, mermaid
from kolla_iac.render.svg import PLAIN, STRONG, Box, layout, svg, width

THREE: dict[str, Any] = {
    "hosts": [
        {"name": f"node-{n}", "docker": f"ssh://root@192.0.2.1{n}", "address": f"192.0.2.1{n}"}
        for n in (1, 2, 3)
    ],
    "network": {"subnet": "10.20.0.0/24"},
    "endpoints": [{"name": "keystone", "port": 5100}],
    "services": {"keystone": {"replicas": 5}},
}
CASES: dict[str, dict[str, Any]] = {
    "usual": {},
    "three hosts": THREE,
    "without its API": {"services": {"keystone": {"enabled": False}}},
    "long names": {"hosts": [{"name": "a" * 60, "docker": f"ssh://{'b' * 80}"}]},
}

USUAL = """\
flowchart LR
    n_clients(["clients<br>keystone at<br>http://127.0.0.1:5000"])
    n_operator["where you type<br>pulumi up<br>kolla-iac stage"]
    subgraph network ["network of dev: bridge"]
        subgraph host_local ["host local, 127.0.0.1<br>unix:///var/run/docker.sock"]
            n_entrance_1["entrance-1<br>Published ports"]
            n_keystone_1["keystone-1<br>Identity, port 5000<br>keys: volume of the host<br>backups: volume of the host"]
            n_keystone_2["keystone-2<br>Identity, port 5000<br>keys: volume of the host<br>backups: volume of the host"]
            n_loadbalancer_1[("loadbalancer-1<br>Load balancer, with a volume")]
            n_mariadb_1[("mariadb-1<br>Database, with a volume")]
            n_memcached_1["memcached-1<br>Cache"]
        end
    end
    n_clients --> n_loadbalancer_1
    n_loadbalancer_1 --> n_keystone_1
    n_loadbalancer_1 --> n_keystone_2
    n_keystone_1 --> n_mariadb_1
    n_keystone_2 --> n_mariadb_1
    n_keystone_1 --> n_memcached_1
    n_keystone_2 --> n_memcached_1
    n_operator -.-> host_local
"""


def _graph(settings: dict[str, Any]) -> Graph:
    return graph(load_environment({"release": "2025.2", **settings}, "the test"), "dev")


def test_the_usual_cloud_as_mermaid() -> None:
    assert mermaid(_graph({})) == USUAL


def test_replicas_stand_on_the_hosts_that_the_settings_give_them() -> None:
    drawn = _graph(THREE)
    on = {node.name: node.host for node in drawn.nodes if node.name.startswith("keystone")}
    assert on == {
        "keystone-1": "node-1",
        "keystone-2": "node-2",
        "keystone-3": "node-3",
        "keystone-4": "node-1",
        "keystone-5": "node-2",
    }
    assert drawn.network == "network of dev: overlay, 10.20.0.0/24"
    assert "http://192.0.2.11:5100" in drawn.node("clients").lines


def test_without_an_api_nobody_asks_anybody() -> None:
    assert _graph(CASES["without its API"]).talks == ()


def _inside(inner: Box, outer: Box) -> bool:
    across = outer.x <= inner.x and inner.right <= outer.right
    return across and outer.y <= inner.y and inner.bottom <= outer.bottom


def _apart(one: Box, other: Box) -> bool:
    beside = one.right <= other.x or other.right <= one.x
    return beside or one.bottom <= other.y or other.bottom <= one.y


@pytest.mark.parametrize("settings", CASES.values(), ids=CASES)
def test_no_box_covers_another_and_every_text_fits(settings: dict[str, Any]) -> None:
    drawn = _graph(settings)
    placed = layout(drawn)
    assert set(placed.nodes) == {node.name for node in drawn.nodes}
    paper = Box(0, 0, placed.width, placed.height)
    for one, other in itertools.combinations(placed.nodes.values(), 2):
        assert _apart(one, other)
    for one, other in itertools.combinations(placed.hosts.values(), 2):
        assert _apart(one, other)
    for node in drawn.nodes:
        box = placed.nodes[node.name]
        assert _inside(box, placed.hosts[node.host] if node.host else paper), node.name
        assert width(node.lines[:1], STRONG) < box.width and width(node.lines[1:], PLAIN) < box.width, (
            node.name
        )
        assert node.host or _apart(box, placed.network), node.name
    for place in drawn.places:
        host = placed.hosts[place.name]
        assert _inside(host, placed.network)
        assert width(place.lines, PLAIN) < host.width
        named = Box(host.x, host.y, host.width, 40)
        assert all(_apart(named, placed.nodes[node.name]) for node in drawn.nodes), "its name is covered"


@pytest.mark.parametrize("settings", CASES.values(), ids=CASES)
def test_the_svg_is_whole_and_needs_nothing_from_elsewhere(settings: dict[str, Any]) -> None:
    drawn = _graph(settings)
    text = svg(drawn)
    root = ElementTree.fromstring(text)
    assert text.replace("http://www.w3.org/2000/svg", "").count("href") == 0
    assert "url(" not in text and "@import" not in text
    shown = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for node in drawn.nodes:
        assert set(node.lines) <= set(shown), node.name
    arrows = [element.get("class") for element in root.iter("{http://www.w3.org/2000/svg}path")]
    assert arrows.count("asks") == len(drawn.talks)
    assert arrows.count("makes") == len(drawn.places)


def test_what_is_syntax_elsewhere_is_text_here() -> None:
    drawn = _graph({"hosts": [{"name": "local", "docker": 'ssh://a"<b>&#c'}]})
    assert "ssh://a#quot;#lt;b>&#35;c" in mermaid(drawn)
    root = ElementTree.fromstring(svg(drawn))
    assert 'ssh://a"<b>&#c' in [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
