"""A database server as components see it, whoever runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from kolla_iac.components.database.clients import CA, CERTIFICATE, KEY, SOURCE_CA
from kolla_iac.model.database import DatabaseSettings, SourceTlsSettings, TlsSettings
from kolla_iac.render.contract import ConfigFile


@dataclass(frozen=True)
class DatabaseServer:
    """A MariaDB or MySQL server, and an administrator who may create schemas and users on it."""

    host: str
    """Name or address as the containers reach it; the one writer where there are several members."""
    port: int
    admin_user: str = ""
    """Empty: schemas and users are made by whoever runs the server."""
    admin_password: pulumi.Input[str] = ""
    """Secret."""
    ready: Sequence[pulumi.Resource] = ()
    """What must have happened before it can be used."""
    tls: SourceTlsSettings | None = None
    """None: connections are not encrypted."""
    client_key: pulumi.Input[str] = ""
    """Private key of ``tls.certificate``, PEM. Secret."""
    left: bool = False
    """Whether schemas leave it: its certificates lie beside those of the server that services use."""

    @property
    def address(self) -> str:
        """``db.example:3306``."""
        return f"{self.host}:{self.port}"

    @property
    def login(self) -> Mapping[str, Any]:
        """What ``login.py`` reads; the paths are those of ``files``."""
        tls = None
        if self.tls:
            certificate = _certificate(self.tls)
            tls = {
                "verify": self.tls.verify,
                "ca": (SOURCE_CA if self.left else CA) if self.tls.ca else None,
                "certificate": CERTIFICATE if certificate else None,
                "key": KEY if certificate else None,
            }
        return {"host": self.host, "port": self.port, "tls": tls}

    def files(self, owner: str = "root") -> pulumi.Output[list[ConfigFile]]:
        """Certificates and key, where clients of the server look for them.

        Args:
            owner: user of the container who reads them.
        """
        return pulumi.Output.from_input(self.client_key).apply(
            lambda key: tls_files(self.tls, key, owner, SOURCE_CA if self.left else CA)
        )


def _certificate(tls: SourceTlsSettings) -> str | None:
    return tls.certificate if isinstance(tls, TlsSettings) else None


def leaving(settings: DatabaseSettings, managed: DatabaseServer | None) -> DatabaseServer | None:
    """The server that schemas leave, where they move.

    Args:
        managed: the service ``mariadb``.
    """
    if settings.source:
        return DatabaseServer(settings.source.host, settings.source.port, tls=settings.source.tls, left=True)
    return managed if settings.move else None


def tls_files(tls: SourceTlsSettings | None, key: str, owner: str, ca: str = CA) -> list[ConfigFile]:
    """The files that a connection with TLS needs; none without.

    Args:
        ca: where the authority's certificates go.
    """
    if tls is None:
        return []
    certificate = _certificate(tls)
    wanted = {ca: tls.ca, CERTIFICATE: certificate, KEY: key if certificate else None}
    return [ConfigFile(path, text, owner) for path, text in wanted.items() if text]
