"""Reference page of the commands: their own help texts, and the Makefile's targets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tools.docs.markdown import code, table

WIDTH = 100


def page(makefile: str) -> str:
    """docs/reference/commands.md.

    Args:
        makefile: its text.
    """
    import typer  # noqa: PLC0415

    from kolla_iac.cli import app  # noqa: PLC0415

    parts = [
        _INTRO,
        table(("target", "does"), [(code(f"make {name}"), what) for name, what in targets(makefile)]),
    ]
    parts.append(_CLI)
    for path, text in _commands(typer.main.get_command(app), "kolla-iac", None):
        parts.append(f"\n### {path}\n\n```text\n{text.strip()}\n```\n")
    return "".join(parts)


def targets(makefile: str) -> list[tuple[str, str]]:
    """Name and description of each target that has one.

    >>> targets("up: ready ## bring it up")
    [('up', 'bring it up')]
    """
    return re.findall(r"^([a-z][a-z-]*):.*?## (.*)$", makefile, re.MULTILINE)


def names() -> dict[str, set[str]]:
    """Every command of ``kolla-iac`` as it is typed, groups too: ``secrets generate``; and its options."""
    import typer  # noqa: PLC0415

    from kolla_iac.cli import app  # noqa: PLC0415

    found = _commands(typer.main.get_command(app), "", None, hidden=True)
    return {path.strip(): _options(text) for path, text in found if path.strip()}


def _options(help_text: str) -> set[str]:
    """Every option that a help text lists.

    >>> sorted(_options("  -o, --output FILE  Write it there.\\n  --yes  Do not ask, as with --no."))
    ['--output', '--yes', '-o']
    """
    listed = re.findall(r"^  ((?:-[\w-]+(?:, )?)+)", help_text, re.MULTILINE)
    return {option for each in listed for option in each.split(", ")}


def _commands(command: Any, path: str, parent: Any, *, hidden: bool = False) -> Iterator[tuple[str, str]]:
    context = command.context_class(command, info_name=path.rsplit(" ", 1)[-1], parent=parent)
    context.terminal_width = context.max_content_width = WIDTH
    context.color = False
    yield path, command.get_help(context)
    for name in command.list_commands(context) if hasattr(command, "list_commands") else ():
        below = command.get_command(context, name)
        if below is not None and (hidden or not _hidden(command, below, name)):
            yield from _commands(below, f"{path} {name}", context, hidden=hidden)


def _hidden(group: Any, command: Any, name: str) -> bool:
    lazy = getattr(group, "commands_by_name", {}).get(name)
    return bool(command.hidden or (lazy is not None and lazy.hidden))


_INTRO = """\
# Commands

What `make` and `kolla-iac` can do, in their own words.

## make

`ENV` names the environment of `up`, `down` and `purge`; without it they mean `dev`: `make up ENV=staging`.

"""

_CLI = """
## kolla-iac

Works in a clone of this repository and in [a project of your own](../how-to/your-own-repository.md), after
`source .envrc`. Exit code 0: done; 1: it failed, or there are problems; 2: it was called
wrongly; 130: somebody stopped it.
"""
