"""Rotation of secrets: how a new value follows an old one, and what the settings remember of it.

``kolla-iac:rotations`` of an environment's file holds, in clear and beside the encrypted values, when each value
was made and how often it was replaced. The count is an input of the deployment: database users carry it in their
names, and a preview shows it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from pydantic import AwareDatetime, Field, ValidationError

from kolla_iac.errors import KollaError, Problem
from kolla_iac.model.base import Strict
from kolla_iac.model.environment import Environment
from kolla_iac.model.problems import choose, translate
from kolla_iac.model.secrets import generate
from kolla_iac.model.service import Secret

TIMES_FROM = 1_000_000_000
"""A key's index from here on is the time when it was made, in seconds since 1970; below, it is a mere number."""
SPARE = 86_400
"""Seconds for which a key is kept beyond its need: between its rotation in the settings and on the hosts."""
_AGE = re.compile(r"(\d+)([dh])")

Counts = Mapping[str, int]
"""Name of a secret -> how often it was rotated; 0 where it is not named."""
NONE: Counts = MappingProxyType({})


class Rotation(Strict):
    """What is known of a secret's present value."""

    made: AwareDatetime | None = None
    """When, in UTC; None: before anybody kept note."""
    count: int = Field(default=0, ge=0)
    """How many values it has replaced."""


def read(data: object) -> tuple[dict[str, Rotation], list[Problem]]:
    """What is written under ``kolla-iac:rotations``, and what is wrong with it."""
    if data is None:
        return {}, []
    if not isinstance(data, dict):
        return {}, [Problem("rotations", "must be a mapping of names", "kolla-iac secrets rotate writes it")]
    found: dict[str, Rotation] = {}
    problems: list[Problem] = []
    for name, written in data.items():
        try:
            found[str(name)] = Rotation.model_validate(written)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                problem = translate(detail, Rotation)
                where = f"rotations.{name}" + (f".{problem.path}" if detail["loc"] else "")
                problems.append(Problem(where, problem.reason, problem.hint))
    return found, problems


def counts(rotations: Mapping[str, Rotation]) -> dict[str, int]:
    """How often each secret was rotated."""
    return {name: rotation.count for name, rotation in rotations.items()}


def successor(secret: Secret, old: str, env: Environment, now: datetime) -> str:
    """The value that follows ``old``: another password; or the same keys with one more, which will sign.

    Of keys, those go that nothing can need any more: the one that signed until now always stays.
    """
    if secret.kind != "fernet_keys":
        return generate(secret)
    keys: dict[str, str] = json.loads(old)
    (made,) = json.loads(generate(secret)).values()
    newest = max(map(int, keys))
    index = max(round(now.timestamp()), newest + 1)
    needed = secret.keys_kept(env) + SPARE
    kept = {
        number: key
        for number, key in keys.items()
        if int(number) == newest or retired(int(number), map(int, keys)) + needed > now.timestamp()
    }
    return json.dumps({**kept, str(index): made})


def retired(number: int, numbers: Iterable[int]) -> float:
    """When a key ceased to sign, in seconds since 1970: when the next one was made. Infinite where unknown.

    >>> retired(1, [0, 1, 1_700_000_000, 1_800_000_000])
    1700000000
    """
    later = [other for other in numbers if other > number and other >= TIMES_FROM]
    return min(later, default=float("inf"))


def resolve(word: str, names: Mapping[str, Secret]) -> str:
    """A secret by its name, or by words of it that no other has: ``fernet`` for ``keystone_fernet_keys``.

    Raises:
        KollaError: none, or more than one.
    """
    if word in names:
        return word
    found = [name for name in names if f"_{word}_" in f"_{name}_"]
    if len(found) == 1:
        return found[0]
    if found:
        raise KollaError(f"{word!r} is more than one secret", {"wanted": f"one of: {', '.join(found)}"})
    raise KollaError(
        f"no secret {word!r}", {"hint": choose(word, list(names)), "next": "kolla-iac secrets list ENV"}
    )


def age(text: str) -> float:
    """Seconds of an age such as ``90d`` or ``12h``.

    Raises:
        KollaError: it is none.
    """
    if not (match := _AGE.fullmatch(text)):
        raise KollaError(f"{text!r} is no age", {"wanted": "days or hours, such as: 90d, 12h"})
    return int(match[1]) * {"d": 86_400.0, "h": 3_600.0}[match[2]]


def older(rotations: Mapping[str, Rotation], name: str, seconds: float, now: datetime) -> bool:
    """Whether a secret's value is at least that old; one whose age nobody knows is."""
    made = rotations.get(name, Rotation()).made
    return made is None or (now - made).total_seconds() >= seconds


def noted(rotations: Mapping[str, Rotation], name: str, now: datetime, *, rotated: bool) -> Rotation:
    """What to remember of a value that is made now."""
    count = rotations.get(name, Rotation()).count
    return Rotation(made=now.astimezone(UTC).replace(microsecond=0), count=count + 1 if rotated else count)
