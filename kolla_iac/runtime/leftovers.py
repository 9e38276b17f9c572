"""What carries an environment's label on its hosts and no state knows: left behind by cut-off updates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import docker

from kolla_iac.model.stage import LABEL_ENVIRONMENT
from kolla_iac.runtime.hosts import Hosts


def remove(
    endpoints: Mapping[str, str], environment: str, *, volumes: bool, say: Callable[[str], None]
) -> None:
    """Removes containers and networks, and with ``volumes`` data too, that carry the environment's label.

    Meant for after `pulumi destroy`, when nothing of the environment should be left.
    """
    label: dict[str, Any] = {"label": f"{LABEL_ENVIRONMENT}={environment}"}
    hosts = Hosts(endpoints)
    for host in endpoints:
        client = hosts.client(host)
        for container in client.containers.list(all=True, filters=label):
            say(f"container {container.name} on {host}")
            container.stop(timeout=60)
            container.remove(v=True, force=True)
        for network in client.networks.list(filters=label):
            say(f"network {network.name} on {host}")
            network.remove()
        if volumes:
            for volume in client.volumes.list(filters=label):
                say(f"volume {volume.name} on {host}")
                try:
                    volume.remove()
                except docker.errors.APIError as error:
                    say(f"volume {volume.name} stays: {error.explanation}")
