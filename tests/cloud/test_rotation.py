"""Secrets rotated under load: nobody who holds something valid is refused, and afterwards the old values are."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from kolla_iac.components.database.clients import option_file
from kolla_iac.probe import Identity
from kolla_iac.probe.identity import Wrong

from .probing import probing
from .support import Cloud

READER = """
import sys, threading, time
from keystone.conf import CONF, configure
configure()
CONF([], project="keystone", default_config_files=["/etc/keystone/keystone.conf"])
from keystone.token import token_formatters
tokens, reads, formatter = [], 0, token_formatters.TokenFormatter()
def take():
    for line in sys.stdin:
        tokens.append(line.strip())
    tokens.append("")
threading.Thread(target=take, daemon=True).start()
print("ready", flush=True)
while "" not in tokens:
    for token in list(tokens):
        if token:
            formatter.unpack(token)
            reads += 1
    time.sleep(0.01)
print(reads, flush=True)
"""
"""Keystone's own code in a replica: every token that it is given is decrypted with the keys on disk, again and again
until standard input ends. A token that cannot be read ends it at once."""


class Reader:
    """One replica that reads tokens all the time."""

    def __init__(self, container: str) -> None:
        command = ["docker", "exec", "-i", "-u", "keystone", container, "python", "-c", READER]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self.container = container
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        assert first == "ready\n", self.errors()

    def take(self, token: str) -> None:
        assert self.process.stdin is not None
        assert self.process.poll() is None, f"{self.container} could not read a token:\n{self.errors()}"
        self.process.stdin.write(token + "\n")
        self.process.stdin.flush()

    def finish(self) -> int:
        """How many reads there were; none failed."""
        said, errors = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, f"{self.container} could not read a token:\n{errors[-2000:]}"
        return int(said.split()[-1])

    def errors(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read()[-2000:]


@contextmanager
def validating(identity: Identity, tokens: list[str]) -> Iterator[list[str]]:
    """20 validations a second over all tokens, old and new; what was refused."""
    refused: list[str] = []
    over = threading.Event()
    count = 0

    def ask() -> None:
        nonlocal count
        while not over.wait(0.05):
            token = tokens[count % len(tokens)]
            count += 1
            try:
                identity.validate(identity.connection(), token)
            except (Wrong, OSError, http.client.HTTPException) as error:
                refused.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield refused
    finally:
        over.set()
        thread.join()
        print(f"{len(refused)} refused of {count} validations of {len(tokens)} tokens: {refused[:3]}")
        assert count > 50


def api(cloud: Cloud, method: str, path: str, token: str, body: Any = None) -> Any:
    """One request to the identity API; the answer's JSON."""
    parts = urlsplit(cloud.url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port or 80, timeout=30)
    headers = {"X-Auth-Token": token, "Content-Type": "application/json"}
    connection.request(method, f"/v3/{path}", None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status < 300, (answer.status, text)
    return json.loads(text) if text else None


def rotated(cloud: Cloud, *names: str) -> str:
    """Rotates in the settings; what was printed."""
    outcome = cloud.home.run("kolla-iac", "secrets", "rotate", cloud.name, *names)
    cloud.said.append(str(outcome))
    return outcome.text


def logs_in(cloud: Cloud, user: str, password: str) -> bool:
    """Whether the database lets a user in over the network."""
    (server,) = cloud.containers("mariadb")
    options = option_file("127.0.0.1", 3306, user, password)
    command = [
        "docker",
        "exec",
        "-i",
        str(server.name),
        "mariadb",
        "--defaults-file=/dev/stdin",
        "--protocol=tcp",
    ]
    done = subprocess.run(
        [*command, "-e", "SELECT 1"], input=options, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 or "Access denied" in done.stderr, done.stderr
    return done.returncode == 0


def statistics(cloud: Cloud, password: str) -> int:
    """Status with which HAProxy's page answers."""
    (balancer,) = cloud.containers("loadbalancer")
    program = (
        "import base64, sys, urllib.error, urllib.request as r\n"
        "word = base64.b64encode(b'openstack:' + sys.stdin.buffer.read()).decode()\n"
        "ask = r.Request('http://127.0.0.1:1984/', headers={'Authorization': 'Basic ' + word})\n"
        "try: print(r.urlopen(ask).status)\n"
        "except urllib.error.HTTPError as error: print(error.code)\n"
    )
    command = ["docker", "exec", "-i", str(balancer.name), "python3", "-c", program]
    return int(subprocess.run(command, input=password, capture_output=True, text=True, check=True).stdout)


def test_keys_three_times_under_validations(cloud: Cloud) -> None:
    """Tokens issued before, between and after three rotations are valid throughout, on each replica's own keys."""
    identity = cloud.identity()
    tokens = [identity.issue(identity.connection())]
    user = _owner(cloud, tokens[0])
    credential = {"credential": {"type": "cert", "blob": "kept over rotations", "user_id": user}}
    kept = api(cloud, "POST", "credentials", tokens[0], credential)["credential"]["id"]
    before = cloud.ids()
    readers = [Reader(str(one.name)) for one in cloud.containers("keystone")]
    for reader in readers:
        reader.take(tokens[0])
    with validating(identity, tokens) as refused:
        for _ in range(3):
            rotated(cloud, "fernet", "credential")
            outcome = cloud.up()
            assert {name for name in outcome.touched if name.startswith("keystone-")} == {
                "keystone-keys-staged",
                "keystone-keys-promoted",
                "keystone-credentials",
            }, str(outcome)
            tokens.append(identity.issue(identity.connection()))
            for reader in readers:
                reader.take(tokens[-1])
    assert refused == []
    reads = [reader.finish() for reader in readers]
    print(f"reads by the replicas themselves: {reads}, none failed")
    assert min(reads) > 100
    assert cloud.ids() == before, "a container was replaced"
    assert api(cloud, "GET", f"credentials/{kept}", tokens[0])["credential"]["blob"] == "kept over rotations"
    hashes = {key_hash for (key_hash,) in _credential_hashes(cloud)}
    assert len(hashes) == 1, "credentials are not encrypted with one key"
    api(cloud, "DELETE", f"credentials/{kept}", tokens[0])
    assert cloud.up().changes == 0


def test_passwords_under_load(cloud: Cloud) -> None:
    names = ("keystone_database_password", "mariadb_root_password", "haproxy_statistics_password")
    old = {name: cloud.secret(name) for name in names}
    assert logs_in(cloud, "keystone", old["keystone_database_password"])
    assert logs_in(cloud, "root", old["mariadb_root_password"])
    assert statistics(cloud, old["haproxy_statistics_password"]) == 200
    balancer = cloud.ids("loadbalancer")
    rotated(cloud, *names, "memcache_secret_key")
    with probing(cloud) as probe:
        outcome = cloud.up()
    probe.none_failed()
    assert "keystone-users" in outcome.touched, str(outcome)
    new = {name: cloud.secret(name) for name in names}
    assert not logs_in(cloud, "keystone", old["keystone_database_password"])
    assert not logs_in(cloud, "root", old["mariadb_root_password"])
    assert statistics(cloud, old["haproxy_statistics_password"]) == 401
    assert logs_in(cloud, "keystone_1", new["keystone_database_password"])
    assert logs_in(cloud, "root", new["mariadb_root_password"])
    assert statistics(cloud, new["haproxy_statistics_password"]) == 200
    assert cloud.ids("loadbalancer") == balancer, "the load balancer was replaced"
    assert cloud.up().changes == 0
    assert {row["name"] for row in _listed(cloud) if row["rotations"] == 1} >= {*names, "memcache_secret_key"}


def test_the_administrators_password_under_the_load_of_others(cloud: Cloud) -> None:
    admin = cloud.identity()
    token = admin.issue(admin.connection())
    project = api(cloud, "GET", "projects?name=admin", token)["projects"][0]["id"]
    made = {"user": {"name": "loaded", "password": "of the load", "default_project_id": project}}
    user = api(cloud, "POST", "users", token, made)["user"]["id"]
    role = api(cloud, "GET", "roles?name=reader", token)["roles"][0]["id"]
    api(cloud, "PUT", f"projects/{project}/users/{user}/roles/{role}", token)
    rotated(cloud, "keystone_admin_password")
    del cloud._password
    with probing(cloud, identity=Identity(cloud.url, "loaded", "admin", "of the load")) as probe:
        cloud.up()
    probe.none_failed()
    with pytest.raises(Wrong, match="401"):
        admin.issue(admin.connection())
    with pytest.raises(Wrong, match=r"401|404"):
        admin.validate(admin.connection(), token)
    assert cloud.answers()
    cloud.kolla("clouds", "--yes")
    cloud.openstack("token", "issue", "-f", "value", "-c", "expires")
    api(cloud, "DELETE", f"users/{user}", cloud.identity().issue(cloud.identity().connection()))
    assert cloud.up().changes == 0


CUT_AT = (
    "keystone-1-handover",
    "keystone-keys-staged",
    "keystone-keys-promoted",
    "keystone-schema",
    "keystone-users",
)


@pytest.mark.parametrize(
    "stage",
    [pytest.param(stage, marks=[pytest.mark.long] if number else []) for number, stage in enumerate(CUT_AT)],
)
def test_a_rotation_that_was_cut_off_goes_on_with_the_next(cloud: Cloud, stage: str) -> None:
    """Killed outright, engine and stage; then rotated once more before anybody brought the first one to its end."""
    identity = cloud.identity()
    token = identity.issue(identity.connection())
    with probing(cloud) as probe:
        rotated(cloud, "keystone_database_password", "fernet")
        running = cloud.start()
        running.until(running.says(rf"{stage} updating"))
        running.end(signal.SIGKILL, group=True)
        cloud.pulumi("cancel", "--yes", fails=None)
        rotated(cloud, "keystone_database_password", "fernet")
        cloud.up()
        cloud.pulumi("refresh", "--yes", "--clear-pending-creates")
        cloud.whole()
    probe.none_failed()
    identity.validate(identity.connection(), token)
    (server,) = cloud.containers("mariadb")
    users = server.exec_run(
        ["mariadb", "-N", "-e", "SELECT User FROM mysql.user WHERE User LIKE 'keystone%'"]
    )
    assert len(users.output.decode().split()) == 1, users.output
    assert cloud.up().changes == 0


def test_what_is_young_enough_stays(cloud: Cloud) -> None:
    rotated(cloud, "--all", "--older-than", "90d")  # those whose age nobody knows, where this test runs alone
    before = cloud.file.read_text()
    said = rotated(cloud, "--all", "--older-than", "90d")
    assert said.endswith("none is older than 90d; nothing was rotated\n")
    assert cloud.file.read_text() == before
    cloud.up()


def _owner(cloud: Cloud, token: str) -> str:
    return str(api(cloud, "GET", "users?name=admin", token)["users"][0]["id"])


def _listed(cloud: Cloud) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        cloud.home.run("kolla-iac", "secrets", "list", cloud.name, "--json").text
    )
    return found


def _credential_hashes(cloud: Cloud) -> list[list[str]]:
    (server,) = cloud.containers("mariadb")
    done = server.exec_run(["mariadb", "-N", "keystone", "-e", "SELECT key_hash FROM credential"])
    return [line.split() for line in done.output.decode().splitlines()]
