"""A database server as components see it, whoever runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True)
class DatabaseServer:
    """A MariaDB or MySQL server and an administrator who may create schemas and users on it."""

    host: str
    """Name or address as the containers reach it; the one writer where there are several members."""
    port: int
    admin_user: str
    admin_password: pulumi.Input[str]
    """Secret."""
    ready: Sequence[pulumi.Resource] = ()
    """What must have happened before it can be used."""
