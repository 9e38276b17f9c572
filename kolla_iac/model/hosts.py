"""Hosts, their network, and the public addresses, as a user writes them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from kolla_iac.model.base import Strict


def _address(value: str) -> str:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        raise ValueError("must be an IP address") from None
    if address.is_unspecified or address.is_multicast:
        raise ValueError("must be an address that clients can reach")
    return value


def _subnet(value: str) -> str:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError("must be a subnet such as 10.20.0.0/24") from None
    if str(network) != value:
        raise ValueError(f"has bits set beyond its prefix; the subnet is {network}")
    if network.num_addresses < 16:
        raise ValueError("is too small for a control plane; /28 is the least")
    return value


Address = Annotated[str, AfterValidator(_address), Field(json_schema_extra={"examples": ["192.0.2.10"]})]
Port = Annotated[int, Field(ge=1, le=65535)]


class Host(Strict):
    """A Docker endpoint with an address and roles."""

    name: str = Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    """Lower-case letters, digits and hyphens."""
    docker: str = Field(
        default="unix:///var/run/docker.sock", pattern=r"^(unix:///.+|ssh://[^/\s]+|tcp://[^/\s]+:[0-9]+)$"
    )
    """Where its Docker daemon answers: ``unix:///...``, ``ssh://user@host`` or ``tcp://host:port``."""
    address: Address = "127.0.0.1"
    """Its address as other hosts and clients reach it."""
    roles: tuple[str, ...] = ("control",)
    """Services are placed on the hosts that have their role."""
    overrides: dict[str, dict[str, dict[str, Any]]] = Field(default={})
    """For replicas on this host: file -> section -> option -> value. Goes before all other overrides."""


class NetworkSettings(Strict):
    """The network of the control plane."""

    driver: Literal["auto", "bridge", "overlay"] = "auto"
    """``auto``: a bridge on one host, an overlay over several."""
    subnet: Annotated[str, AfterValidator(_subnet)] | None = None
    """CIDR, e.g. ``10.20.0.0/24``; None: Docker chooses."""
    mtu: int | None = Field(default=None, ge=576, le=65535)
    """Bytes; None: Docker's default."""


class EndpointSettings(Strict):
    """A published service's public address, where it is not the default one."""

    name: str
    """Name of the service."""
    address: Address | None = None
    """IP address on which the load balancer listens; None: that of the load balancer's host."""
    port: Port | None = None
    """None: the service's usual port."""


@dataclass(frozen=True)
class Endpoint:
    """Where clients reach a service."""

    name: str
    address: str
    port: int

    @property
    def url(self) -> str:
        """``http://192.0.2.10:5000``, without a slash in the end."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}"
