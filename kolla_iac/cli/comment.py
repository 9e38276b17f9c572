"""``kolla-iac comment``: one comment of a pull or merge request, written anew in place each time."""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from kolla_iac.errors import KollaError

SECONDS = 30.0
PAGES = 50


@dataclass(frozen=True)
class Where:
    """The comments of one request, as its host's API has them."""

    comments: str
    """URL of their list."""
    one: str
    """URL of one, with ``{id}``."""
    update: str
    """Method that changes one."""
    headers: Mapping[str, str]
    hint: str
    """What a refusal usually means."""


def comment(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Markdown, as `kolla-iac report` writes it.")],
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Which comment: one for each name.")
    ] = "preview",
) -> None:
    """Write a file as a comment of this pull request, or change the one that was written before.

    For pipelines: what to comment on is read from the environment that GitHub Actions and GitLab CI set; after a
    merge, it is the request whose merge made the commit. GitHub: needs GITHUB_TOKEN with
    the permission `pull-requests: write`. GitLab: needs GITLAB_TOKEN with the scope `api`.
    """
    from kolla_iac.preview.markdown import COMMENT

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KollaError(f"{file} cannot be read", {"why": str(error)}) from None
    if not text.strip():
        raise KollaError(
            f"{file} is empty, and nothing was written",
            {"hint": "kolla-iac report never writes an empty one"},
        )
    marker = f"<!-- kolla-iac: {re.sub(r'[^A-Za-z0-9._-]', '-', name)[:200]} -->"
    body = f"{marker}\n{text}"
    if len(body) > COMMENT:
        raise KollaError(
            f"{file} is too long for a comment: {len(body):,} characters of {COMMENT:,}",
            {"hint": "kolla-iac report --format markdown makes one that fits"},
        )
    print(written(where(os.environ), marker, body))


def where(environment: Mapping[str, str]) -> Where:
    """What to comment on: the request that the pipeline runs for, else the one whose merge made this commit.

    Raises:
        KollaError: this is no pipeline, or of no request; names what is missing.
    """
    if environment.get("CI_API_V4_URL"):
        url, project, token = _all(environment, "CI_API_V4_URL", "CI_PROJECT_ID", "GITLAB_TOKEN")
        hint = "does GITLAB_TOKEN have the scope api?"
        headers = {"PRIVATE-TOKEN": token}
        number = environment.get("CI_MERGE_REQUEST_IID")
        if not number:
            (commit,) = _all(environment, "CI_COMMIT_SHA")
            asked = f"{url}/projects/{project}/repository/commits/{commit}/merge_requests"
            number = _merged(asked, headers, hint, commit, "iid")
        notes = f"{url}/projects/{project}/merge_requests/{number}/notes"
        return Where(notes, f"{notes}/{{id}}", "PUT", headers, hint)
    url, repository, ref, token = _all(
        environment, "GITHUB_API_URL", "GITHUB_REPOSITORY", "GITHUB_REF", "GITHUB_TOKEN"
    )
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    hint = "has the job `permissions: pull-requests: write`? A fork's job never has it"
    if pull := re.fullmatch(r"refs/pull/(\d+)/\w+", ref):
        number = pull[1]
    else:
        (commit,) = _all(environment, "GITHUB_SHA")
        asked = f"{url}/repos/{repository}/commits/{commit}/pulls"
        number = _merged(asked, headers, hint, commit, "number")
    issues = f"{url}/repos/{repository}/issues"
    return Where(f"{issues}/{number}/comments", f"{issues}/comments/{{id}}", "PATCH", headers, hint)


def _merged(url: str, headers: Mapping[str, str], hint: str, commit: str, number: str) -> str:
    """The number of the request whose merge made a commit, as the host's API tells it.

    Source: GitHub "List pull requests associated with a commit"; GitLab "List merge requests associated with a commit".
    """
    found = [str(one[number]) for one in _call(headers, hint, "GET", url) if one.get("merged_at")]
    if not found:
        raise KollaError(
            "there is no request to comment on",
            {"saw": f"no merge of a request made commit {commit[:12]}", "hint": "was it pushed by itself?"},
        )
    return found[0]


def _all(environment: Mapping[str, str], *names: str) -> list[str]:
    missing = [name for name in names if not environment.get(name)]
    if missing:
        raise KollaError(
            "there is no request to comment on",
            {"missing": ", ".join(missing), "hint": "run it in a pipeline of a pull or merge request"},
        )
    return [environment[name] for name in names]


def written(place: Where, marker: str, body: str) -> str:
    """Writes the comment; what was done.

    Raises:
        KollaError: the host refuses, or cannot be reached.
    """
    found = next((one for one in _comments(place) if str(one.get("body", "")).startswith(marker)), None)
    if found is None:
        _call(place.headers, place.hint, "POST", place.comments, {"body": body})
        return "comment written"
    if found.get("body") == body:
        return "the comment says this already"
    _call(place.headers, place.hint, place.update, place.one.format(id=found["id"]), {"body": body})
    return "comment changed in place"


def _comments(place: Where) -> Iterator[Mapping[str, Any]]:
    for page in range(1, PAGES + 1):
        found = _call(place.headers, place.hint, "GET", f"{place.comments}?per_page=100&page={page}")
        yield from found
        if len(found) < 100:
            return


def _call(
    headers: Mapping[str, str], hint: str, method: str, url: str, data: Mapping[str, str] | None = None
) -> Any:
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise KollaError(f"{url} is no address of an API")
    request = urllib.request.Request(
        url,
        method=method,
        data=None if data is None else json.dumps(data).encode(),
        headers={**headers, "Content-Type": "application/json", "User-Agent": "kolla-iac"},
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        said = error.read(2000).decode(errors="replace")
        raise KollaError(
            f"{method} {url.partition('?')[0]} was refused: {error.code}", {"said": said, "hint": hint}
        ) from None
    except (OSError, ValueError) as error:
        raise KollaError(f"{url.partition('?')[0]} cannot be asked", {"why": str(error)}) from None
