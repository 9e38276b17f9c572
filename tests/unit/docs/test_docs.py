"""What the pages say is so: generated ones are current, links lead somewhere, what they type exists."""

import re
from pathlib import Path

import pytest

from kolla_iac.model.stackfile import read_file
from tools.docs import commands, index, links
from tools.docs.pages import stale

ROOT = Path(__file__).resolve().parents[3]
PAGES = links.pages(ROOT)


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def test_there_are_pages() -> None:
    assert len(PAGES) > 10


def test_generated_pages_are_current() -> None:
    assert not list(stale(ROOT)), "make docs writes them"


def test_links_lead_somewhere() -> None:
    assert links.broken(ROOT) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "there.md").write_text("# There\n\n## A part of it\n")
    good = "[a](docs/there.md) [b](docs/there.md#a-part-of-it) [c](https://example.org)"
    (tmp_path / "README.md").write_text(
        f"# Title\n\n{good} [d](docs/gone.md) [e](docs/there.md#gone) [f](#title)\n"
    )
    assert links.broken(tmp_path) == ["README.md: docs/gone.md", "README.md: docs/there.md#gone"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_it_types_exists(page: Path) -> None:
    targets = {name for name, _ in commands.targets(_text(ROOT / "Makefile"))}
    for line in links.typed(_text(page), "make"):
        for word in line.split():
            assert "=" in word or word in targets, f"make {line}"
    known = commands.names()
    for line in links.typed(_text(page), "kolla-iac"):
        words = [word for word in line.split() if re.fullmatch(r"[a-z]+", word)]
        first = line.split()[0]
        name = next((each for each in (" ".join(words[:2]), first) if each in known), "")
        assert name or first.startswith("-"), f"kolla-iac {line}"
        own = line.partition(" -- ")[0]  # behind it another command begins
        given = set(re.findall(r"(?<=\s)--?[a-z][a-z-]*", own)) if name else set()
        assert given <= known[name] if name else True, f"kolla-iac {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_settings_it_shows_are_right(page: Path, tmp_path: Path) -> None:
    shown = [body for language, body in links.fences(_text(page)) if language == "yaml" and "config:" in body]
    for number, body in enumerate(shown):
        file = tmp_path / f"Pulumi.{number}.yaml"
        file.write_text(body)
        assert [str(problem) for problem in read_file(file).problems] == [], body


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_begins_with_a_sentence(page: Path) -> None:
    assert re.fullmatch(r"[A-Z`][^#|]*\.", index.first_sentence(_text(page))), index.first_sentence(
        _text(page)
    )


def test_no_path_of_one_machine() -> None:
    for page in PAGES:
        assert not re.search(r"/root/|/home/[a-z]", links.FENCE.sub("", _text(page))), page
