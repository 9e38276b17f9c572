"""The site: built from the pages as they lie in the checkout, refusing what would not work in it."""

from pathlib import Path

import pytest

from tools.docs import links, site
from tools.docs.pictures import BLOCK, ENVIRONMENTS, as_images, with_pictures

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A checkout of three pages that are right."""
    pages = {
        "README.md": "# Title\n\n[There](docs/how-to/there.md#a-part-of-it)\n",
        "CONTRIBUTING.md": "# Contributing\n",
        "CHANGELOG.md": "# Changelog\n",
        "docs/README.md": "# All pages\n\n[Back](../README.md)\n",
        "docs/adr/README.md": "# Decisions\n",
        "docs/how-to/there.md": "# There\n\n## A part of it\n\n[An example](../../stacks/example.py)\n",
        "stacks/example.py": "print()\n",
        "stacks/unrelated.py": "print()\n",
    }
    for name, text in pages.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_pages_and_what_they_link_to_are_in_the_site(small: Path) -> None:
    assert site.build(small) == []
    built = {file.relative_to(small / site.SITE).as_posix() for file in (small / site.SITE).rglob("*")}
    assert {"index.html", "docs/how-to/there.html", "stacks/example.py"} <= built
    assert "stacks/unrelated.py" not in built


@pytest.mark.parametrize(
    ("page", "text", "said"),
    [
        ("README.md", "[gone](docs/gone.md)", "docs/gone.md"),
        ("docs/how-to/there.md", "[gone](../../README.md#gone)", "gone"),
        ("docs/loose.md", "# In no menu", "loose.md"),
        ("README.md", '<img src="https://example.org/a.png">', "https://example.org/a.png"),
    ],
    ids=["page", "heading", "menu", "elsewhere"],
)
def test_what_is_wrong_is_named(small: Path, page: str, text: str, said: str) -> None:
    with (small / page).open("a") as stream:
        stream.write(f"\n{text}\n")
    assert any(said in each for each in site.build(small))


def test_every_page_is_in_the_menu_once() -> None:
    flat: list[str] = []
    for entry in site.navigation(ROOT):
        for below in entry.values():
            flat += [
                next(iter(each.values())) if isinstance(each, dict) else each
                for each in (below if isinstance(below, list) else [below])
            ]
    assert sorted(flat) == sorted(page.relative_to(ROOT).as_posix() for page in links.pages(ROOT))


def test_pictures_in_pages_are_mermaid_in_the_checkout_and_images_in_the_site() -> None:
    page = "before\n<!-- picture: docs/pictures/dev.svg -->\nold\n<!-- end of picture -->\nafter\n"
    filled = with_pictures(page)
    assert "```mermaid\nflowchart LR\n" in filled and "old" not in filled
    assert with_pictures(filled) == filled
    assert (
        as_images(filled)
        == "before\n![hosts, replicas, and who talks to whom](docs/pictures/dev.svg)\nafter\n"
    )


def test_every_picture_that_pages_name_is_drawn() -> None:
    named = [found[1] for page in links.pages(ROOT) for found in BLOCK.finditer(page.read_text())]
    assert named and all(Path(each).stem in ENVIRONMENTS for each in named)
