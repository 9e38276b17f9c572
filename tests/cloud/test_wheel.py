"""A wheel in an empty environment runs the example, on a database server that nobody of this project made."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.waiting import eventually

from .installed import Installed
from .support import CHECKOUT, Cloud, Home, Outcome, free_port

SERVER = """
set -e
mariadb-install-db --no-defaults --user=mysql --datadir=/var/lib/mysql --skip-test-db > /dev/null
cat > /tmp/init.sql
exec mariadbd --no-defaults --user=mysql --datadir=/var/lib/mysql --init-file=/tmp/init.sql \
    --bind-address="$1" --port="$2" --socket=/tmp/own.sock
"""


@dataclass
class Own:
    """A database server of one's own."""

    host: str
    port: int
    user: str
    password: str
    ask: Callable[[str], str]
    """SQL, and what it gives."""


@pytest.fixture
def own_server(cloud: Cloud) -> Iterator[Own]:
    """Listens on the host, where containers of every network reach it; its administrator is not root."""
    mariadb = cloud.containers("mariadb")[0]
    image = mariadb.attrs["Config"]["Image"]
    # an address of this host: that of the bridge of any network
    host = next(iter(mariadb.attrs["NetworkSettings"]["Networks"].values()))["Gateway"]
    name = f"t-own-{secrets.token_hex(3)}"
    sql = ["docker", "exec", name, "mariadb", "--socket=/tmp/own.sock", "-N", "-e"]

    def ask(text: str) -> str:
        return subprocess.run([*sql, text], capture_output=True, text=True, check=False).stdout

    server = Own(host, free_port(), "chief", secrets.token_hex(8), ask)
    grant = f"CREATE USER '{server.user}'@'%' IDENTIFIED BY '{server.password}';\n"
    grant += f"GRANT ALL PRIVILEGES ON *.* TO '{server.user}'@'%' WITH GRANT OPTION;\n"
    command = ["docker", "run", "--name", name, "--rm", "--interactive", "--network", "host"]
    command += [
        "--user",
        "root",
        "--entrypoint",
        "bash",
        image,
        "-c",
        SERVER,
        "server",
        host,
        str(server.port),
    ]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdin is not None
    process.stdin.write(grant.encode())
    process.stdin.close()
    try:
        eventually(lambda: "chief" in ask("SELECT user FROM mysql.user"), 60, "the test's own server answers")
        yield server
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", name], capture_output=True, check=False)
        process.wait(30)


def test_the_example_runs_from_a_wheel_on_a_server_that_exists(
    own_server: Own, installed: Installed, home: Home, tmp_path: Path
) -> None:
    name, port = f"t-{secrets.token_hex(3)}", free_port()
    example = tmp_path / "examples" / "keystone_on_your_database"
    shutil.copytree(CHECKOUT / "stacks" / "examples", example.parent)
    seen = {"PATH": installed.path, "VIRTUAL_ENV": str(installed.venv)}

    def pulumi(*words: str, stdin: str = "") -> Outcome:
        return home.run("pulumi", *words, "--stack", name, cwd=example, env=seen, stdin=stdin)

    try:
        home.run("pulumi", "stack", "init", name, "--no-select", cwd=example, env=seen)
        pulumi("config", "set", "databaseHost", own_server.host)
        pulumi("config", "set", "databasePort", str(own_server.port))
        pulumi("config", "set", "databaseUser", own_server.user)
        pulumi("config", "set", "--secret", "databasePassword", stdin=own_server.password)
        pulumi("config", "set", "--secret", "seed", stdin=secrets.token_hex(32))
        pulumi("config", "set", "port", str(port))
        pulumi("config", "set", "replicas", "1")
        up = pulumi("up", "--yes", "--skip-preview", "--non-interactive")
        assert f"http://127.0.0.1:{port}/v3" in up.text
        outputs = json.loads(pulumi("stack", "output", "--json", "--show-secrets").text)
        cloud = Cloud(home, name)
        cloud.port, cloud._password = port, outputs["admin"]["password"]
        assert cloud.answers()
        assert sorted(cloud.ids()) == ["entrance-1", "keystone-1", "loadbalancer-1", "memcached-1"]
        assert "keystone" in own_server.ask("SHOW DATABASES").split()
        assert pulumi("up", "--yes", "--skip-preview", "--non-interactive").changes == 0
    finally:
        Cloud(home, name).remove()
