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

    For pipelines: what to comment on is read from the environment that GitHub Actions and GitLab CI set. GitHub: needs
    GITHUB_TOKEN with the permission `pull-requests: write`. GitLab: needs GITLAB_TOKEN with the scope `api`.
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
    """What to comment on.

    Raises:
        KollaError: this is no pipeline of a pull or merge request; names what is missing.
    """
    if environment.get("CI_API_V4_URL"):
        values = _all(environment, "CI_API_V4_URL", "CI_PROJECT_ID", "CI_MERGE_REQUEST_IID", "GITLAB_TOKEN")
        notes = f"{values[0]}/projects/{values[1]}/merge_requests/{values[2]}/notes"
        return Where(
            notes,
            f"{notes}/{{id}}",
            "PUT",
            {"PRIVATE-TOKEN": values[3]},
            "does GITLAB_TOKEN have the scope api?",
        )
    values = _all(environment, "GITHUB_API_URL", "GITHUB_REPOSITORY", "GITHUB_REF", "GITHUB_TOKEN")
    pull = re.fullmatch(r"refs/pull/(\d+)/\w+", values[2])
    if pull is None:
        raise KollaError("this is no pull request", {"saw": f"GITHUB_REF={values[2]}"})
    issues = f"{values[0]}/repos/{values[1]}/issues"
    headers = {"Authorization": f"Bearer {values[3]}", "Accept": "application/vnd.github+json"}
    hint = "has the job `permissions: pull-requests: write`? A fork's job never has it"
    return Where(f"{issues}/{pull[1]}/comments", f"{issues}/comments/{{id}}", "PATCH", headers, hint)


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
        _call(place, "POST", place.comments, {"body": body})
        return "comment written"
    if found.get("body") == body:
        return "the comment says this already"
    _call(place, place.update, place.one.format(id=found["id"]), {"body": body})
    return "comment changed in place"


def _comments(place: Where) -> Iterator[Mapping[str, Any]]:
    for page in range(1, PAGES + 1):
        found = _call(place, "GET", f"{place.comments}?per_page=100&page={page}")
        yield from found
        if len(found) < 100:
            return


def _call(place: Where, method: str, url: str, data: Mapping[str, str] | None = None) -> Any:
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise KollaError(f"{url} is no address of an API")
    request = urllib.request.Request(
        url,
        method=method,
        data=None if data is None else json.dumps(data).encode(),
        headers={**place.headers, "Content-Type": "application/json", "User-Agent": "kolla-iac"},
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        said = error.read(2000).decode(errors="replace")
        raise KollaError(
            f"{method} {url.partition('?')[0]} was refused: {error.code}", {"said": said, "hint": place.hint}
        ) from None
    except (OSError, ValueError) as error:
        raise KollaError(f"{url.partition('?')[0]} cannot be asked", {"why": str(error)}) from None
