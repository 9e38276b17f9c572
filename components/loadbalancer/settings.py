"""What a user may write under ``services.loadbalancer``."""

from pydantic import Field

from kolla_iac.model.service import HealthCheck, Secret, Service, ServiceSettings


class LoadBalancerSettings(ServiceSettings):
    """HAProxy in front of every API."""

    replicas: int = Field(default=1, ge=1, le=1)
    """One per environment for now."""
    client_timeout: int = Field(default=60, ge=1)
    """Seconds without a byte from a client after which its connection is closed."""
    server_timeout: int = Field(default=60, ge=1)
    """Seconds without a byte from a service after which a request fails."""
    health_check: HealthCheck = HealthCheck(interval=10, timeout=10)


SERVICE = Service(
    name="loadbalancer",
    title="Load balancer",
    settings=LoadBalancerSettings,
    image="haproxy",
    needs=("entrance",),
    secrets=(Secret("haproxy_statistics_password", "HAProxy's statistics page"),),
    role="control",
    share_host=False,
    volume=True,
)
