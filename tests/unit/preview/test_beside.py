"""What stands beside a preview's own data."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kolla_iac.cli import main
from kolla_iac.cli.report import rendered
from kolla_iac.preview import Beside, NotReadable, Report, beside, read, report
from kolla_iac.preview.picture import picture
from kolla_iac.preview.services import ServiceChange, Stage
from tests.unit.preview.steps import digest, step

BASE = """config:
  kolla-iac:environment:
    release: 2025.2
    hosts:
    - {name: a, docker: unix:///a}
    services:
      keystone: {replicas: 2}
  kolla-iac:secrets:
    keystone_admin_password: {secure: "v1:old"}
"""
VOLUME = step("delete", "docker:index/volume:Volume", "data")


def settings(now: str) -> Report:
    return report(read(digest(), "x"), Beside(settings=beside.settings(BASE, now, "Pulumi.dev.yaml")))


def test_the_settings_own_difference_is_shown_as_it_was_written() -> None:
    now = (
        BASE.replace("2025.2", "2026.1")
        .replace("replicas: 2", "replicas: 2, workers: 4")
        .replace("///a", "///b")
    )
    text = rendered(settings(now), "markdown")
    assert "- release = 2025.2\n+ release = 2026.1" in text
    assert "+ workers = 4" in text
    assert "[config.kolla-iac:environment.hosts.a]\n- docker = unix:///a\n+ docker = unix:///b" in text
    assert "replicas" not in text
    assert beside.settings(BASE, BASE, "x") is None


def test_encrypted_settings_are_named_and_not_shown() -> None:
    for form in ("text", "markdown", "html", "json"):
        text = rendered(settings(BASE.replace("v1:old", "v1:planted")), form, piped=True)
        assert "planted" not in text, form
        assert "v1:old" not in text, form
        assert "keystone_admin_password" in text, form


@pytest.mark.parametrize(("text", "why"), [("a: [", "line 1"), ("- a", "no mapping"), ("a\tb: {", "")])
def test_settings_that_cannot_be_read_are_said(text: str, why: str) -> None:
    with pytest.raises(NotReadable, match=r"Pulumi\.dev\.yaml cannot be read") as raised:
        beside.settings(BASE, text, "Pulumi.dev.yaml")
    assert why in str(raised.value.facts)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (None, "needs the label `dba`"),
        (frozenset(), "which is missing"),
        (frozenset({"dba"}), "which is there"),
    ],
)
def test_a_finding_says_which_label_it_needs(labels: frozenset[str] | None, said: str) -> None:
    found = report(read(digest(VOLUME), "x"), Beside(approvals={"data-loss": "dba"}, labels=labels))
    assert said in rendered(found, "markdown")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("approval: {}", "approval is not known"),
        ("approvals: [data-loss]", "approvals is no mapping"),
        ("approvals: {loss: dba}", "approvals.loss is not known"),
        ("approvals: {data-loss: []}", "approvals.data-loss is no label"),
        ("approvals: {data-loss: ''}", "approvals.data-loss is no label"),
    ],
)
def test_what_is_no_policy_is_said(text: str, why: str) -> None:
    with pytest.raises(NotReadable, match=re.escape(f"policy.yaml: {why}")):
        beside.policy(text, "policy.yaml")


@pytest.mark.parametrize(("labels", "code"), [(None, 0), ("", 3), ("other", 3), ("other, dba", 0)])
def test_a_missing_label_is_a_gate_only_where_labels_are_said(
    tmp_path: Path, labels: str | None, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "preview.json").write_text(digest(VOLUME))
    (tmp_path / "policy.yaml").write_text("approvals: {data-loss: dba}")
    words = ["report", str(tmp_path / "preview.json"), "--policy", str(tmp_path / "policy.yaml")]
    assert ended(*words, *(() if labels is None else ("--labels", labels))) == code
    assert ("the label dba is missing" in capsys.readouterr().err) is bool(code)


def exported(*resources: dict[str, Any]) -> str:
    return json.dumps({"version": 3, "deployment": {"resources": resources}})


def test_it_is_stale_when_the_state_has_changed_since() -> None:
    old = {"urn": VOLUME["urn"], "inputs": {}, "modified": "2026-11-26T01:00:00Z"}
    made = step("create", "docker:index/volume:Volume", "new")
    preview = read(digest({**VOLUME, "oldState": old}, made), "x")
    assert beside.changed_since(preview, exported(old), "state.json") == ()
    later = exported({**old, "modified": "2026-11-26T02:00:00Z"}, {"urn": made["urn"]})
    assert "2 resources that it names" in beside.changed_since(preview, later, "state.json")[0]
    stale = beside.changed_since(preview, exported(), "state.json")
    found = report(preview, Beside(stale=stale))
    assert [one.kind for one in found.findings] == ["stale", "data-loss"]
    assert "1 resource that it names" in rendered(found, "text", piped=True).replace("\n", " ")


def test_a_state_that_the_preview_itself_refreshed_or_does_not_date_is_not_stale() -> None:
    old = {"urn": VOLUME["urn"], "inputs": {}, "modified": "2026-11-26T01:00:00Z"}
    later = exported({**old, "modified": "2026-11-26T02:00:00Z"})
    refreshed = step("refresh", "docker:index/volume:Volume", "data")
    preview = read(digest(refreshed, {**VOLUME, "oldState": old}), "x")
    assert beside.changed_since(preview, later, "state.json") == ()
    assert beside.changed_since(read(digest(VOLUME), "x"), later, "state.json") == ()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"deployment": 1}', "no"])
def test_what_is_no_state_is_said(text: str) -> None:
    with pytest.raises(NotReadable, match=r"state\.json is no exported state"):
        beside.changed_since(read(digest(), "x"), text, "state.json")


def test_it_is_stale_when_the_base_has_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("GIT_DIR", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)

    def git(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *who, *words], check=True, capture_output=True)

    git("init", "--initial-branch", "main")
    git("commit", "--allow-empty", "--message", "1")
    git("checkout", "-b", "change")
    Path("preview.json").write_text(digest())
    assert ended("report", "preview.json", "--base", "main") == 0
    said = capsys.readouterr().out
    assert re.search(r"against main at [0-9a-f]{12}\b", said)
    assert "stale" not in said
    git("checkout", "main")
    git("commit", "--allow-empty", "--message", "2")
    git("checkout", "change")
    assert ended("report", "preview.json", "--base", "main") == 0
    assert (
        "stale this preview is not true any more: main has moved by 1 commit since" in capsys.readouterr().out
    )
    assert ended("report", "preview.json", "--base", "nowhere") == 2
    assert "git merge-base of --base failed" in capsys.readouterr().err


def ended(*words: str) -> int:
    try:
        main(list(words))
    except SystemExit as done:
        return int(done.code or 0)
    return 0


def test_the_picture_holds_each_stage_and_nothing_that_is_not_text() -> None:
    evil = '"]; click s0 "javascript:alert(1)" %%{init: x}%%\n end'

    def service(name: str, wave: int) -> ServiceChange:
        stages = (Stage("expand", ""), Stage(evil, "", no_way_back="nothing"))
        return ServiceChange(name, ("1", "2"), ("", ""), "none", "", "", stages, wave=wave)

    lines = picture([service("keystone", 1), service(evil, 2)])
    assert "  s0 --> s1" in lines
    assert len(lines) > 8
    for line in lines[1:]:
        assert re.fullmatch(
            r'  subgraph s\d+ \["[\w .,()/+-]*"\]|    direction LR|    s\d+_\d+\["[\w .,()/+-]*"\](:::point)?'
            r'|    s\d+_\d+( --> s\d+_\d+)+|  end|  s\d+ --> s\d+|  s\d+\["[\w .,()/+-]*"\]|  classDef point [\w:,#-]+',
            line,
        ), line
