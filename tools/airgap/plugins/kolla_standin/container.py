"""``docker:index/container:Container`` on a real daemon.

Source of the rules: kreuzwerker's Terraform provider, internal/provider/resource_docker_container_funcs.go,
and pulumi-docker's provider/resources.go.
"""

import time
from typing import Any

from . import container_spec as spec
from .calls import current
from .daemon import Daemon, explained, tolerated
from .diffing import Rules
from .resource import Created, Failure, Found, ResourceError, autonamed, unsupported
from .values import UNKNOWN, Properties

_LOG_LINES = 20


class Container:
    """The resource type, on one daemon."""

    rules = Rules(
        replace=spec.REPLACE,
        unordered=spec.UNORDERED,
        delete_before_replace=True,
    )

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def check(self, name: str, old: Properties, new: Properties) -> tuple[Properties, list[Failure]]:
        inputs = spec.DEFAULTS | new | {"name": autonamed(name, old, new)}
        failures = unsupported(new, spec.SUPPORTED, "Container")
        if not new.get("image"):
            failures.append(Failure("image", "Missing required argument: image"))
        restart = new.get("restart")
        if restart not in (None, UNKNOWN, "no", "on-failure", "always", "unless-stopped"):
            failures.append(
                Failure("restart", f"expected no, on-failure, always or unless-stopped, got {restart}")
            )
        return inputs, failures

    def create(self, urn: str, inputs: Properties) -> Created:
        client = self._daemon.client
        image = inputs["image"]
        self._have_image(client, image)
        body = spec.body(inputs)
        made = explained(
            "Unable to create container", client.create_container_from_config, body, inputs["name"]
        )
        id_ = str(made["Id"])
        try:
            self._connect(client, id_, inputs)
            if inputs.get("uploads"):
                explained(
                    "Unable to upload volume content",
                    client.put_archive,
                    id_,
                    "/",
                    spec.archive(inputs["uploads"]),
                )
            if inputs.get("start", True):
                explained("Unable to start container", client.start, id_)
                self._until_running(client, id_, inputs)
            outputs = inputs | self._observed(explained("Unable to read", client.inspect_container, id_))
            if current().abandoned.is_set():
                raise ResourceError("the engine has gone; nobody would know of this container")
        except BaseException:
            tolerated(lambda: client.remove_container(id_, v=True, force=True), "is already in progress")
            raise
        return Created(id_, outputs)

    def update(self, urn: str, id_: str, old: Properties, inputs: Properties) -> Properties:
        client = self._daemon.client
        if any(old.get(key) != inputs.get(key) for key in spec.APPLIED_IN_PLACE):
            url = client._url("/containers/{0}/update", id_)
            explained(
                "Unable to update a container",
                lambda: client._raise_for_status(client._post_json(url, data=spec.resources(inputs))),
            )
        if inputs.get("mustRun") and not old.get("mustRun") and inputs.get("start", True):
            explained("Unable to start container", client.start, id_)
            self._until_running(client, id_, inputs)
        return inputs | self._observed(explained("Unable to read", client.inspect_container, id_))

    def read(self, id_: str, outputs: Properties, inputs: Properties) -> Found:
        from docker.errors import NotFound

        try:
            seen = explained("Unable to read", self._daemon.client.inspect_container, id_)
        except ResourceError as error:
            if isinstance(error.__cause__, NotFound):
                return Found()
            raise
        observed = self._observed(seen)
        if not inputs:  # an import: only the id is known
            inputs = spec.DEFAULTS | {key: observed[key] for key in ("name", "image", "hostname")}
            inputs["labels"] = _pairs(seen["Config"].get("Labels") or {})
            inputs["restart"] = seen["HostConfig"]["RestartPolicy"]["Name"] or "no"
        drifted = _drift(seen, inputs)
        return Found(str(seen["Id"]), outputs | inputs | drifted | observed, inputs | drifted)

    def delete(self, urn: str, id_: str, outputs: Properties) -> None:
        client = self._daemon.client
        grace = outputs.get("destroyGraceSeconds") or 0

        def remove() -> None:
            gone = grace > 0 and not tolerated(lambda: client.stop(id_, timeout=int(grace)))
            if not gone:
                tolerated(
                    lambda: client.remove_container(id_, v=bool(outputs.get("removeVolumes")), force=True),
                    "is already in progress",
                )

        explained(f"Error deleting container {id_}", remove)

    def _have_image(self, client: Any, image: str) -> None:
        from docker.errors import APIError, ImageNotFound

        what = f"Unable to create container with image {image}"
        try:
            client.inspect_image(image)
        except ImageNotFound:
            try:
                repository, _, tag = image.rpartition(":")
                if not repository or "/" in tag or "@" in image:
                    explained(what, client.pull, image)
                else:
                    explained(what, client.pull, repository, tag=tag)
                explained(what, client.inspect_image, image)
            except ResourceError as error:
                raise ResourceError(
                    f"{what}: unable to find or pull image {image}: {str(error).removeprefix(f'{what}: ')}"
                ) from error
        except APIError as error:
            raise ResourceError(f"{what}: {error}") from error

    def _connect(self, client: Any, id_: str, inputs: Properties) -> None:
        networks = inputs.get("networksAdvanced") or []
        if not networks:
            return
        explained(
            "Unable to disconnect the default network",
            lambda: tolerated(
                lambda: client.disconnect_container_from_network(id_, "bridge"),
                "is not connected to the network bridge",
                "is not connected to network bridge",
            ),
        )
        for network in networks:
            url = client._url("/networks/{0}/connect", network["name"])
            body = {"Container": id_, "EndpointConfig": spec.endpoint(network)}
            explained(
                f"Unable to connect to network '{network['name']}'",
                lambda url=url, body=body: client._raise_for_status(client._post_json(url, data=body)),
            )

    def _until_running(self, client: Any, id_: str, inputs: Properties) -> None:
        """Return when the container runs (and is healthy, with ``wait``).

        Raises:
            ResourceError: it ended at once, or is not healthy in ``waitTimeout`` seconds.
        """
        if inputs.get("mustRun", True):
            state = explained("Unable to read", client.inspect_container, id_)["State"]
            if not (state["Running"] or state.get("Restarting")):
                raise ResourceError(
                    f"container {inputs['name']} exited immediately with status {state['ExitCode']}"
                    f"{_said(state)}{_last_lines(client, id_)}"
                )
        if not inputs.get("wait"):
            return
        limit = float(inputs.get("waitTimeout") or 60)
        until = time.monotonic() + limit
        while True:
            state = explained("Unable to read", client.inspect_container, id_)["State"]
            health = (state.get("Health") or {}).get("Status", "without a health check")
            if health == "healthy":
                return
            if time.monotonic() > until or current().over() or not state["Running"]:
                raise ResourceError(
                    f"timeout: container {inputs['name']} is not healthy after {limit:g} s: "
                    f"{state['Status']}, {health}{_last_lines(client, id_)}"
                )
            current().over(1)

    def _observed(self, seen: dict[str, Any]) -> Properties:
        """Outputs that only the daemon knows."""
        networks = (seen.get("NetworkSettings") or {}).get("Networks") or {}
        config, host = seen["Config"], seen["HostConfig"]
        return {
            "name": seen["Name"].removeprefix("/"),
            "image": config["Image"],
            "hostname": config["Hostname"],
            "networkMode": host["NetworkMode"],
            "exitCode": seen["State"]["ExitCode"],
            "networkDatas": [
                {
                    "networkName": name,
                    "ipAddress": found.get("IPAddress", ""),
                    "ipPrefixLength": found.get("IPPrefixLen", 0),
                    "gateway": found.get("Gateway", ""),
                    "macAddress": found.get("MacAddress", ""),
                    "globalIpv6Address": found.get("GlobalIPv6Address", ""),
                    "globalIpv6PrefixLength": found.get("GlobalIPv6PrefixLen", 0),
                    "ipv6Gateway": found.get("IPv6Gateway", ""),
                }
                for name, found in sorted(networks.items())
            ],
        }


def _drift(seen: dict[str, Any], inputs: Properties) -> Properties:
    """Inputs whose value on the daemon is not the one that was asked for."""
    drift: Properties = {}
    state, host = seen["State"], seen["HostConfig"]
    if inputs.get("mustRun") and not (state["Running"] or state.get("Restarting")):
        drift["mustRun"] = False
    actual = {
        "restart": host["RestartPolicy"]["Name"] or "no",
        "memory": host["Memory"] // 2**20,
        "memoryReservation": host["MemoryReservation"] // 2**20,
        "cpuShares": host["CpuShares"],
        "cpuSet": host["CpusetCpus"],
    }
    for key, value in actual.items():
        if inputs.get(key) and inputs[key] != value:
            drift[key] = value
    return drift


def _pairs(labels: dict[str, str]) -> list[Properties]:
    return [{"label": label, "value": value} for label, value in sorted(labels.items())]


def _said(state: dict[str, Any]) -> str:
    return f": {state['Error']}" if state.get("Error") else ""


def _last_lines(client: Any, id_: str) -> str:
    from docker.errors import DockerException

    try:
        text = client.logs(id_, tail=_LOG_LINES).decode(errors="replace").strip()
    except DockerException:
        return ""
    return f"\n{text}" if text else ""
