"""What a user may write under ``services.keystone``."""

from pydantic import Field

from kolla_iac.model.service import HealthCheck, Secret, Service, ServiceSettings


class KeystoneSettings(ServiceSettings):
    """The identity service."""

    replicas: int = Field(default=2, ge=1)
    """Containers behind the load balancer; two, so that one may be lost."""
    workers: int | None = Field(default=2, ge=1)
    """uWSGI processes per replica, about 100 MB each."""
    token_expiration: int = Field(default=86400, ge=60)
    """Seconds a token is valid. Source: [token] expiration."""
    admin_user: str = Field(default="admin", min_length=1)
    admin_project: str = Field(default="admin", min_length=1)
    drain_seconds: int = Field(default=90, ge=1)
    """How long an old replica may finish its requests before it is stopped."""
    health_check: HealthCheck = HealthCheck(interval=10, timeout=30, start_period=60)


SERVICE = Service(
    name="keystone",
    title="Identity",
    settings=KeystoneSettings,
    image="keystone",
    needs=("mariadb", "memcached", "loadbalancer"),
    files=("keystone.conf", "uwsgi.ini"),
    secrets=(
        Secret("keystone_database_password", "Keystone's database user", kind="url_password"),
        Secret("keystone_admin_password", "the cloud's administrator"),
        Secret("keystone_fernet_keys", "tokens", kind="fernet_keys"),
        Secret("keystone_credential_keys", "stored credentials", kind="fernet_keys"),
    ),
    port=5000,
    check="/ready",
)
