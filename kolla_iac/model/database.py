"""The database server, as a user writes it under ``services.database``: the cloud's own, or one that is there."""

from __future__ import annotations

import ipaddress
import ssl
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from kolla_iac.model.base import Strict
from kolla_iac.model.service import Secret

SUPPORTED = {"MariaDB": (10, 6), "MySQL": (8, 0)}
"""Flavour -> the oldest version that a release is deployed on. Percona Server says that it is MySQL."""

MANAGED = "mariadb.internal:3306"
"""Where the service ``mariadb`` is reached."""

ADMIN_PASSWORD = Secret(
    "database_admin_password", "the administrator of the external database server", given=True
)
CLIENT_KEY = Secret(
    "database_client_key",
    "private key of the client's certificate for the external database server",
    kind="private_key",
    given=True,
)


def _certificates(text: str) -> str:
    try:
        ssl.create_default_context(cadata=text)
    except (ssl.SSLError, ValueError):
        raise ValueError("must be certificates in PEM: the text of the file, after a |") from None
    return text


def _reachable(host: str) -> str:
    try:
        inside = ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = host == "localhost"
    if inside:
        raise ValueError("must be an address that containers reach; each has a loopback of its own")
    return host


Certificates = Annotated[str, AfterValidator(_certificates)]


class SourceTlsSettings(Strict):
    """How the connection is encrypted, and who the server has to be."""

    ca: Certificates | None = None
    """Certificates of the authority that signed the server's, in PEM: the text itself."""
    verify: Literal["full", "ca", "none"] = "full"
    """``full``: signed by ``ca``, and made out to ``host``; ``ca``: signed by it, for whatever name; ``none``: any."""


class TlsSettings(SourceTlsSettings):
    """How the connection is encrypted, and who the server has to be."""

    certificate: Certificates | None = None
    """The client's own certificate, where the server asks for one; its key is the secret ``database_client_key``."""


class AdminSettings(Strict):
    """Who makes schemas and users."""

    user: str = Field(min_length=1, max_length=80)
    """Its password is the secret ``database_admin_password``."""


class _Server(Strict):
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,253}$"), AfterValidator(_reachable)]
    """Name or address as containers reach it; the one writer where there are several members."""
    port: int = Field(default=3306, ge=1, le=65535)

    @property
    def address(self) -> str:
        """``db.example:3306``."""
        return f"{self.host}:{self.port}"


class SourceSettings(_Server):
    """A server of somebody else's from which the data come; schemas' users log in there as they do here."""

    tls: SourceTlsSettings | None = None
    """None: not encrypted."""


class ExternalSettings(_Server):
    """A MariaDB or MySQL server that somebody else runs."""

    tls: TlsSettings | None = None
    """None: not encrypted."""
    admin: AdminSettings | None = None
    """None: schemas and users are made by whoever runs the server; `kolla-iac database sql` prints how."""


class DatabaseSettings(Strict):
    """The database server."""

    external: ExternalSettings | None = None
    """A server of your own; None: the service ``mariadb``."""
    move: bool = False
    """Whether an update brings the schemas here from where they are: from ``source``, or without one from the service
    ``mariadb``, which stays until this is taken out (`kolla-iac database release`)."""
    source: SourceSettings | None = None
    """With ``move``: whence the data come."""
    moved_from: str | None = Field(default=None, pattern=r"^[^\s:][^\s]*:[0-9]+$")
    """``host:port`` of the server on which the schemas were before they came to this one. An environment that has its
    schemas on another server than the settings say is refused without it or ``move``: nothing moves by itself."""

    @property
    def address(self) -> str:
        """``host:port`` of the server that services use."""
        return self.external.address if self.external else MANAGED

    @property
    def moves_from(self) -> str:
        """``host:port`` of the server that the schemas leave; empty where they do not move."""
        if not self.move:
            return ""
        return self.source.address if self.source else MANAGED

    @property
    def managed(self) -> bool:
        """Whether the service ``mariadb`` is there: in use, or left by a move and kept."""
        return self.external is None or self.moves_from == MANAGED

    def secrets(self) -> tuple[Secret, ...]:
        """What has to be known of a server of your own."""
        found = []
        if self.external and self.external.admin:
            found.append(ADMIN_PASSWORD)
        if self.external and self.external.tls and self.external.tls.certificate:
            found.append(CLIENT_KEY)
        return tuple(found)
