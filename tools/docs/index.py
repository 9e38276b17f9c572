"""The tables of contents, made from the pages' own titles and first sentences."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tools.docs.markdown import table

SECTIONS = {
    "tutorials": "Start here",
    "how-to": "How to",
    "explanation": "Why it is so",
    "reference": "To look up",
}


def contents(root: Path, made: Mapping[str, str]) -> str:
    """docs/README.md: every page, by what a reader wants of it.

    Args:
        made: generated pages, which need not be on disk yet.
    """
    parts = [_INTRO]
    for folder, title in SECTIONS.items():
        texts = {
            file.name: file.read_text(encoding="utf-8") for file in (root / "docs" / folder).glob("*.md")
        }
        texts |= {
            path.rsplit("/", 1)[1]: text
            for path, text in made.items()
            if f"docs/{folder}/" in path and path.endswith(".md")
        }
        parts.append(f"\n## {title}\n\n")
        parts += [
            f"- [{heading(text)}]({folder}/{name}): {first_sentence(text)}\n"
            for name, text in sorted(texts.items())
        ]
    parts.append(
        "\n## Decisions\n\n- [Decisions](adr/README.md): what was decided, what else was considered.\n"
    )
    return "".join(parts)


def decisions(root: Path) -> str:
    """docs/adr/README.md: every decision by its number."""
    files = sorted((root / "docs" / "adr").glob("[0-9]*.md"))
    rows = [(file.name[:4], f"[{heading(file.read_text(encoding='utf-8'))}]({file.name})") for file in files]
    return _DECISIONS + table(("no.", "decision"), rows)


def heading(text: str) -> str:
    """A page's title, without a decision's number.

    >>> heading("# 3. Names are random")
    'Names are random'
    """
    found = re.search(r"^# (?:(?:ADR )?[0-9]+[.:] )?(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else "without a title"


def first_sentence(text: str) -> str:
    """What a page says right after its title.

    >>> first_sentence("# Title\\n\\nOne thing. Another.")
    'One thing.'
    """
    after = re.split(r"^# .+$", text, maxsplit=1, flags=re.MULTILINE)[-1]
    paragraph = " ".join(after.strip().split("\n\n")[0].split())
    found = re.match(r".+?[.:](?=\s|$)", paragraph)
    sentence = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", found[0] if found else paragraph)
    return sentence[:-1] + "." if sentence.endswith(":") else sentence


_INTRO = """\
# Documentation

Begin with the tutorial; the rest is for when you need it. It speaks of an environment `dev`, which `make up` makes.
"""

_DECISIONS = """\
# Decisions

One page per decision that someone will ask about: what was decided, why, what else was considered, what follows.
A decision that is revised gets a new page; the old one stays and says so.

"""
