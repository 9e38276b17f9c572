"""Looking at a cloud: status, logs, clouds and the list of secrets. Nothing here changes the environment."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import urllib.error
import urllib.request
from itertools import pairwise
from pathlib import Path

import yaml

from kolla_iac.model.environment import load_environment
from tests.waiting import eventually

from .conftest import PASSWORDS, First
from .support import Cloud, Running

LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (\S+) +")


def _refused(cloud: Cloud) -> str:
    """The id of a request for a token that Keystone refuses: nobody has this name."""
    user = {"name": "nobody", "password": "x", "domain": {"id": "default"}}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{cloud.url}/auth/tokens", json.dumps(body).encode(), headers)
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30)
    except urllib.error.HTTPError as error:
        assert error.code == 401
        return str(error.headers["X-Openstack-Request-Id"])
    raise AssertionError("a token for nobody")


def _status(cloud: Cloud) -> int:
    return cloud.home.run("kolla-iac", "status", cloud.name, fails=None).status


def test_a_whole_cloud_says_so(cloud: Cloud) -> None:
    said = cloud.kolla("status")
    assert said.text.startswith(f"{cloud.name}  whole\n"), str(said)
    assert re.search(r"  keystone +2025\.2 +\S+ +2 of 2 +2 healthy +2 UP ", said.text), str(said)
    found = json.loads(cloud.kolla("status", "--json").text)
    assert (found["state"], found["release"], found["troubles"]) == ("whole", "2025.2", [])
    assert {one["service"] for one in found["services"]} == set(
        load_environment(cloud.base, "the test").enabled()
    )
    told = {one["name"] for service in found["services"] for one in service["containers"]}
    assert told == {one.name for one in cloud.containers()}


def test_a_paused_service_is_degraded(cloud: Cloud) -> None:
    (memcached,) = cloud.containers("memcached")
    memcached.pause()
    try:
        said = cloud.kolla("status", fails=True)
    finally:
        memcached.unpause()
    assert said.status == 1, str(said)
    assert f"{cloud.name}  degraded" in said.text
    assert re.search(r"memcached-1: \S+ on local, paused, ", said.text), str(said)
    # Docker calls what it has paused unhealthy until its next check, after 10 s
    eventually(lambda: _status(cloud) == 0, 40, "the cloud is whole again")


def test_a_cloud_that_is_not_up_is_not_reachable(cloud: Cloud) -> None:
    name = f"{cloud.name}-not"
    file = cloud.file.with_name(f"Pulumi.{name}.yaml")
    file.write_text(yaml.safe_dump({"config": {"kolla-iac:environment": {"release": "2025.2"}}}))
    try:
        said = cloud.home.run("kolla-iac", "status", name, fails=True)
    finally:
        file.unlink()
    assert said.status == 2, str(said)
    assert f"next  kolla-iac up {name}" in said.text


def test_a_request_is_found_in_all_logs_by_its_id(cloud: Cloud) -> None:
    request = _refused(cloud)
    said = cloud.kolla("logs", "--since", "5m", "--request-id", request).text.splitlines()
    assert said and all(request in line for line in said), said
    replicas = {one.name for one in cloud.containers("keystone")}
    assert {LINE.match(line)[2] for line in said} <= replicas  # type: ignore[index]


def test_logs_of_all_containers_in_the_order_of_time(cloud: Cloud, first: First) -> None:
    said = cloud.kolla("logs", "--since", "1d").text
    found = [LINE.match(line) for line in said.splitlines()]
    assert len(found) > 100 and all(found), said[:2000]
    prefix = f"kolla-{cloud.name}-"
    named = {str(one.name).removeprefix(prefix) for one in cloud.containers()}
    assert {one[2] for one in found if one} == named
    times = [one[1] for one in found if one]
    # the two output streams of one container are stamped by two threads of Docker
    assert sum(late < early for early, late in pairwise(times)) < len(times) / 100
    assert not any(needle in said for needle in first.needles)


def test_logs_are_followed_until_interrupted(cloud: Cloud) -> None:
    following = Running(
        subprocess.Popen(
            ["kolla-iac", "logs", cloud.name, "keystone", "--follow", "--grep", "Authorization failed"],
            cwd=cloud.home.project,
            env=cloud.home.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    )
    request = ""
    for _ in range(3):
        request = _refused(cloud)
        following.until(following.says(request), seconds=20)
    assert following.end(signal.SIGINT, group=True) == 130, following.text
    assert following.text.count(request) == 1, following.text


def test_an_entry_in_a_file_of_ones_own(cloud: Cloud, tmp_path: Path) -> None:
    file, secure = tmp_path / "clouds.yaml", tmp_path / "secure.yaml"
    file.write_text("# mine\nclouds:\n  other: {region_name: here}\n")
    said = cloud.kolla("clouds", "--file", str(file), "--name", "mine")
    assert f"added  mine in {file}" in said.text
    assert file.read_text().startswith("# mine\nclouds:\n  other: {region_name: here}\n  mine:\n")
    assert cloud.password() not in file.read_text()
    assert secure.stat().st_mode & 0o777 == 0o600
    assert yaml.safe_load(secure.read_text()) == {
        "clouds": {"mine": {"auth": {"password": cloud.password()}}}
    }

    used = {"OS_CLIENT_CONFIG_FILE": str(file), "OS_CLIENT_SECURE_FILE": str(secure)}
    token = cloud.home.run("openstack", "--os-cloud", "mine", "token", "issue", "-f", "json", env=used)
    assert "project_id" in token.text
    assert "kept     mine" in cloud.kolla("clouds", "--file", str(file), "--name", "mine").text

    file.write_text(file.read_text().replace(cloud.url, "http://192.0.2.1:5000/v3"))
    before = file.read_text()
    refused = cloud.kolla("clouds", "--file", str(file), "--name", "mine", fails=True, stdin="n\n")
    assert f"auth.auth_url: http://192.0.2.1:5000/v3 -> {cloud.url}" in refused.text
    assert "nothing was touched" in refused.text and file.read_text() == before
    assert "replaced" in cloud.kolla("clouds", "--file", str(file), "--name", "mine", stdin="y\n").text
    assert cloud.url in file.read_text()


def test_secrets_are_listed_by_name(cloud: Cloud, first: First) -> None:
    said = cloud.kolla("secrets", "list").text
    for name in PASSWORDS:
        assert re.search(rf"^{name} +\S.* present$", said, re.MULTILINE), said
    assert not any(needle in said for needle in first.needles)
