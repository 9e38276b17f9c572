"""Which docker command builds: one with the plugin buildx, else one with BuildKit built in, else none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kolla_iac.errors import KollaError
from kolla_iac.images import client

Install = Callable[[str, str, bool], str]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a docker command of a version, with or without the plugin, on PATH."""
    found: list[str] = []

    def put(folder: str, version: str, buildx: bool) -> str:
        file = tmp_path / folder / "docker"
        file.parent.mkdir()
        plugin = "exit 0" if buildx else "exit 1"
        file.write_text(f'#!/bin/sh\nif [ "$1" = buildx ]; then {plugin}; fi\necho {version}\nexit 1\n')
        file.chmod(0o755)
        found.append(str(file))
        return str(file)

    monkeypatch.setattr(client, "installed", lambda: found)
    client.builder.cache_clear()
    return put


def test_the_plugin_is_used_where_it_is(install: Install) -> None:
    path = install("new", "28.2.2", True)
    assert client.builder().command == (path, "buildx", "build", "--load")


def test_an_older_client_later_on_path_is_found(install: Install) -> None:
    install("new", "28.2.2", False)
    old = install("old", "20.10.24+dfsg1", False)
    chosen = client.builder()
    assert (chosen.command, chosen.env) == ((old, "build"), {"DOCKER_BUILDKIT": "1"})


def test_none_says_what_to_install(install: Install) -> None:
    path = install("new", "28.2.2", False)
    with pytest.raises(KollaError) as failure:
        client.builder()
    assert f"{path} 28.2.2, without the plugin buildx" in str(failure.value)
    assert "apt-get install docker-buildx" in str(failure.value)
