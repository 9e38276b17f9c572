"""``python -m kolla_standin docker|command VERSION [ENGINE]``: how the engine starts a stand-in."""

import contextlib
import sys

from .server import Configure, Provider, serve

_SETTINGS = {"docker": frozenset({"host", "disableDockerDaemonCheck"}), "command": frozenset[str]()}


def _configure(name: str, engine: str) -> Configure:
    if name == "docker":
        from .docker_types import docker_types

        return docker_types
    if name == "command":
        from .command import Command, engine_log

        return lambda _: {"command:local:Command": Command(engine_log(engine))}
    raise SystemExit(f"there is no stand-in plugin for {name!r}: docker or command")


def main(arguments: list[str]) -> None:
    if len(arguments) < 2:
        raise SystemExit("usage: python -m kolla_standin docker|command VERSION [ENGINE]")
    name, version = arguments[:2]
    engine = arguments[-1] if len(arguments) > 2 else ""
    with contextlib.suppress(KeyboardInterrupt):
        serve(Provider(name, version, _configure(name, engine), _SETTINGS[name]))


main(sys.argv[1:])
