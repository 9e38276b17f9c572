"""The services. ``from kolla_iac.components import Keystone`` is the only import form."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kolla_iac.components.backups.component import Backups as Backups
    from kolla_iac.components.database.component import Database as Database
    from kolla_iac.components.database.external import ExternalDatabase as ExternalDatabase
    from kolla_iac.components.database.server import DatabaseServer as DatabaseServer
    from kolla_iac.components.keystone.component import Keystone as Keystone
    from kolla_iac.components.loadbalancer.component import LoadBalancer as LoadBalancer
    from kolla_iac.components.mariadb.component import MariaDB as MariaDB
    from kolla_iac.components.memcached.component import Memcached as Memcached
    from kolla_iac.components.services import Services as Services

_WHERE = {
    "Backups": "backups.component",
    "Database": "database.component",
    "DatabaseServer": "database.server",
    "ExternalDatabase": "database.external",
    "Keystone": "keystone.component",
    "LoadBalancer": "loadbalancer.component",
    "MariaDB": "mariadb.component",
    "Memcached": "memcached.component",
    "Services": "services",
}
__all__ = [
    "Backups",
    "Database",
    "DatabaseServer",
    "ExternalDatabase",
    "Keystone",
    "LoadBalancer",
    "MariaDB",
    "Memcached",
    "Services",
]


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
