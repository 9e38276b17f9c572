"""`kolla-iac doctor`: nothing on a healthy cloud; every planted fault, and its mends, which are typed."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from tests.waiting import eventually

from .faults import FAULTS, Fault, lock, unlock
from .support import Cloud, Outcome

STRICT = ("--disk", "1000000", "--key-age", "0")
"""No disk is large enough for these, and no key young enough."""
TYPED = ("docker ", "chmod ", "kolla-iac ", "pulumi ")
"""What a mend that can be typed as it stands begins with; others name a setting to change."""
FREES, UPDATE = "pulumi cancel", "pulumi up"
"""Before the one the engine does nothing; the other takes longest."""


def _doctor(cloud: Cloud, *words: str) -> tuple[int, dict[str, Any]]:
    said = cloud.home.run("kolla-iac", "doctor", cloud.name, "--json", *words, fails=None)
    return said.status, json.loads(said.text)


def _told(found: dict[str, Any], check: str) -> list[str]:
    return [f"{one['where']}: {one['saw']}" for one in found["findings"] if one["check"] == check]


def _whole(cloud: Cloud) -> bool:
    return cloud.home.run("kolla-iac", "status", cloud.name, fails=None).status == 0


def test_a_healthy_cloud_has_nothing(cloud: Cloud) -> None:
    eventually(lambda: _whole(cloud), 60, "the cloud is whole")
    status, found = _doctor(cloud)
    assert (status, found["findings"], found["not_seen"]) == (0, [], []), found
    assert {one["state"] for one in found["checks"]} == {"fine"}, found["checks"]
    # every check that has a fault of its own has looked
    assert {one["name"] for one in found["checks"]} >= {fault.check for fault in FAULTS}
    text = cloud.kolla("doctor").text
    assert text.startswith(f"{cloud.name}  nothing found\n")
    assert re.search(r"  plugins +docker \S+, (official|stand-in): ", text), text


def test_planted_faults_are_found_and_what_is_typed_mends_them(cloud: Cloud) -> None:
    eventually(lambda: _whole(cloud), 60, "the cloud is whole")
    began = time.monotonic()
    with _planted(cloud):
        status, found = _doctor(cloud, *STRICT)
        print(f"{len(FAULTS)} faults planted and looked for in {time.monotonic() - began:.1f} s")
        print("\n".join(f"{one['check']}  {one['where']}: {one['saw']}" for one in found["findings"]))
        missed = [fault for fault in FAULTS if not _finds(found, fault)]
        assert not missed, missed
        assert (status, found["not_seen"]) == (1, [])
        said = cloud.home.run("kolla-iac", "doctor", cloud.name, *STRICT, fails=True)
        unsaid = [one for one in found["findings"] if one["mend"] not in said.text]
        assert not unsaid, f"{unsaid} in {said}"
        # what others need to stand comes back first: the engine works with all of it
        for fault in FAULTS:
            if fault.undo:
                fault.undo(cloud)
    _mend(cloud)
    eventually(lambda: _whole(cloud), 60, "the cloud is whole again")
    status, found = _doctor(cloud)
    assert (status, found["findings"]) == (0, []), found
    print(f"all of it in {time.monotonic() - began:.1f} s")


def _mend(cloud: Cloud) -> None:
    """Types what the findings say, and looks again: one mend may take several findings away."""
    for _ in range(8):
        findings = _doctor(cloud)[1]["findings"]
        mends = list(dict.fromkeys(one["mend"] for one in findings if one["mend"].startswith(TYPED)))
        if not mends:
            return
        quick = sorted((mend for mend in mends if UPDATE not in mend), key=lambda mend: FREES not in mend)
        for mend in quick or mends[:1]:
            print(_typed(cloud, mend))


def _finds(found: dict[str, Any], fault: Fault) -> bool:
    return any(re.search(fault.saw, line) for line in _told(found, fault.check))


@contextmanager
def _planted(cloud: Cloud) -> Iterator[None]:
    """All of them. A test that fails takes them back in the same way, as far as that goes."""
    try:
        for fault in FAULTS:
            fault.plant(cloud)
        for name in ("looping", "hungry", "sick"):
            eventually(lambda name=name: _ripe(cloud, name), 60, f"{name} is as it should be")
        yield
    except BaseException:
        for fault in FAULTS:
            _quietly(fault.undo, cloud)
        _quietly(_mend, cloud)
        raise


def _quietly(act: Callable[[Cloud], Any] | None, cloud: Cloud) -> None:
    try:
        if act:
            act(cloud)
    except Exception as error:  # noqa: BLE001 - what was not planted cannot be taken back
        print(error)


def _ripe(cloud: Cloud, name: str) -> bool:
    container = cloud.docker.containers.get(f"{cloud.name}-{name}")
    state = container.attrs
    if name == "hungry" and state["State"]["Status"] == "exited" and not state["State"]["OOMKilled"]:
        # Docker misses the kernel's word where a container ends in the same moment: once more
        print(
            f"{container.name} was killed ({state['State']['ExitCode']}), and Docker does not know for what"
        )
        container.start()
    return {
        "looping": state["RestartCount"] >= 3,
        "hungry": bool(state["State"]["OOMKilled"]),
        "sick": state["State"].get("Health", {}).get("Status") == "unhealthy",
    }[name]


def _typed(cloud: Cloud, mend: str) -> Outcome:
    """As it stands; only that the engine is not to ask. It fails where another has removed what it means."""
    line = mend.replace("pulumi up ", "pulumi up --yes --skip-preview ")
    return cloud.home.run("bash", "-c", line, fails=None)


def test_what_cannot_be_looked_at_is_not_called_fine(cloud: Cloud) -> None:
    (mariadb,) = cloud.containers("mariadb")
    mariadb.pause()
    lock(cloud, os.getpid())
    try:
        status, found = _doctor(cloud)
    finally:
        unlock(cloud)
        mariadb.unpause()
    assert status == 2
    blind = {one["check"]: one["why"] for one in found["not_seen"]}
    assert blind.keys() >= {"database", "charset", "binlog", "start", "schema", "leftovers"}, found
    assert blind["database"] == "no container of mariadb runs"
    assert "an update runs" in blind["leftovers"]
    assert {one["state"] for one in found["checks"] if one["name"] in blind} == {"not seen"}
    (held,) = _told(found, "lock")
    assert f"is locked by process {os.getpid()} of somebody" in held and held.endswith(": an update runs")
    assert any("mariadb-1 on local: is paused" in line for line in _told(found, "containers"))
    # Docker calls what it has paused unhealthy until its next check
    eventually(lambda: _whole(cloud), 60, "the cloud is whole again")


def test_ports_that_others_have_and_a_host_that_does_not_answer(cloud: Cloud) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        mine = listener.getsockname()[1]
        by_process = _not_up(cloud, {"endpoints": [{"name": "keystone", "port": mine}]})
    assert by_process[0] == 2, "nothing of it stands, so most could not be looked at"
    (held,) = _told(by_process[1], "ports")
    assert re.search(
        rf"port 127.0.0.1:{mine} on local: keystone wants it, and \S+ \(process {os.getpid()}\)", held
    )
    assert "nothing of it stands" in _told(by_process[1], "containers")[0]

    hosts = [{"name": "local"}, {"name": "gone", "docker": f"unix://{cloud.home.folder}/no.sock"}]
    by_container = _not_up(cloud, {"endpoints": [{"name": "keystone", "port": cloud.port}], "hosts": hosts})
    (held,) = _told(by_container[1], "ports")
    assert f"container kolla-{cloud.name}-entrance-1 publishes it" in held
    gone = [one for one in by_container[1]["not_seen"] if one["where"] == "host gone"]
    assert {"docker", "disk", "clock", "containers"} <= {one["check"] for one in gone}
    assert "no such socket" in gone[0]["why"]
    assert by_container[0] == 2


def _not_up(cloud: Cloud, settings: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """What is said of an environment that has settings and nothing else."""
    name = f"{cloud.name}-not"
    file = cloud.file.with_name(f"Pulumi.{name}.yaml")
    file.write_text(yaml.safe_dump({"config": {"kolla-iac:environment": {"release": "2025.2", **settings}}}))
    try:
        said = cloud.home.run("kolla-iac", "doctor", name, "--json", fails=True)
    finally:
        file.unlink()
    return said.status, json.loads(said.text)
