"""One comment, changed in place: against a server that keeps comments as the hosts' APIs do."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from kolla_iac.cli import main
from kolla_iac.preview.markdown import COMMENT, LIMIT

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "token-of-the-test"


class Host(ThreadingHTTPServer):
    """GitHub and GitLab, as far as comments go: pages of 100, and a token that must be right."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.comments: list[dict[str, Any]] = [{"id": n, "body": f"comment {n}"} for n in range(150)]
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Host

    def _answer(self, status: int, data: Any) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _handle(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        sent = json.loads(self.rfile.read(size)) if size else {}
        self.server.asked.append(f"{self.command} {self.path}")
        if TOKEN not in (
            self.headers.get("Authorization", "").removeprefix("Bearer "),
            self.headers.get("PRIVATE-TOKEN"),
        ):
            return self._answer(403, {"message": "Resource not accessible by integration"})
        parts = urlsplit(self.path)
        lists = r"/repos/me/it/issues/7/comments|/projects/3/merge_requests/7/notes"
        if self.command == "GET" and re.fullmatch(lists, parts.path):
            asked = parse_qs(parts.query)
            page, size = int(asked["page"][0]), int(asked["per_page"][0])
            return self._answer(200, self.server.comments[(page - 1) * size : page * size])
        if self.command == "POST" and re.fullmatch(lists, parts.path):
            self.server.comments.append({"id": 1000 + len(self.server.comments), **sent})
            return self._answer(201, self.server.comments[-1])
        one = re.fullmatch(rf"(?:/repos/me/it/issues/comments|{lists.split('|')[1]})/(\d+)", parts.path)
        if one and self.command == ("PATCH" if "repos" in parts.path else "PUT"):
            (found,) = (each for each in self.server.comments if each["id"] == int(one[1]))
            found.update(sent)
            return self._answer(200, found)
        return self._answer(404, {"message": "Not Found"})

    do_GET = do_POST = do_PATCH = do_PUT = _handle

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def host() -> Iterator[Host]:
    server = Host()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


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


def test_the_workflows_have_the_least_rights_and_pinned_actions() -> None:
    text = (ROOT / ".github" / "workflows" / "preview.yml").read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    assert "pull_request_target" not in text
    for name, job in workflow["jobs"].items():
        writes = {key for key, value in job["permissions"].items() if value == "write"}
        assert writes == ({"pull-requests"} if name == "preview" else set())
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"]), step
            # nothing that a pull request's author writes is pasted into a shell
            assert "${{" not in step.get("run", "")
    assert "secrets." not in json.dumps(workflow["jobs"]["settings"])


def test_every_command_of_the_workflows_is_one_that_there_is() -> None:
    """Each `kolla-iac` line of both workflows, parsed by the command line itself."""
    lines = []
    for file in (".github/workflows/preview.yml", ".gitlab/preview.yml"):
        lines += re.findall(r"kolla-iac ([a-z]+ .*)$", (ROOT / file).read_text(), re.MULTILINE)
    assert len(lines) >= 9
    for words in (line.replace('"', "").split() for line in lines):
        with pytest.raises(SystemExit) as ended:
            main([*words, "--help"])
        assert ended.value.code in (0, None), words
