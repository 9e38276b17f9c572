"""The examples that need nothing but this project: two regions in one program, and a plan read from Python."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import sys
from pathlib import Path

from .support import CHECKOUT, Cloud, Home, Outcome, free_port, override

EXAMPLES = CHECKOUT / "stacks" / "examples"


def test_two_regions_in_one_program(home: Home, tmp_path: Path) -> None:
    name = f"t-{secrets.token_hex(3)}"
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    folder = tmp_path / "examples" / "two_regions"
    regions = {region: Cloud(home, f"{name}-{region}") for region in ("north", "south")}

    def pulumi(*words: str, stdin: str = "") -> Outcome:
        return home.run("pulumi", *words, "--stack", name, "--non-interactive", cwd=folder, stdin=stdin)

    try:
        home.run("pulumi", "stack", "init", name, "--no-select", cwd=folder)
        pulumi("config", "set", "--secret", "seed", stdin=secrets.token_hex(32))
        pulumi("config", "set", "replicas", "1")
        for region, cloud in regions.items():
            pulumi("config", "set", "--path", f"ports.{region}", str(cloud.port))
        pulumi("up", "--yes", "--skip-preview")
        outputs = json.loads(pulumi("stack", "output", "--json", "--show-secrets").text)
        passwords = {region: outputs[region]["admin"]["password"] for region in regions}
        assert len(set(passwords.values())) == 2
        for region, cloud in regions.items():
            assert outputs[region]["region"] == region
            assert outputs[region]["keystone"] == cloud.url
            cloud._password = passwords[region]
            assert cloud.answers()
            assert sorted(cloud.ids()) == [
                "entrance-1",
                "keystone-1",
                "loadbalancer-1",
                "mariadb-1",
                "memcached-1",
            ]
        pulumi("preview", "--expect-no-changes")
        # one region moves, and the other one is not even looked at
        pulumi("config", "set", "--path", "ports.south", str(free_port()))
        moved = [line for line in pulumi("preview").text.splitlines() if "kolla:" in line]
        assert moved
        assert all("south" in line for line in moved), moved
    finally:
        for cloud in regions.values():
            cloud.remove()


def test_a_plan_is_read_from_python(cloud: Cloud) -> None:
    def read() -> str:
        script = str(EXAMPLES / "preview_plan.py")
        return cloud.home.run(sys.executable, script, cloud.name).text

    cloud.write()
    assert read().splitlines()[0] == "no stage runs"
    cloud.write(override("token", expiration=7200))
    before = cloud.ids()
    lines = read().splitlines()
    assert lines[0] == "keystone: clients feel nothing"
    # from whatever a test before has left there
    assert re.fullmatch(r"  because keystone\.conf \[token\] expiration: \d+ -> 7200", lines[1])
    stages = [line.split()[1] for line in lines[3:-1]]
    assert stages == ["keystone-1-handover", "keystone-2-handover", "keystone-verify"]
    assert "2 replace" in lines[-1]
    assert cloud.ids() == before


def test_settings_that_are_wrong_reach_python_too(cloud: Cloud) -> None:
    cloud.write({"services": {"keystone": {"replicas": 0}}})
    failed = cloud.home.run(sys.executable, str(EXAMPLES / "preview_plan.py"), cloud.name, fails=True)
    assert "services.keystone.replicas: must be at least 1 (got 0)" in failed.text
    assert "Traceback" not in failed.text
