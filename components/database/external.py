"""A database server that somebody else runs."""

from __future__ import annotations

import pulumi

from kolla_iac.components.database.login import SSL, greeting
from kolla_iac.components.database.server import DatabaseServer
from kolla_iac.errors import KollaError
from kolla_iac.model.database import ExternalSettings
from kolla_iac.resources.cloud import Cloud
from kolla_iac.resources.names import logical


class ExternalDatabase(pulumi.ComponentResource):
    """The server of ``services.database.external``. Creates nothing: services look at it before they use it.

    In a preview it asks the server for its greeting, from here, and warns where there is none.

    Attributes:
        server: what ``Database`` components are made on.
    """

    def __init__(self, name: str, *, cloud: Cloud, opts: pulumi.ResourceOptions | None = None) -> None:
        """
        Raises:
            KollaError: the settings name no such server.
        """
        external = cloud.settings.database.external
        if external is None:
            raise KollaError(
                "there is no external database server",
                {"wanted": "services.database.external in the settings"},
            )
        admin, tls = external.admin, external.tls
        shown = {
            "server": external.address,
            "tls": tls.verify if tls else "not asked for",
            "schemas": f"made by {admin.user}" if admin else "made by whoever runs the server",
        }
        super().__init__("kolla:database:External", logical(cloud.environment, name), shown, opts)
        self.server = DatabaseServer(
            host=external.host,
            port=external.port,
            admin_user=admin.user if admin else "",
            admin_password=cloud.secret("database_admin_password") if admin else "",
            tls=tls,
            client_key=cloud.secret("database_client_key") if tls and tls.certificate else "",
        )
        if pulumi.runtime.is_dry_run() and (warning := seen_from_here(external)):
            pulumi.log.warn(warning, self)
        self.register_outputs({"host": external.host, "port": external.port})


def seen_from_here(external: ExternalSettings) -> str:
    """What is wrong with a server as the machine that previews sees it; empty where nothing is."""
    where = f"the database server {external.address}"
    try:
        version, flags = greeting(external.host, external.port, seconds=2)
    except (OSError, ValueError) as error:
        return f"{where} gives no greeting here ({error}); what counts is whether containers get one"
    if not flags:
        return f"{where} refuses whoever connects from here: {version}"
    if external.tls and not flags & SSL:
        return f"{where} ({version}) offers no TLS, which the settings ask for"
    return ""
