"""The picture of an environment agrees with what the program makes."""

from __future__ import annotations

from cloud_of_mocks import CONTAINER, program

from kolla_iac.model.environment import load_environment
from kolla_iac.model.service import services
from kolla_iac.render.graph import graph

SETTINGS = {"release": "2025.2", "services": {"keystone": {"replicas": 3}}}


def test_the_picture_shows_the_containers_that_the_program_makes() -> None:
    drawn = graph(load_environment(SETTINGS, "the test"), "t-mocks")
    made = program(services=SETTINGS["services"])
    assert {node.name for node in drawn.nodes if node.host} == {one.name for one in made.of_type(CONTAINER)}


def test_it_shows_a_volume_where_the_program_makes_one() -> None:
    drawn = graph(load_environment(SETTINGS, "the test"), "t-mocks")
    made = program(services=SETTINGS["services"])
    volumes = {str(one.inputs["name"]) for one in made.of_type("docker:index/volume:Volume")}
    shown = {node.name for node in drawn.nodes if node.volume}
    shown |= {f"{name}-{one}" for name, service in services().items() for one in service.shared}
    assert volumes == {f"kolla-t-mocks-{name}" for name in shown}
    assert "keys: volume of the host" in drawn.node("keystone-1").lines


def test_clients_are_shown_the_ports_that_are_published() -> None:
    drawn = graph(load_environment(SETTINGS, "the test"), "t-mocks")
    made = program(services=SETTINGS["services"])
    ports = {int(port["external"]) for one in made.of_type(CONTAINER) for port in one.inputs.get("ports", [])}
    assert ports == {service.port for service in services().values() if service.port}
    assert all(any(f":{port}" in line for line in drawn.node("clients").lines) for port in ports)
