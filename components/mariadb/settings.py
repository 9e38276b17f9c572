"""What a user may write under ``services.mariadb``."""

from pydantic import Field

from kolla_iac.model.service import HealthCheck, Secret, Service, ServiceSettings


class MariaDBSettings(ServiceSettings):
    """The managed database server."""

    replicas: int = Field(default=1, ge=1, le=1)
    """Members; one until Galera is there."""
    buffer_pool: int = Field(default=64, ge=5)
    """MiB of InnoDB's buffer pool. Source: innodb_buffer_pool_size."""
    max_connections: int = Field(default=500, ge=10)
    """Connections at once. Source: max_connections."""
    health_check: HealthCheck = HealthCheck(interval=10, timeout=10, start_period=60)


SERVICE = Service(
    name="mariadb",
    title="Database",
    settings=MariaDBSettings,
    image="mariadb-server",
    files=("galera.cnf",),
    secrets=(Secret("mariadb_root_password", "MariaDB's administrator"),),
    share_host=False,
    replaced=lambda environment: not environment.database.managed,
    volume=True,
)
