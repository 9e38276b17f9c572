"""One comment, changed in place: against a server that keeps comments as the hosts' APIs do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from kolla_iac.cli import main
from kolla_iac.preview.markdown import COMMENT, LIMIT
from tests.comments import MERGED, TOKEN, Host, comments

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def host() -> Iterator[Host]:
    with comments() as server:
        yield server


@pytest.fixture(params=["github", "gitlab"])
def pipeline(request: pytest.FixtureRequest, host: Host, monkeypatch: pytest.MonkeyPatch) -> str:
    """The environment in which a pipeline's step runs."""
    names = ("GITHUB_API_URL", "GITHUB_REPOSITORY", "GITHUB_REF", "GITHUB_TOKEN")
    names += ("CI_API_V4_URL", "CI_PROJECT_ID", "CI_MERGE_REQUEST_IID", "GITLAB_TOKEN")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    values = (host.url, "me/it", "refs/pull/7/merge", TOKEN, host.url, "3", "7", TOKEN)
    which = slice(0, 4) if request.param == "github" else slice(4, 8)
    for name, value in zip(names[which], values[which], strict=True):
        monkeypatch.setenv(name, value)
    return str(request.param)


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["comment", *words])
    return int(ended.value.code or 0)


def test_it_is_written_once_and_then_changed_in_place(host: Host, pipeline: str, tmp_path: Path) -> None:
    file = tmp_path / "comment.md"
    for text in ("first", "first", "second"):
        file.write_text(text)
        assert run(str(file), "--name", "dev") == 0
    ours = [one["body"] for one in host.comments if "kolla-iac" in one["body"]]
    assert ours == ["<!-- kolla-iac: dev -->\nsecond"]
    assert len(host.comments) == 151
    assert [asked.split()[0] for asked in host.asked if not asked.startswith("GET")] == [
        "POST",
        "PATCH" if pipeline == "github" else "PUT",
    ]
    assert run(str(file), "--name", "another") == 0
    assert len(host.comments) == 152


def test_after_a_merge_it_is_the_request_that_was_merged(
    host: Host,
    pipeline: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "comment.md"
    file.write_text("announced")
    assert run(str(file)) == 0
    monkeypatch.delenv("CI_MERGE_REQUEST_IID", raising=False)
    if pipeline == "github":
        monkeypatch.setenv("GITHUB_REF", "refs/heads/main")
    commit = "GITHUB_SHA" if pipeline == "github" else "CI_COMMIT_SHA"
    monkeypatch.setenv(commit, MERGED)
    file.write_text("measured")
    assert run(str(file)) == 0
    assert [one["body"].splitlines()[1:] for one in host.comments[150:]] == [["measured"]]
    monkeypatch.setenv(commit, "0" * 40)
    assert run(str(file)) == 1
    assert "no merge of a request made commit 000000000000" in capsys.readouterr().err


def test_the_longest_report_fits_with_the_line_that_marks_it(
    host: Host, pipeline: str, tmp_path: Path
) -> None:
    file = tmp_path / "comment.md"
    file.write_text("x" * LIMIT)
    assert run(str(file), "--name", "an environment " * 50) == 0
    assert LIMIT < len(host.comments[-1]["body"]) <= COMMENT


def test_a_refusal_is_said_with_what_it_usually_means(
    host: Host,
    pipeline: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN" if pipeline == "github" else "GITLAB_TOKEN", "another")
    file = tmp_path / "comment.md"
    file.write_text("text")
    assert run(str(file)) == 1
    said = capsys.readouterr().err
    assert "was refused: 403" in said
    assert ("pull-requests: write" if pipeline == "github" else "scope api") in said
    assert "another" not in said
    assert len(host.comments) == 150


@pytest.mark.parametrize(
    ("text", "why"), [("", "is empty"), ("x" * 65_536, "too long"), (None, "cannot be read")]
)
def test_what_is_no_comment_is_not_written(
    host: Host, pipeline: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, why: str
) -> None:
    file = tmp_path / "comment.md"
    if text is not None:
        file.write_text(text)
    assert run(str(file)) == 1
    assert why in capsys.readouterr().err
    assert host.asked == []


def test_outside_of_a_pipeline_it_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("CI_API_V4_URL", "GITHUB_API_URL", "GITHUB_REF"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "comment.md"
    file.write_text("text")
    assert run(str(file)) == 1
    assert "GITHUB_API_URL" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["preview", "apply"])
def test_the_workflows_have_the_least_rights_and_pinned_actions(name: str) -> None:
    text = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    assert "pull_request_target" not in text
    for job, said in workflow["jobs"].items():
        writes = {key for key, value in said["permissions"].items() if value == "write"}
        assert writes == (set() if job == "settings" else {"pull-requests"})
        for step in said["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"]), step
            # nothing that a pull request's author writes is pasted into a shell
            assert "${{" not in step.get("run", "")
    assert "secrets." not in json.dumps(workflow["jobs"].get("settings", {}))


def test_every_command_of_the_workflows_is_one_that_there_is() -> None:
    """Both scripts are there for both hosts, and each line of `kolla-iac` is parsed by the command line itself."""
    files = (".github/workflows/preview.yml", ".github/workflows/apply.yml", ".gitlab/preview.yml")
    texts = [(ROOT / file).read_text() for file in files]
    called = set(re.findall(r"(?:run:|-) (\.ci/\w+)", "\n".join(texts)))
    assert called == {".ci/setup", ".ci/plan", ".ci/preview", ".ci/apply"}
    for name in called:
        assert (ROOT / name).stat().st_mode & 0o111
    texts += [(ROOT / name).read_text().replace("\\\n", " ") for name in called]
    lines = re.findall(r"kolla-iac ([a-z]+ [^|\n]*)", "\n".join(texts))
    # comments say what is to be copied; what the shell takes away is none of the command's words
    lines = [line for line in lines if '"' in line]
    assert len(lines) >= 9
    for line in lines:
        words = (
            line.partition(" -- ")[0]
            .partition(" 2>")[0]
            .replace('"${words[@]}"', "x")
            .replace('"${measured[@]}"', "")
        )
        with pytest.raises(SystemExit) as ended:
            main([*words.replace('"', "").split(), "--help"])
        assert ended.value.code in (0, None), words
