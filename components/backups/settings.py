"""What a user may write under ``services.backups``."""

from pydantic import Field

from kolla_iac.model.service import HealthCheck, Service, ServiceSettings


class BackupsSettings(ServiceSettings):
    """Makes and verifies backups as ``backup.schedule`` says; there is none without it."""

    replicas: int = Field(default=1, ge=1, le=1)
    """One: it backs one server up."""
    image: None = None
    """It runs the database's image: mariadb-backup has to be of the server's version."""
    health_check: HealthCheck = HealthCheck(interval=10, timeout=10)


SERVICE = Service(
    name="backups",
    title="Scheduled backups",
    settings=BackupsSettings,
    image="mariadb-server",
    needs=("mariadb",),
    follows=("keystone",),
    share_host=False,
    replaced=lambda environment: environment.backup.schedule is None,
)
