"""What `kolla-iac backup list` shows of the server's backups, and what the Jobs on the repository are given."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from kolla_iac.cli.repository import table
from kolla_iac.components.mariadb import backups
from kolla_iac.model.backup import REPOSITORY_PASSWORD, BackupSettings, Target
from kolla_iac.model.environment import load_environment
from kolla_iac.model.secrets import required
from kolla_iac.model.stage import Mount

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def one(**change: Any) -> dict[str, Any]:
    return {
        "backup": "mariadb-20260504T100000Z",
        "made": "2026-05-04T10:00:00.123456789Z",
        "release": "2025.2",
        "verified": "20260504T113000Z",
        "bytes": 62_300_000,
        "added": 940_000,
        "kept_as": ["last", "daily"],
        **change,
    }


def test_the_list_says_age_size_proof_and_why_it_is_kept() -> None:
    never = one(backup="mariadb-20260503T100000Z", made="2026-05-03T10:00:00Z", verified="", kept_as=[])
    moments = [["20260503T100002Z", "20260504T113000Z"]]
    head, first, second, cut, reached = table(
        {"backups": [one(), never], "cut_off": 1, "moments": moments}, NOW
    )
    assert head.split() == ["backup", "age", "release", "data", "new", "in", "it", "verified", "kept", "as"]
    assert first.split("  ")[0] == "mariadb-20260504T100000Z"
    for words in ("2 h 0 min", "2025.2", "62.3 MB", "0.9 MB", "30 min ago", "last, daily"):
        assert words in first
    assert "never" in second and "it goes with the next" in second
    assert cut.startswith("1 more cut off; counts for nothing")
    assert (
        reached == "restore --until reaches every moment from 2026-05-03 10:00:02 to 2026-05-04 11:30:00 UTC"
    )
    assert table({"backups": [], "cut_off": 0, "moments": []}, NOW) == [
        "no backup of the database server is there"
    ]


def test_the_repository_s_password_is_needed_where_there_is_a_target() -> None:
    plain = load_environment({"release": "2025.2"}, "x")
    aimed = load_environment({"release": "2025.2", "backup": {"target": {"volume": "safe"}}}, "x")
    assert set(required(aimed)) - set(required(plain)) == {REPOSITORY_PASSWORD.name}


def job(phase: str, *, client: str = "", key: str = "", **more: Any) -> Any:
    access = backups.Access("of-the-repository", key=key, client=client)
    return backups.job(
        phase,
        **{
            "environment": "dev",
            "release": "2025.2",
            "policy": BackupSettings(target=Target(directory="/srv/backups")),
            "access": access,
            "hosts": {"local": "unix:///var/run/docker.sock"},
            "host": "local",
            "image": "kolla-iac/mariadb-server:1",
            "network": "none",
            **more,
        },
    )


def test_only_a_backup_sees_the_server_s_data_and_cannot_write_there() -> None:
    repository = Mount(volume="/srv/backups", path="/repository")
    for phase in ("create", "logs"):
        assert job(phase, client="[client]").mounts == (
            repository,
            Mount(volume="kolla-dev-mariadb-1", path="/var/lib/mysql", read_only=True),
        )
    assert job("verify").mounts == (repository,)
    assert job("restore-into", into="look").mounts == (repository, Mount(volume="look", path="/restored"))


@pytest.mark.parametrize("phase", ["create", "list", "verify", "restore-into", "unlock"])
def test_secrets_are_in_files_of_mode_0600_alone(phase: str) -> None:
    stage = job(phase, client="login-of-the-server", cloud={"secrets.json": "all-of-them"})
    shown = json.dumps([stage.command, stage.env, stage.name])
    logs_in = phase == "create"
    assert ("login-of-the-server" in [one.content for one in stage.files]) == logs_in
    for secret in ("of-the-repository", "all-of-them", *["login-of-the-server"] * logs_in):
        assert secret not in shown
        (file,) = (one for one in stage.files if one.content == secret)
        assert file.mode == "0600"
        entries = json.loads(stage.files[0].content)["config_files"]
        (entry,) = (each for each in entries if each["source"] == file.path)
        assert (entry["owner"], entry["perm"]) == ("root", "0600")


def test_an_sftp_server_is_known_by_its_key_alone() -> None:
    server = {
        "host": "backup.example",
        "port": 2022,
        "user": "kolla",
        "path": "/srv/backups",
        "host_key": "ssh-ed25519 AAAA",
    }
    given = {"release": "2025.2", "backup": {"target": {"sftp": server}}}
    aimed = load_environment(given, "x")
    assert {"backup_repository_password", "backup_sftp_key"} <= set(required(aimed))
    stage = job("list", policy=aimed.backup, key="-----BEGIN KEY")
    files = {
        file.path.removeprefix("/var/lib/kolla/config_files/etc/kolla-iac/"): file for file in stage.files
    }
    orders = json.loads(files["backup.json"].content)
    assert orders["repository"] == "sftp://kolla@backup.example:2022//srv/backups"
    ssh = "ssh -F /etc/kolla-iac/ssh/config -p 2022 -l kolla backup.example -s sftp"
    assert orders["options"] == [f"sftp.command={ssh}"]
    assert files["ssh/key"].content == "-----BEGIN KEY\n"
    assert files["ssh/key"].mode == "0600"
    assert files["ssh/known_hosts"].content == "[backup.example]:2022 ssh-ed25519 AAAA\n"
    assert "StrictHostKeyChecking yes" in files["ssh/config"].content
    assert stage.mounts == ()


def test_the_program_needs_the_standard_library_alone() -> None:
    import ast
    import sys

    for file in backups.PROGRAM.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                assert all(alias.name.partition(".")[0] in sys.stdlib_module_names for alias in node.names)
            if isinstance(node, ast.ImportFrom) and not node.level:
                assert str(node.module).partition(".")[0] in sys.stdlib_module_names
