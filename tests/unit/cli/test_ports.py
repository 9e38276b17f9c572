"""Free ports for a second environment on one machine."""

import socket
from pathlib import Path

import pytest

from kolla_iac.cli.init import settings_text, write
from kolla_iac.cli.ports import choose, listened_on, release, reserve, taken_by_files
from kolla_iac.errors import KollaError
from kolla_iac.model.stackfile import load_file


def nothing_listens(port: int) -> bool:
    return False


def test_the_first_environment_has_the_usual_ports_and_writes_none() -> None:
    assert choose(set(), nothing_listens) == {}


def test_further_ones_take_the_next_that_nobody_has() -> None:
    assert choose({5000}, nothing_listens) == {"keystone": 5100}
    assert choose({5000, 5100}, nothing_listens) == {"keystone": 5200}
    assert choose({5000}, lambda port: port < 5250) == {"keystone": 5300}


def test_where_all_are_taken_it_says_so() -> None:
    with pytest.raises(KollaError, match="no free ports"):
        choose(set(), lambda port: True)


def test_a_port_that_something_listens_on_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listened_on(port)
    assert not listened_on(port)
    with socket.create_server(("0.0.0.0", port)):
        assert listened_on(port)


def test_ports_of_other_environments_are_taken_even_while_they_are_down(tmp_path: Path) -> None:
    assert taken_by_files(tmp_path) == set()
    write(tmp_path / "Pulumi.a.yaml", settings_text("2025.2", {}))
    write(tmp_path / "Pulumi.b.yaml", settings_text("2026.1", {"keystone": 5100}))
    write(tmp_path / "Pulumi.broken.yaml", "config: [\n")
    write(tmp_path / "Pulumi.half.yaml", settings_text("2025.2", {"keystone": 5200}) + "    regoin: x\n")
    assert taken_by_files(tmp_path) == {5000, 5100, 5200}


@pytest.mark.parametrize("ports", [{}, {"keystone": 5100}])
def test_what_init_writes_is_right(ports: dict[str, int], tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.new.yaml"
    write(file, settings_text("2026.1", ports))
    env = load_file(file).environment
    assert env is not None
    assert (env.release, env.endpoint("keystone").port) == ("2026.1", ports.get("keystone", 5000))


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text("mine")
    with pytest.raises(FileExistsError):
        write(file, "yours")
    assert file.read_text() == "mine"


def test_another_checkout_does_not_get_the_same_ports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOLLA_IAC_HOME", str(tmp_path))
    first = reserve("one", set(), nothing_listens)
    second = reserve("two", set(), nothing_listens)
    assert first != second
    assert reserve("one", set(), nothing_listens) == first
    release("one")
    assert reserve("three", set(), nothing_listens) == first
