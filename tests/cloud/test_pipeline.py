"""What the workflows for pull requests run: the scripts, in a repository of an operator, against a host's API."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.comments import MERGED, TOKEN, Host, comments

from .others import second_checkout
from .support import Cloud, Outcome, override

POLICY = "approvals: {irreversible: no-way-back}\n"


class Repository:
    """An operator's repository, in which the environment's settings are committed, and its pipeline."""

    def __init__(self, cloud: Cloud, folder: Path, host: Host) -> None:
        self.cloud, self.host = cloud, host
        self.folder = second_checkout(folder, cloud)
        self._git("init", "--quiet", "--initial-branch", "main")
        self._git("config", "user.name", "operator")
        self._git("config", "user.email", "operator@example.org")
        (self.folder / "stacks" / "policy.yaml").write_text(POLICY)
        self.commit({})

    def _git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.folder, check=True)

    def branch(self, name: str) -> None:
        self._git("checkout", "--quiet", "-B", name, "main")

    def commit(self, change: dict[str, Any]) -> None:
        self.cloud.write(change)
        file = self.folder / "stacks" / self.cloud.file.name
        file.write_bytes(self.cloud.file.read_bytes())
        self._git("add", "--all", ".")
        self._git("add", "--force", str(file))
        self._git("commit", "--quiet", "--allow-empty", "--message", "change")

    def run(self, script: str, *words: str, ref: str, labels: str = "") -> Outcome:
        environment = {
            **{"GITHUB_API_URL": self.host.url, "GITHUB_REPOSITORY": "me/it", "GITHUB_TOKEN": TOKEN},
            **{"GITHUB_REF": ref, "GITHUB_SHA": MERGED, "LABELS": labels, "PYTHONPATH": str(self.folder)},
        }
        line = (f"{self.folder}/.ci/{script}", self.cloud.name, *words)
        return self.cloud.home.run(*line, cwd=self.folder, env=environment, fails=None)

    def plan(self, *, fails: bool = False) -> Outcome:
        """Without secrets and without state, as for a fork."""
        nowhere = str(self.folder / "nowhere")
        environment = {"PULUMI_CONFIG_PASSPHRASE_FILE": nowhere, "PULUMI_BACKEND_URL": f"file://{nowhere}"}
        environment["PYTHONPATH"] = str(self.folder)
        return self.cloud.home.run(
            f"{self.folder}/.ci/plan", "main", cwd=self.folder, env=environment, fails=fails
        )

    @property
    def comments(self) -> list[str]:
        return [one["body"] for one in self.host.comments[150:]]


@pytest.fixture
def repository(cloud: Cloud, tmp_path: Path) -> Any:
    with comments() as host:
        yield Repository(cloud, tmp_path / "repository", host)
    cloud.up()


def test_a_request_is_previewed_approved_applied_and_measured(repository: Repository) -> None:
    pull = "refs/pull/7/merge"
    repository.branch("upgrade")
    repository.commit({"release": "2026.1"})
    refused = repository.run("preview", "main", ref=pull)
    assert refused.status == 3, str(refused)
    (comment,) = repository.comments
    assert "**Keystone is upgraded 2025.2 -&gt; 2026.1, without interruption expected." in comment
    assert "needs the label `no-way-back`**, which is missing**" in comment
    assert "- release = 2025.2\n+ release = 2026.1" in comment
    assert "against `main at " in comment
    allowed = repository.run("preview", "main", ref=pull, labels="size/L,no-way-back")
    assert allowed.status == 0, str(allowed)
    assert "needs the label `no-way-back`, which is there" in repository.comments[0]

    repository.branch("lifetime")
    repository.commit(override("token", expiration=7200))
    previewed = repository.run("preview", "main", ref=pull)
    assert previewed.status == 0, str(previewed)
    assert "### Measured" not in repository.comments[0]
    applied = repository.run("apply", ref="refs/heads/main")
    assert applied.status == 0, str(applied)
    (comment,) = repository.comments
    assert "### Measured while it was carried out" in comment
    assert "0 of " in comment
    for name in ("preview.html", "preview.json", "measured.json"):
        assert (repository.folder / "review" / name).stat().st_size > 1000


def test_a_forks_request_is_planned_without_secrets(repository: Repository) -> None:
    assert "Its settings are those of the base." in repository.plan().text
    repository.branch("upgrade")
    repository.commit({"release": "2026.1"})
    planned = repository.plan().text
    assert "    keystone 2025.2 -> 2026.1" in planned
    assert "contract" in planned
    assert "    -    release: '2025.2'\n    +    release: '2026.1'" in planned, planned
    repository.branch("wrong")
    repository.commit({"services": {"keystone": {"replicas": 0}}})
    assert "services.keystone.replicas: must be at least 1" in repository.plan(fails=True).text


def test_a_preview_that_fails_is_said_in_the_comment(repository: Repository) -> None:
    repository.branch("broken")
    (repository.folder / "stacks" / "__main__.py").write_text("raise RuntimeError('no heart')\n")
    failed = repository.run("preview", "main", ref="refs/pull/7/merge")
    assert failed.status not in (0, 3), str(failed)
    (comment,) = repository.comments
    assert "This preview failed" in comment
    assert "no heart" in comment
