"""INI text with sections, multi-valued options and overrides: oslo.config's, uWSGI's and MariaDB's dialects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Sections = dict[str, dict[str, list[str] | None]]
"""Section -> option -> its values in order; None: an option without a value, such as ``skip-name-resolve``."""


def parse(text: str) -> Sections:
    """Reads INI text; comments and blank lines are dropped, repeated options become several values."""
    sections: Sections = {}
    current: dict[str, list[str] | None] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), {})
            continue
        option, equals, value = (part.strip() for part in line.partition("="))
        if not sections:
            raise ValueError(f"line {number}: option {option} stands before any section")
        if not equals:
            current[option] = None
        else:
            current[option] = [*(current.get(option) or []), value]
    return sections


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def override(sections: Sections, changes: Mapping[str, Mapping[str, Any]]) -> Sections:
    """A copy of ``sections`` with options replaced (scalar), made multi-valued (list) or deleted (None)."""
    result: Sections = {name: dict(options) for name, options in sections.items()}
    for name, options in changes.items():
        target = result.setdefault(name, {})
        for option, value in options.items():
            if value is None:
                target.pop(option, None)
            else:
                target[option] = [_text(item) for item in (value if isinstance(value, list) else [value])]
    return {name: options for name, options in result.items() if options}


def dump(sections: Sections) -> str:
    """The INI text of ``sections``, one line a value."""
    blocks = []
    for name, options in sections.items():
        lines = [f"[{name}]"]
        for option, values in options.items():
            lines += [option] if values is None else [f"{option} = {value}".rstrip() for value in values]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def readable(sections: Sections) -> dict[str, dict[str, str]]:
    """Section -> option -> text, for a reviewer; several values are joined by a line break."""
    return {
        name: {option: "\n".join(values or []) for option, values in options.items()}
        for name, options in sections.items()
    }


def number(section: Mapping[str, list[str] | None], option: str, default: int) -> int:
    """The whole number that an option stands for; ``default`` where it is not there, or is none.

    >>> number({"max_pool_size": ["2"]}, "max_pool_size", 5), number({}, "max_overflow", 50)
    (2, 50)
    """
    values = section.get(option) or []
    return int(values[-1]) if values and values[-1].isdecimal() else default
