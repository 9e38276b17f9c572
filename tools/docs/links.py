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


def _broken(page: Path) -> Iterator[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in LINK.findall(re.sub(r"`[^`\n]*`", "", text)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
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
