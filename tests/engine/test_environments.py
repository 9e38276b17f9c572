"""`kolla-iac init` and `secrets generate` with the real engine: passphrase, backend and files, no containers."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from kolla_iac.model.secrets import malformed, required
from kolla_iac.model.stackfile import load_file

PROGRAM = """\
import pulumi
pulumi.export("release", pulumi.Config().require_object("environment")["release"])
"""


@dataclass(frozen=True)
class Checkout:
    """A project's folder; several share a state's backend and a passphrase."""

    folder: Path
    shared: Path

    def run(self, *command: str, **changed: str) -> subprocess.CompletedProcess[str]:
        """A command inside the checkout, its environment entered."""
        entered = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "KOLLA_IAC_HOME": str(self.shared),
            "PULUMI_HOME": str(self.shared / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.shared / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.shared / "passphrase"),
            "PULUMI_SKIP_UPDATE_CHECK": "1",
        }
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI")}
        return subprocess.run(
            command,
            cwd=self.folder,
            env=kept | entered | changed,
            capture_output=True,
            text=True,
            check=False,
        )

    def done(self, *command: str) -> str:
        """What a command that must succeed printed."""
        done = self.run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def file(self, env: str) -> Path:
        return self.folder / "stacks" / f"Pulumi.{env}.yaml"

    def secrets(self, env: str) -> dict[str, str]:
        """Values in clear."""
        printed = self.done("pulumi", "config", "get", "kolla-iac:secrets", "--stack", env)
        values: dict[str, str] = json.loads(printed)
        return values


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    shared = tmp_path / "shared"
    (shared / "state").mkdir(parents=True)
    (shared / "passphrase").write_text("correct horse")
    return another(tmp_path / "first", shared)


def another(folder: Path, shared: Path) -> Checkout:
    """A checkout without environments."""
    (folder / "stacks").mkdir(parents=True)
    (folder / "stacks" / "__main__.py").write_text(PROGRAM)
    (folder / "Pulumi.yaml").write_text(
        "name: kolla-iac\nruntime: python\nmain: stacks/\nstackConfigDir: stacks\n"
    )
    return Checkout(folder, shared)


def test_init_makes_settings_stack_and_secrets(checkout: Checkout) -> None:
    printed = checkout.done("kolla-iac", "init", "dev")
    values = checkout.secrets("dev")
    env = load_file(checkout.file("dev")).environment
    assert env is not None
    assert set(values) == set(required(env))
    assert malformed(env, values) == []
    assert checkout.done("kolla-iac", "check", "dev") == "dev: no problems\n"
    written = checkout.file("dev").read_text()
    for value in values.values():
        assert value not in printed
        assert value not in written


def test_init_again_changes_nothing(checkout: Checkout) -> None:
    checkout.done("kolla-iac", "init", "dev")
    before = checkout.file("dev").read_bytes()
    printed = checkout.done("kolla-iac", "init", "dev")
    assert "kept       stacks/Pulumi.dev.yaml" in printed
    assert checkout.file("dev").read_bytes() == before


def test_init_goes_on_where_it_was_cut_off(checkout: Checkout) -> None:
    """The settings are there; stack and secrets are not."""
    failed = checkout.run("kolla-iac", "init", "dev", PULUMI_CONFIG_PASSPHRASE_FILE="/nowhere")
    assert failed.returncode == 1
    assert "source .envrc" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert checkout.file("dev").exists()
    checkout.done("kolla-iac", "init", "dev")
    checkout.done("kolla-iac", "check", "dev")


def test_a_second_environment_has_ports_of_its_own(checkout: Checkout) -> None:
    checkout.done("kolla-iac", "init", "dev")
    checkout.done("kolla-iac", "init", "staging", "--release", "2026.1")
    first, second = (load_file(checkout.file(name)).environment for name in ("dev", "staging"))
    assert first is not None
    assert second is not None
    assert first.endpoint("keystone").port != second.endpoint("keystone").port
    assert second.release == "2026.1"
    assert not set(checkout.secrets("dev").values()) & set(checkout.secrets("staging").values())


def test_a_second_checkout_recovers_what_was_deployed(checkout: Checkout, tmp_path: Path) -> None:
    checkout.done("kolla-iac", "init", "dev")
    checkout.done("pulumi", "config", "set", "--path", "kolla-iac:environment.region", "Here", "-s", "dev")
    checkout.done("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", "dev")
    second = another(tmp_path / "second", checkout.shared)
    printed = second.done("kolla-iac", "init", "dev")
    assert "recovered  stacks/Pulumi.dev.yaml" in printed
    assert second.secrets("dev") == checkout.secrets("dev")
    assert load_file(second.file("dev")).environment == load_file(checkout.file("dev")).environment
    preview = second.done("pulumi", "preview", "--diff", "--non-interactive", "--stack", "dev")
    assert "1 unchanged" in preview


def test_a_cloud_that_stands_is_given_no_new_secrets(checkout: Checkout, tmp_path: Path) -> None:
    checkout.done("kolla-iac", "init", "dev")
    checkout.done("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", "dev")
    second = another(tmp_path / "second", checkout.shared)
    fresh = 'config:\n  kolla-iac:environment: {release: "2025.2"}\n'
    second.file("dev").write_text(fresh)
    refused = second.run("kolla-iac", "init", "dev")
    assert refused.returncode == 1
    assert refused.stderr.startswith("dev stands already, and stacks/Pulumi.dev.yaml has none of its secrets")
    assert second.file("dev").read_text() == fresh
    second.done("bash", "-c", refused.stderr.split("next")[1].splitlines()[0].split(":")[0])
    assert second.secrets("dev") == checkout.secrets("dev")


def test_init_makes_the_place_for_state_where_nothing_has(checkout: Checkout, tmp_path: Path) -> None:
    home = tmp_path / "data"
    named = {
        "KOLLA_IAC_HOME": str(home),
        "PULUMI_BACKEND_URL": f"file://{home / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(home / "passphrase"),
    }
    first = checkout.run("kolla-iac", "init", "dev", **named)
    assert first.returncode == 0, first.stderr
    assert f"made       {home}: state" in first.stdout
    # a passphrase that is lost is never made anew: it would open nothing
    (home / "passphrase").unlink()
    assert checkout.run("kolla-iac", "init", "next", **named).returncode == 1
    assert not (home / "passphrase").exists()


def test_a_stack_that_was_never_deployed_gets_settings_anew(checkout: Checkout) -> None:
    checkout.done("kolla-iac", "init", "dev")
    checkout.file("dev").unlink()
    assert "written    stacks/Pulumi.dev.yaml" in checkout.done("kolla-iac", "init", "dev")
    checkout.done("kolla-iac", "check", "dev")


def test_generate_adds_what_is_missing_and_changes_nothing_else(checkout: Checkout) -> None:
    checkout.done("kolla-iac", "init", "dev")
    before = checkout.secrets("dev")
    checkout.done("pulumi", "config", "rm", "--path", "kolla-iac:secrets.mariadb_root_password", "-s", "dev")
    printed = checkout.done("kolla-iac", "secrets", "generate", "dev")
    after = checkout.secrets("dev")
    assert printed == "added  mariadb_root_password\ndev: 1 secret added\n"
    assert after.pop("mariadb_root_password") != before.pop("mariadb_root_password")
    assert after == before
    assert checkout.done("kolla-iac", "secrets", "generate", "dev") == "dev: no secrets added\n"


def test_two_at_once_add_each_secret_once(checkout: Checkout) -> None:
    checkout.done("kolla-iac", "init", "dev")
    checkout.done("pulumi", "config", "rm", "kolla-iac:secrets", "--stack", "dev")
    both = "kolla-iac secrets generate dev & first=$!; kolla-iac secrets generate dev && wait $first"
    printed = checkout.done("bash", "-c", both)
    added = [line.split()[1] for line in printed.splitlines() if line.startswith("added")]
    assert sorted(added) == sorted(checkout.secrets("dev"))


def test_values_never_stand_in_process_arguments(checkout: Checkout, tmp_path: Path) -> None:
    """Every call of the engine is recorded on its way, with its arguments and what it read."""
    recorder = tmp_path / "bin" / "pulumi"
    recorder.parent.mkdir()
    real = checkout.done("bash", "-c", "type -p pulumi").strip()
    log = tmp_path / "arguments"
    recorder.write_text(f'#!/bin/bash\nprintf "%s\\n" "$@" >> {log}\nexec {real} "$@"\n')
    recorder.chmod(0o755)
    path = f"{recorder.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = checkout.run("kolla-iac", "init", "dev", PATH=path)
    assert done.returncode == 0, done.stderr
    arguments = log.read_text()
    assert "kolla-iac:secrets.keystone_fernet_keys" in arguments
    for value in checkout.secrets("dev").values():
        assert value not in arguments


def test_without_the_engine_it_says_what_to_type(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "kolla-iac").symlink_to(Path(sys.executable).parent / "kolla-iac")
    done = checkout.run("kolla-iac", "init", "dev", PATH=str(tmp_path / "bin"))
    assert done.returncode == 1
    assert done.stderr.startswith("pulumi is not on PATH\n  next  source .envrc")
    assert not checkout.file("dev").exists()


def test_settings_without_a_stack_lead_to_init(checkout: Checkout) -> None:
    checkout.file("dev").write_text('config:\n  kolla-iac:environment: {release: "2025.2"}\n')
    done = checkout.run("kolla-iac", "secrets", "generate", "dev")
    assert done.returncode == 1
    assert "no stack named 'dev' found" in done.stderr
    assert "next  kolla-iac init dev" in done.stderr
