"""What a user may write under ``services.memcached``."""

from pydantic import Field

from kolla_iac.model.service import HealthCheck, Secret, Service, ServiceSettings


class MemcachedSettings(ServiceSettings):
    """The cache."""

    replicas: int = Field(default=1, ge=1, le=1)
    """Servers; one for now."""
    memory: int = Field(default=64, ge=8)
    """MiB of items kept. Source: memcached's option -m."""
    max_connections: int = Field(default=1000, ge=10)
    """Connections at once. Source: memcached's option -c."""
    health_check: HealthCheck = HealthCheck(interval=10, timeout=10)


SERVICE = Service(
    name="memcached",
    title="Cache",
    settings=MemcachedSettings,
    image="memcached",
    secrets=(Secret("memcache_secret_key", "encrypts what services keep in Memcached"),),
    share_host=False,
)
