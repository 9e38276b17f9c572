"""How stages fail."""

from collections.abc import Iterable, Mapping

from kolla_iac.errors import KollaError


class WaitFailed(KollaError):
    """What was waited for was not seen."""


class StageFailed(KollaError):
    """A stage that did not reach its end; run again, it goes on from there."""


class Interrupted(KollaError):
    """Somebody asked the stage to stop; it did, between two steps."""

    exit_code = 130


def lines(text: str | Iterable[str]) -> list[str]:
    """A fact's value as lines."""
    return text.splitlines() if isinstance(text, str) else list(text)


def with_facts(error: KollaError, facts: Mapping[str, str | Iterable[str]]) -> dict[str, str | Iterable[str]]:
    """The error's facts and further ones after them; a fact that is there already is kept."""
    return {
        **error.facts,
        **{name: value for name, value in facts.items() if value and name not in error.facts},
    }
