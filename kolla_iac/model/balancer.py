"""What the load balancer publishes, as data. ``kolla_iac.render.haproxy`` turns it into a configuration."""

from kolla_iac.model.base import Strict


class Backend(Strict):
    """One service behind the load balancer, with a fixed number of slots for its containers."""

    name: str
    port: int
    """Port on which the containers of the service listen."""
    slots: int = 8
    """Places for containers; at least twice the replicas, since old and new stand side by side."""
    check: str = "/healthcheck"
    """Path that answers 200 when the replica can do its work."""
    options: tuple[str, ...] = ()
    """Further lines of the backend section."""


class Frontend(Strict):
    """One published address of one backend."""

    name: str
    backend: str
    port: int
    """Port inside the load balancer's container; the same as published on the host."""


class BalancerConfig(Strict):
    """All frontends and backends of an environment."""

    frontends: tuple[Frontend, ...] = ()
    backends: tuple[Backend, ...] = ()
    client_timeout: int = 60
    """Seconds without a byte from a client after which its connection is closed."""
    server_timeout: int = 60
    """Seconds without a byte from a service after which a request fails."""
    statistics_password: str | None = None
    """Publishes the statistics page inside the network, for the user ``openstack``. Secret; None: no such page."""
