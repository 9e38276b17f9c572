"""What becomes of services' options from release to release: which are advised against, which are gone.

``components/<service>/options.yaml`` holds it, written from what the packages in the service's images say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import yaml

from kolla_iac.errors import Problem
from kolla_iac.model.overrides import EVERY_FILE, Overrides, addressed_by_star
from kolla_iac.model.problems import Location, path
from kolla_iac.model.service import COMPONENTS, services

if TYPE_CHECKING:
    from kolla_iac.model.environment import Environment

Fates = Mapping[tuple[str, str], "Fate"]


@dataclass(frozen=True)
class Fate:
    """What a release makes of an option that it does not want any more."""

    removed: bool
    """Gone: whoever sets it sets nothing. Else it is deprecated: read, and advised against."""
    successor: str = ""
    """``[cache] socket_timeout``; empty where the packages name none."""
    reason: str = ""
    """In the packages' own words."""


@cache
def fates(service: str, release: str) -> Fates:
    """Section and option -> what the release makes of it. Empty for services without an ``options.yaml``."""
    file = COMPONENTS / service / "options.yaml"
    if not file.is_file():
        return {}
    written = yaml.safe_load(file.read_text(encoding="utf-8")).get(release, {})
    return {
        (section, option): Fate(kind == "removed", facts.get("successor", ""), facts.get("reason", ""))
        for kind, sections in written.items()
        for section, options in sections.items()
        for option, facts in options.items()
    }


def warnings(env: Environment, at: Mapping[str, list[int]] | None = None) -> list[Problem]:
    """Overrides of options that are deprecated in the environment's release; they still work.

    Args:
        at: of lists of which items were left out, the original indices.
    """
    return list(dict.fromkeys(problem for problem, fate in look(env, at) if not fate.removed))


def look(env: Environment, at: Mapping[str, list[int]] | None = None) -> Iterator[tuple[Problem, Fate]]:
    """Every override that sets an option which the environment's release does not want, with its successor."""
    hosts = (at or {}).get("hosts", [])
    for name in env.enabled():
        places: list[tuple[Location, Overrides]] = [
            (("overrides",), env.overrides),
            (("services", name, "overrides"), env.service(name).overrides),
        ]
        for position, host in enumerate(env.hosts):
            index = hosts[position] if position < len(hosts) else position
            places.append((("hosts", index, "overrides"), host.overrides))
        for where, overrides in places:
            yield from _in(name, env.release, where, overrides)


def _in(service: str, release: str, where: Location, overrides: Overrides) -> Iterator[tuple[Problem, Fate]]:
    for file in (*filter(addressed_by_star, services()[service].files), EVERY_FILE):
        for section, options in overrides.get(file, {}).items():
            for option, value in options.items():
                fate = fates(service, release).get((section, option.replace("-", "_")))
                if fate and value is not None:
                    yield _problem(service, release, path((*where, file, section, option)), fate), fate


def _problem(service: str, release: str, where: str, fate: Fate) -> Problem:
    said = "does not know it any more" if fate.removed else "advises against it (deprecated)"
    reason = f" ({fate.reason})" if fate.reason else ""
    hint = f"its successor is {fate.successor}" if fate.successor else f"take it out{reason}"
    return Problem(where, f"{service} {release} {said}", hint)
