"""The site: all pages, built strictly by MkDocs, readable from a disk without a network.

The pages link to each other and to files of the checkout (README, an example) by relative paths, which must hold in
the checkout and in the site. So the site's source is a copy of the checkout as far as pages and linked files go.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from pathlib import Path
from typing import Any

from tools.docs import index, links
from tools.docs.pages import NOTE
from tools.docs.pictures import FOLDER, as_images

CONFIG = Path(__file__).parent / "mkdocs.yml"
SOURCE, SITE = "build/docs", "build/site"
ELSEWHERE = re.compile(r"<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=[\"']?((?:https?:)?//[^\s\"'>]+)")
CANONICAL = re.compile(r"<link rel=[\"']?canonical[^>]*>")


def build(root: Path) -> list[str]:
    """Builds the site into ``build/site``; whatever is wrong with it.

    Args:
        root: of the checkout.
    """
    os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")
    from mkdocs.commands.build import build as mkdocs_build  # noqa: PLC0415
    from mkdocs.config import load_config  # noqa: PLC0415

    source, site = root / SOURCE, root / SITE
    lay(root, source)
    complaints = _Complaints()
    logger = logging.getLogger("mkdocs")
    logger.addHandler(complaints)
    try:
        mkdocs_build(load_config(str(CONFIG), docs_dir=str(source), site_dir=str(site), nav=navigation(root)))
    finally:
        logger.removeHandler(complaints)
    return complaints.said + [f"{page}: loads {address}" for page, address in from_elsewhere(site)]


class _Complaints(logging.Handler):
    """Keeps every warning: with one, the build is not accepted."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def lay(root: Path, source: Path) -> None:
    """Copies the pages, the pictures, and every file that a page links to."""
    shutil.rmtree(source, ignore_errors=True)
    wanted = {*links.pages(root), *(root / FOLDER).glob("*.svg"), *links.files(root)}
    for file in sorted(wanted):
        target = source / file.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".md":
            text = file.read_text(encoding="utf-8").removeprefix(NOTE)  # a page's title must come first
            target.write_text(as_images(text), encoding="utf-8")
        else:
            shutil.copyfile(file, target)
    (source / "site.css").write_text(".md-grid { max-width: 76rem }\n", encoding="utf-8")  # room for pictures


def navigation(root: Path) -> list[Any]:
    """The site's table of contents: the sections of docs/README.md, in the same order."""
    found: list[Any] = [{"What it is": "README.md"}]
    for folder, title in index.SECTIONS.items():
        pages = sorted((root / "docs" / folder).glob("*.md"))
        found.append({title: [f"docs/{folder}/{page.name}" for page in pages]})
    decisions = sorted((root / "docs" / "adr").glob("[0-9]*.md"))
    found.append({"Decisions": ["docs/adr/README.md", *(f"docs/adr/{page.name}" for page in decisions)]})
    found.append({"The project": ["CONTRIBUTING.md", "CHANGELOG.md", {"All pages": "docs/README.md"}]})
    return found


def from_elsewhere(site: Path) -> list[tuple[str, str]]:
    """What pages would load from other machines: page and address. There must be none."""
    return [
        (page.relative_to(site).as_posix(), address)
        for page in sorted(site.rglob("*.html"))
        for address in ELSEWHERE.findall(CANONICAL.sub("", page.read_text(encoding="utf-8")))
    ]
