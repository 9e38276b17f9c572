"""What a user may write under ``services.entrance``."""

from pydantic import Field

from kolla_iac.model.service import HealthCheck, Service, ServiceSettings


class EntranceSettings(ServiceSettings):
    """Holds the published ports for the load balancer, so that this can be replaced without a failed request."""

    replicas: int = Field(default=1, ge=1, le=1)
    """One per environment for now."""
    image: None = None
    """It runs the load balancer's image, and keeps the one that it was made with."""
    health_check: HealthCheck = HealthCheck(interval=10, timeout=10)


SERVICE = Service(
    name="entrance",
    title="Published ports",
    settings=EntranceSettings,
    image="haproxy",
    share_host=False,
)
