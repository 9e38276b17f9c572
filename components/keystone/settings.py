"""What a user may write under ``services.keystone``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from kolla_iac.model.service import HealthCheck, Secret, Service, ServiceSettings

if TYPE_CHECKING:
    from kolla_iac.model.environment import Environment

EXPIRED_WINDOW = 172_800
"""Seconds. Source: the default of Keystone's [token] allow_expired_window."""


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


def tokens_live(environment: Environment) -> int:
    """Seconds for which a token can be of use: valid, and then for services that work for an expired one."""
    settings = environment.service("keystone", KeystoneSettings)
    longest = 0
    for host in environment.place("keystone"):
        options = environment.overrides_for("keystone", host, "keystone.conf").get("token", {})
        valid = int(options.get("expiration") or settings.token_expiration)
        longest = max(longest, valid + int(options.get("allow_expired_window") or EXPIRED_WINDOW))
    return longest


SERVICE = Service(
    name="keystone",
    title="Identity",
    settings=KeystoneSettings,
    image="keystone",
    needs=("mariadb", "memcached", "loadbalancer"),
    shared=("keys", "backups"),
    files=("keystone.conf", "uwsgi.ini"),
    secrets=(
        Secret("keystone_database_password", "Keystone's database user", kind="url_password"),
        Secret(
            "keystone_admin_password",
            "the cloud's administrator",
            felt="the administrator's old password and the tokens got with it are refused",
        ),
        Secret("keystone_fernet_keys", "tokens", kind="fernet_keys", keys_kept=tokens_live),
        Secret("keystone_credential_keys", "stored credentials", kind="fernet_keys"),
    ),
    port=5000,
    check="/ready",
)
