"""Volumes of the operator's own."""

from __future__ import annotations

from kolla_iac.errors import KollaError
from kolla_iac.model.stage import VolumeStage
from kolla_iac.runtime.context import Context
from kolla_iac.runtime.hosts import Hosts


def there(hosts: Hosts, host: str, volume: str) -> None:
    """Refuses a volume that Docker would make: an empty one is not where backups are.

    Raises:
        KollaError: it is not on the host.
    """
    from docker.errors import NotFound  # noqa: PLC0415

    try:
        hosts.client(host).volumes.get(volume)
    except NotFound:
        raise KollaError(
            f"no volume {volume} on host {host}",
            {"wanted": "a volume that is there already", "next": f"docker volume create {volume}, there"},
        ) from None


def look(stage: VolumeStage, context: Context) -> None:
    """Sees that the volume is there."""
    there(context.hosts, stage.host, stage.volume)
    context.say(f"volume {stage.volume} is on host {stage.host}")
