"""What is wrong around a cloud: each fault is met by the real command, which says where, why and what to do."""

from __future__ import annotations

import http.server
import json
import os
import re
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.second_daemon import Daemon

from .support import Cloud, Outcome, merged

Another = Callable[[], Cloud]


@pytest.fixture(scope="module")
def bare(another: Another) -> Iterator[Cloud]:
    """An environment with settings and secrets, of which nothing stands; no fault may change that."""
    cloud = another()
    cloud.make()
    yield cloud
    assert cloud.containers() == []


def _refused(cloud: Cloud, change: dict[str, object] | None = None, **env: str) -> str:
    """What `kolla-iac up` says to a fault; checked: it fails, without a traceback, before anything is made."""
    cloud.write(change)
    done = cloud.home.run("kolla-iac", "up", cloud.name, fails=True, env=env)
    return _plain(done)


def _plain(done: Outcome) -> str:
    print(done.text[-1500:])
    assert "Traceback" not in done.text, str(done)
    return done.text


def _host(endpoint: str) -> dict[str, object]:
    return {"hosts": [{"name": "local", "docker": endpoint}]}


def test_docker_unreachable(bare: Cloud, tmp_path: Path) -> None:
    for endpoint, reason in (
        (f"unix://{tmp_path}/nothing.sock", "no such socket"),
        ("tcp://127.0.0.1:9", "connection refused"),
    ):
        said = _refused(bare, _host(endpoint))
        assert re.search(rf"hosts\.local: its Docker at {endpoint} does not answer: {reason}", said), said
        assert "hint: is Docker" in said
        seen = bare.home.run("kolla-iac", "status", bare.name, fails=True)
        assert reason in seen.text, str(seen)


def test_no_permission_on_dockers_socket(bare: Cloud, tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        path.chmod(0o600)
        os.chown(path, 65534, 65534)
        bare.write(_host(f"unix://{path}"))
        # root as any other user: without the capability that overlooks modes
        line = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "kolla-iac", "up", bare.name)
        said = _plain(bare.home.run(*line, fails=True))
    assert f"hosts.local: its Docker at unix://{path} does not answer: permission denied" in said, said
    assert "hint: add your user to the group docker" in said


class _Old(http.server.BaseHTTPRequestHandler):
    """A Docker of 2018, as far as the first questions go."""

    def do_GET(self) -> None:
        body = json.dumps({"Version": "18.09.1", "ApiVersion": "1.39", "MinAPIVersion": "1.12"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_docker_too_old(bare: Cloud) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Old)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        endpoint = f"tcp://127.0.0.1:{server.server_address[1]}"
        said = _refused(bare, _host(endpoint))
    finally:
        server.shutdown()
        server.server_close()
    assert f"hosts.local: Docker 18.09.1 at {endpoint} is too old" in said, said
    assert "20.10 or later" in said


def test_port_in_use_by_a_process(bare: Cloud) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", bare.port))
        taken.listen()
        said = _refused(bare)
    me = Path("/proc/self/comm").read_text().strip()
    expected = f"endpoints.keystone: port {bare.port} of 127.0.0.1 is taken by {me} (process {os.getpid()})"
    assert expected in said, said
    assert "hint: set another port" in said


def test_port_in_use_by_a_container(bare: Cloud, cloud: Cloud) -> None:
    said = _refused(bare, {"endpoints": [{"name": "keystone", "port": cloud.port}]})
    assert f"port {cloud.port} of 127.0.0.1 is taken by the container kolla-{cloud.name}-entrance-1" in said


def test_state_read_only(bare: Cloud) -> None:
    inner = bare.home.data / "state"
    subprocess.run(["mount", "--bind", str(inner), str(inner)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(inner)], check=True)
        said = _refused(bare)
    finally:
        subprocess.run(["umount", str(inner)], check=True)
    assert f"{inner}/.pulumi: cannot be written: Read-only file system" in said, said
    assert "hint: the state's backend is PULUMI_BACKEND_URL" in said


def test_wrong_passphrase(bare: Cloud, tmp_path: Path) -> None:
    wrong = tmp_path / "passphrase"
    wrong.write_text("not the one")
    wrong.chmod(0o600)
    said = _refused(bare, PULUMI_CONFIG_PASSPHRASE_FILE=str(wrong))
    assert re.search(rf"place +{wrong}", said), said
    assert "the passphrase is not the one with which" in said


def test_passphrase_readable_by_others(bare: Cloud) -> None:
    file = bare.home.data / "passphrase"
    file.chmod(0o644)
    bare.write()
    said = _plain(bare.home.run("kolla-iac", "check", bare.name))
    assert f"warning: {file} may be read by others (mode 0644)" in said, said
    assert f"chmod 600 {file}" in said
    file.chmod(0o600)
    assert "warning" not in bare.home.run("kolla-iac", "check", bare.name).text


def test_state_damaged(bare: Cloud) -> None:
    (file,) = (bare.home.data / "state").glob(f".pulumi/stacks/**/{bare.name}.json")
    whole = file.read_text()
    file.write_text(whole[: len(whole) // 2])
    try:
        said = _refused(bare)
    finally:
        file.write_text(whole)
    assert re.search(rf"place +{file}", said), said
    assert "the state is damaged" in said
    assert re.search(r"next +cp ", said)


class _Empty(http.server.BaseHTTPRequestHandler):
    """A registry that has nothing."""

    def do_GET(self) -> None:
        found = self.path == "/v2/"
        errors = [] if found else [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]
        body = json.dumps({"errors": errors}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


def test_registry_unreachable_and_no_such_digest(another: Another) -> None:
    """These are met by a stage: the image's own."""
    cloud = another()
    cloud.make()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Empty)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    digest = "sha256:" + "0" * 64
    empty = f"127.0.0.1:{server.server_address[1]}"
    try:
        for reference, reason, hint in (
            (f"127.0.0.1:9/memcached@{digest}", "connection refused", "does the host reach 127.0.0.1:9"),
            (f"{empty}/memcached@{digest}", "manifest unknown", f"{empty} has no such image, tag or digest"),
        ):
            said = _refused(cloud, {"services": {"memcached": {"image": reference}}})
            assert f"{reference} cannot be pulled" in said, said
            assert reason in said, said
            assert re.search(rf"hint +{hint}", said), said
    finally:
        server.shutdown()
        server.server_close()
        cloud.remove()


def test_host_out_of_disk(bare: Cloud, tmp_path: Path) -> None:
    """Docker's root of a daemon whose disk is 64 MiB."""
    folder = Path(tempfile.mkdtemp(prefix="kolla-t-"))
    (folder / "data").mkdir()
    daemon = Daemon(folder)
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder / "data")], check=True
        )  # goes with the daemon
        daemon.start()
        said = _refused(bare, _host(daemon.endpoint))
    finally:
        daemon.remove()
    assert not folder.exists()
    assert re.search(rf"hosts\.local: its disk is full: \d+ MiB are free below {folder}/data", said), said
    assert "hint: kolla-iac images prune" in said


def test_volume_of_a_newer_server(cloud: Cloud) -> None:
    """Refused before anything is touched: what serves serves on."""
    before = cloud.ids()
    name = f"kolla-{cloud.name}-mariadb-1"
    data = Path(str(cloud.docker.volumes.get(name).attrs["Mountpoint"]))
    written = (data / "mariadb_upgrade_info").read_text()
    image = str(cloud.containers("mariadb")[0].attrs["Config"]["Image"])
    (data / "mariadb_upgrade_info").write_text("99.1.2-MariaDB")
    other = f"kolla-t-{cloud.name}:older"
    cloud.docker.images.get(image).tag(other)
    try:
        cloud.write(merged(cloud.base, {"services": {"mariadb": {"image": other}}}))
        done = cloud.home.run("kolla-iac", "up", cloud.name, fails=True)
    finally:
        (data / "mariadb_upgrade_info").write_text(written)
        cloud.docker.images.remove(other)
    said = _plain(done)
    assert "the volume was written by MariaDB 99.1, newer than this server" in said, said
    assert "set the image or the release back" in said
    assert cloud.ids() == before
    assert cloud.up().changes >= 0
