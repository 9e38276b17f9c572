"""``python -m kolla_standin docker|command VERSION [ENGINE]``: how the engine starts a stand-in."""

import sys

from .server import Configure, Provider, serve


def _configure(name: str, engine: str) -> Configure:
    if name == "docker":
        from .docker_types import docker_types  # noqa: PLC0415

        return docker_types
    if name == "command":
        from .command import Command, engine_log  # noqa: PLC0415

        return lambda _: {"command:local:Command": Command(engine_log(engine))}
    raise SystemExit(f"there is no stand-in plugin for {name!r}: docker or command")


def main(arguments: list[str]) -> None:
    if len(arguments) < 2:
        raise SystemExit("usage: python -m kolla_standin docker|command VERSION [ENGINE]")
    name, version = arguments[:2]
    engine = arguments[-1] if len(arguments) > 2 else ""
    try:
        serve(Provider(name, version, _configure(name, engine)))
    except KeyboardInterrupt:
        pass


main(sys.argv[1:])
