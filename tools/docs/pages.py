"""Which pages are generated, and from what."""

from __future__ import annotations

from pathlib import Path

from tools.docs import commands, index, pictures, python, settings

NOTE = "<!-- Written by `make docs`. Do not edit: change what it describes. -->\n"


def pages(root: Path) -> dict[str, str]:
    """Path from the checkout's root -> text of every generated page.

    The indexes list the other generated pages too, so those come first.
    """
    made = {
        "docs/reference/settings.md": NOTE + settings.page(),
        "docs/reference/services.md": NOTE + settings.services_page(),
        "docs/reference/commands.md": NOTE + commands.page((root / "Makefile").read_text(encoding="utf-8")),
    }
    made["docs/reference/python.md"] = NOTE + python.page(root)
    made |= pictures.drawn()
    made["README.md"] = pictures.with_pictures((root / "README.md").read_text(encoding="utf-8"))
    made["docs/adr/README.md"] = NOTE + index.decisions(root)
    made["docs/README.md"] = NOTE + index.contents(root, made)
    return made


def stale(root: Path) -> dict[str, str]:
    """The generated pages that are missing or differ from what they should be: path -> text wanted."""
    wanted = pages(root)
    return {path: text for path, text in wanted.items() if _read(root / path) != text}


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None
