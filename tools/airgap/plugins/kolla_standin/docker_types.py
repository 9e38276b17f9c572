"""The docker plugin's resource types, and the two small ones among them: Network and Volume."""

from typing import Any

from .calls import current
from .container import Container
from .daemon import Daemon, explained, tolerated
from .diffing import Rules
from .resource import Created, Failure, Found, Resource, ResourceError, autonamed, unsupported
from .values import Properties

_NETWORK = frozenset(
    "attachable driver ingress internal ipamConfigs ipamDriver ipamOptions ipv6 labels name options".split()
)
_VOLUME = frozenset("driver driverOpts labels name".split())


def docker_types(config: dict[str, Any]) -> dict[str, Resource]:
    """The resource types of one configured provider, by token."""
    daemon = Daemon.of(config)
    return {
        "docker:index/container:Container": Container(daemon),
        "docker:index/network:Network": Network(daemon),
        "docker:index/volume:Volume": Volume(daemon),
    }


def _labels(inputs: Properties) -> dict[str, str]:
    return {item["label"]: item["value"] for item in inputs.get("labels", [])}


def _pairs(labels: dict[str, str] | None) -> list[Properties]:
    return [{"label": label, "value": value} for label, value in sorted((labels or {}).items())]


def _inspected(call: Any, name: str) -> Any:
    """What ``call`` finds, or None where there is no such thing."""
    from docker.errors import NotFound

    try:
        return explained(f"Unable to inspect {name}", call, name)
    except ResourceError as error:
        if isinstance(error.__cause__, NotFound):
            return None
        raise


class Network:
    """``docker:index/network:Network``: every input replaces. The id is Docker's."""

    rules = Rules(replace=_NETWORK, unordered=frozenset({"labels", "ipamConfigs"}))

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def check(self, name: str, old: Properties, new: Properties) -> tuple[Properties, list[Failure]]:
        inputs = {"ipamDriver": "default"} | new | {"name": autonamed(name, old, new)}
        return inputs, unsupported(new, _NETWORK, "Network")

    def create(self, urn: str, inputs: Properties) -> Created:
        client = self._daemon.client
        pools = [
            {
                "Subnet": item.get("subnet"),
                "Gateway": item.get("gateway"),
                "IPRange": item.get("ipRange"),
                "AuxiliaryAddresses": item.get("auxAddress"),
            }
            for item in inputs.get("ipamConfigs", [])
        ]
        made = explained(
            "Unable to create network",
            client.create_network,
            inputs["name"],
            driver=inputs.get("driver") or None,
            options=inputs.get("options"),
            ipam={
                "Driver": inputs["ipamDriver"],
                "Options": inputs.get("ipamOptions") or {},
                "Config": [{key: value for key, value in pool.items() if value} for pool in pools],
            },
            check_duplicate=True,
            internal=bool(inputs.get("internal")),
            labels=_labels(inputs),
            enable_ipv6=bool(inputs.get("ipv6")),
            attachable=inputs.get("attachable"),
            ingress=inputs.get("ingress"),
        )
        if current().abandoned.is_set():
            client.remove_network(made["Id"])
        return Created(made["Id"], inputs | self._observed(client, made["Id"]))

    def _observed(self, client: Any, id_: str) -> Properties:
        seen = _inspected(client.inspect_network, id_) or {}
        return {"scope": seen.get("Scope"), "driver": seen.get("Driver")}

    def update(self, urn: str, id_: str, old: Properties, inputs: Properties) -> Properties:
        return inputs | self._observed(self._daemon.client, id_)

    def read(self, id_: str, outputs: Properties, inputs: Properties) -> Found:
        seen = _inspected(self._daemon.client.inspect_network, id_)
        if seen is None:
            return Found()
        if not inputs:
            inputs = {
                "name": seen["Name"],
                "driver": seen["Driver"],
                "ipamDriver": seen["IPAM"]["Driver"],
                "labels": _pairs(seen["Labels"]),
            }
        observed = {"scope": seen["Scope"], "driver": seen["Driver"]}
        return Found(seen["Id"], outputs | inputs | observed, inputs)

    def delete(self, urn: str, id_: str, outputs: Properties) -> None:
        client = self._daemon.client
        explained(
            f"Unable to delete network {id_}",
            lambda: tolerated(lambda: client.remove_network(id_)),
        )


class Volume:
    """``docker:index/volume:Volume``: every input replaces. The id is the name."""

    rules = Rules(replace=_VOLUME, unordered=frozenset({"labels"}))

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def check(self, name: str, old: Properties, new: Properties) -> tuple[Properties, list[Failure]]:
        return new | {"name": autonamed(name, old, new)}, unsupported(new, _VOLUME, "Volume")

    def create(self, urn: str, inputs: Properties) -> Created:
        made = explained(
            "Unable to create volume",
            self._daemon.client.create_volume,
            inputs["name"],
            driver=inputs.get("driver") or "local",
            driver_opts=inputs.get("driverOpts"),
            labels=_labels(inputs),
        )
        return Created(made["Name"], inputs | _volume(made))

    def update(self, urn: str, id_: str, old: Properties, inputs: Properties) -> Properties:
        return old | inputs

    def read(self, id_: str, outputs: Properties, inputs: Properties) -> Found:
        seen = _inspected(self._daemon.client.inspect_volume, id_)
        if seen is None:
            return Found()
        if not inputs:
            inputs = {"name": seen["Name"], "driver": seen["Driver"], "labels": _pairs(seen["Labels"])}
        return Found(seen["Name"], outputs | inputs | _volume(seen), inputs)

    def delete(self, urn: str, id_: str, outputs: Properties) -> None:
        client = self._daemon.client
        explained(
            f"Error deleting volume {id_}",
            lambda: tolerated(lambda: client.remove_volume(id_)),
        )


def _volume(seen: dict[str, Any]) -> Properties:
    return {"driver": seen["Driver"], "mountpoint": seen["Mountpoint"]}
