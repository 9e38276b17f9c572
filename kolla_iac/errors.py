"""One root class for every error: what was wanted, what was seen, and what to type next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


class KollaError(Exception):
    """An error for people: a headline, then facts as aligned ``name value`` lines.

    Args:
        headline: one line, e.g. ``handover keystone-2 failed after 60 s``.
        facts: name -> value, in the order in which they are printed; a list prints one line an item.
    """

    exit_code = 1

    def __init__(self, headline: str, facts: Mapping[str, str | Iterable[str]] | None = None) -> None:
        super().__init__(headline)
        self.headline = headline
        self.facts = dict(facts or {})

    def __str__(self) -> str:
        width = max((len(name) for name in self.facts), default=0)
        lines = [self.headline]
        for name, value in self.facts.items():
            values = value.splitlines() if isinstance(value, str) else list(value)
            for index, line in enumerate(values):
                lines.append(f"  {name if index == 0 else '':<{width}}  {line}")
        return "\n".join(lines)


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong with what a person wrote."""

    path: str
    """Where: ``services.keystone.replicas``, or the file's name for the file as a whole."""
    reason: str
    """What is wrong, with what was got: ``must be at least 1 (got 0)``."""
    hint: str = ""
    """What to do about it; empty where the reason says it already."""

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" + (f"\n    hint: {self.hint}" if self.hint else "")


class SettingsError(KollaError):
    """All problems of an environment's settings at once."""

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.source = source
        self.problems = tuple(sorted(set(problems)))
        count = len(self.problems)
        super().__init__(f"{source}: {count} problem{'s' if count != 1 else ''}")

    def __str__(self) -> str:
        return "\n".join([self.headline, *(f"  {problem}" for problem in self.problems)])
