"""Checks of what the pages say: links that lead nowhere, commands and settings that do not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^]]*\]\(([^)\s]+)\)")


def pages(root: Path) -> list[Path]:
    """Every page for people."""
    return sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")])


def fences(text: str) -> list[tuple[str, str]]:
    """Language and text of each fenced block."""
    return [(found[1], found[2]) for found in FENCE.finditer(text)]


def anchors(text: str) -> set[str]:
    """What a link may have after its ``#``: the headings, as they are turned into anchors."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def broken(root: Path) -> list[str]:
    """``page: link`` for every relative link whose page, file or heading is not there."""
    return [f"{page.relative_to(root)}: {link}" for page in pages(root) for link in _broken(page)]


def files(root: Path) -> set[Path]:
    """Every file of the checkout that a page links to and that is no page."""
    targets = {target for page in pages(root) for _, target, _ in _links(page)}
    found = {target.resolve() for target in targets if target.is_file()}
    return {file for file in found if file.suffix != ".md" and file.is_relative_to(root)}


def _links(page: Path) -> Iterator[tuple[str, Path, str]]:
    """Each relative link of a page: as written, the file that it means, and the heading in it or nothing."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in LINK.findall(re.sub(r"`[^`\n]*`", "", text)):
        if not re.match(r"[a-z]+:", link):
            path, _, anchor = link.partition("#")
            yield link, (page.parent / path) if path else page, anchor


def _broken(page: Path) -> Iterator[str]:
    for link, target, anchor in _links(page):
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            yield link


def typed(text: str, program: str) -> list[str]:
    """What follows a program's name, wherever a page shows it being typed: in code, never in prose.

    >>> typed("Then `make up ENV=x`.", "make")
    ['up ENV=x']
    """
    blocks = [body for language, body in fences(text) if language in ("", "sh", "bash", "console")]
    inline = re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    lines = [line for block in blocks for line in block.splitlines()] + inline
    found = (re.findall(rf"(?:^|[;&|]|\s)\s*(?<![-/.\w]){program} ([^;&|#)]+)", line) for line in lines)
    return [one.strip() for each in found for one in each]
