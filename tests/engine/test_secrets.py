"""Planted secrets are found in clear nowhere but where they belong."""

from collections.abc import Callable

import docker

from .conftest import containers
from .harness import Outcome, Stack


def test_secrets_are_nowhere_in_clear(stack: Callable[[str], Stack], daemon: docker.DockerClient) -> None:
    it = stack("secrets.py")
    old, new = "planted-oldest-9f3a", "planted-newest-77c1"
    seen: dict[str, Outcome | str] = {}
    seen["first preview"] = it.preview("--diff", secret=old)
    seen["first up"] = it.up("--diff", secret=old)
    (container,) = containers(daemon, it.name)
    assert container.exec_run("cat /etc/kolla/service.conf").output.decode() == f"password = {old}\n"
    assert f"PASSWORD={old}" in container.attrs["Config"]["Env"], "the secret did arrive"
    assert it.outputs(f"{it.name}-stage")["stdout"].strip().isdigit()
    seen["state"] = it.exported()
    seen["preview of the change"] = it.preview("--diff", secret=new)
    seen["preview as data"] = it.preview("--json", secret=new)
    assert "envs" in str(seen["preview of the change"]) and "stdin" in str(seen["preview of the change"])
    seen["up of the change"] = it.up("--diff", "--refresh", secret=new)
    seen["state afterwards"] = it.exported()
    seen["refresh"] = it.pulumi("refresh", "--yes", "--diff", "--stack", "t", secret=new)
    seen["destroy"] = it.destroy(secret=new)
    for where, what in seen.items():
        text = what if isinstance(what, str) else what.text
        for secret in (old, new):
            assert secret not in text, f"{secret} in clear in: {where}"
    files = [path for path in (it.folder / "state").rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = path.read_bytes()
        assert old.encode() not in content and new.encode() not in content, path
