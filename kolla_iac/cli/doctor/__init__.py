"""`kolla-iac doctor`: what is wrong with an environment, and the command that mends it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from kolla_iac.errors import KollaError
from kolla_iac.runtime.checks import Bounds

if TYPE_CHECKING:
    from kolla_iac.model.environment import Environment
    from kolla_iac.runtime.checks import Check

_BOUNDS = Bounds()


class CannotTell(KollaError):
    """Nothing can be said of the environment."""

    exit_code = 2


def doctor(
    environment: Annotated[str, typer.Argument(metavar="ENV", help="Name of the environment.")],
    as_json: Annotated[bool, typer.Option("--json", help="For programs; times in UTC.")] = False,
    disk: Annotated[
        float, typer.Option(metavar="GB", help="Free space of Docker's disk that is too little.")
    ] = _BOUNDS.disk_gb,
    key_age: Annotated[
        float, typer.Option(metavar="DAYS", help="Age from which a key that signs is too old.")
    ] = _BOUNDS.key_days,
) -> None:
    """Look for what is wrong: each finding with what was seen, and the command that mends it. Changes nothing.

    Looks at engine, plugins, secrets, state, Docker, disk, clocks, network, ports, containers, images, what cut-off
    runs have left, and at each service by its own checks. A check that cannot look says so.

    Exit code 0: all was looked at and nothing found; 1: something is wrong; 2: something could not be looked at.
    """
    from dataclasses import replace

    from kolla_iac.cli.doctor import say
    from kolla_iac.cli.project import settings_of
    from kolla_iac.cli.terminal import coloured
    from kolla_iac.runtime.checks import examine, exit_code, gather

    try:
        settings = settings_of(environment)
    except KollaError as error:
        raise CannotTell(str(error)) from None
    look = gather(environment, settings, replace(_BOUNDS, disk_gb=disk, key_days=key_age))
    results = examine(list(checks(environment, settings)), look)
    print(
        json.dumps(say.data(look, results), indent=2)
        if as_json
        else say.text(look, results, colours=coloured())
    )
    sys.exit(exit_code(results))


def checks(environment: str, settings: Environment) -> Iterator[Check]:
    """Every check in the order in which they are told: general ones, then those of the services that are on."""
    from kolla_iac.cli.doctor import containers, engine, hosts, images, ports, state
    from kolla_iac.cli.project import existing, root

    project = root()
    seen = state.State(project, environment)
    yield engine.Engine(project)
    yield engine.Plugins(project)
    yield engine.Secrets(existing(project, environment))
    yield state.Lock(seen)
    yield state.Pending(seen)
    yield state.Leftovers(seen)
    yield hosts.Docker()
    yield hosts.Disk()
    yield hosts.Clock()
    yield ports.Network()
    yield ports.Ports()
    yield containers.Containers()
    yield images.Images()
    for service in settings.enabled():
        yield from of_service(service)


def of_service(service: str) -> Iterator[Check]:
    """The checks that stand beside a service: every class of its ``checks.py``."""
    import importlib

    from kolla_iac.model.service import COMPONENTS
    from kolla_iac.runtime.checks import Check

    if (COMPONENTS / service / "checks.py").is_file():
        module = importlib.import_module(f"kolla_iac.components.{service}.checks")
        for one in vars(module).values():
            if isinstance(one, type) and issubclass(one, Check) and one.__module__ == module.__name__:
                yield one()
