"""A small image, a stack per test, and nothing left behind."""

import secrets
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.matrix import Cell, text

from .harness import LABEL, Stack, plugins_in_use

MATRIX = pytest.StashKey[list[Cell]]()
_APPLETS = ("sh", "cat", "echo", "env", "httpd", "ls", "nc", "sleep", "stat", "true", "wget")


def pytest_report_header() -> str:
    found = ", ".join(f"{name} {kind}" for name, kind in plugins_in_use().items())
    return f"pulumi plugins: {found or 'none installed'}"


def _busybox(folder: Path) -> bytes:
    """A static busybox: the machine's own, else out of the distribution's package."""
    own = shutil.which("busybox")
    if own and "not a dynamic executable" in _said("ldd", own):
        return Path(own).read_bytes()
    if "busybox-static" not in _said("apt-get", "download", "busybox-static", cwd=folder):
        _said("apt-get", "update")
        said = _said("apt-get", "download", "busybox-static", cwd=folder)
    else:
        said = ""
    packages = list(folder.glob("busybox-static*.deb"))
    assert packages, f"no static busybox for the test image; type: apt-get install busybox-static\n{said}"
    subprocess.run(["dpkg-deb", "-x", packages[0], folder / "package"], check=True)
    return next((folder / "package").glob("**/bin/busybox")).read_bytes()


def _said(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def daemon() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="session")
def image(daemon: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image of 2 MB with a shell, sleep and a web server, made from nothing."""
    content = _busybox(tmp_path_factory.mktemp("busybox"))
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in ("bin", "tmp", "etc", "data"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder in ("tmp", "data") else 0o755
            tar.addfile(entry)
        binary = tarfile.TarInfo("bin/busybox")
        binary.size, binary.mode = len(content), 0o755
        tar.addfile(binary, BytesIO(content))
        for applet in _APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    tag = f"t-engine-{secrets.token_hex(3)}"
    daemon.api.import_image_from_data(buffer.getvalue(), repository=tag, tag="1")
    yield f"{tag}:1"
    daemon.images.remove(f"{tag}:1", force=True)


@pytest.fixture
def stack(tmp_path: Path, image: str, daemon: docker.DockerClient) -> Iterator[Callable[[str], Stack]]:
    """Makes a stack for a program; whatever is left of it afterwards is removed."""
    names: list[str] = []

    def make(program: str) -> Stack:
        name = f"t-{secrets.token_hex(3)}"
        names.append(name)
        folder = tmp_path / name
        folder.mkdir()
        return Stack(folder, program, image, name)

    yield make
    for name in names:
        for container in containers(daemon, name):
            container.remove(force=True, v=True)
        chosen = {"label": f"{LABEL}={name}"}
        for network in daemon.networks.list(filters=chosen):
            network.remove()
        for volume in daemon.volumes.list(filters=chosen):
            volume.remove(force=True)


def containers(daemon: docker.DockerClient, name: str, **labels: str) -> list[Any]:
    """All containers of the stack ``name``, running or not, that carry ``labels``."""
    chosen = [f"{LABEL}={name}", *(f"{key}={value}" for key, value in labels.items())]
    return sorted(
        daemon.containers.list(all=True, filters={"label": chosen}, ignore_removed=True),
        key=lambda item: str(item.name),
    )


@pytest.fixture(scope="session")
def matrix(pytestconfig: pytest.Config) -> list[Cell]:
    """The cells of the fault matrix; printed in the end."""
    return pytestconfig.stash.setdefault(MATRIX, [])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if cells := config.stash.get(MATRIX, []):
        terminalreporter.section("fault matrix: failed/total, longest gap, what it came to")
        terminalreporter.write_line(text(cells))
