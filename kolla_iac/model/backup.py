"""The backup policy, as a user writes it under ``backup``: what must be there before a schema is migrated."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kolla_iac.model.base import Strict

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Keep(Strict):
    """How many backups stay."""

    last: int = Field(default=7, ge=1)
    """Of the dumps before upgrades the newest so many; the others count for nothing yet."""
    daily: int = Field(default=7, ge=0)
    weekly: int = Field(default=4, ge=0)
    monthly: int = Field(default=6, ge=0)


class BackupSettings(Strict):
    """What is backed up before a new release migrates a schema, and what stays of it."""

    before_upgrade: Literal["required", "optional", "never"] = "optional"
    """``required``: where no dump can be made, the upgrade does not begin; ``optional``: it says so and goes on."""
    max_age: str = Field(default="1h", pattern=r"^[1-9][0-9]*[smhd]$")
    """How old a backup made otherwise may be; counts for nothing yet: the dump before an upgrade is always new."""
    verified: bool = True
    """Whether the dump is restored on trial, into a server of its own, and compared, before the upgrade goes on."""
    keep: Keep = Keep()

    @property
    def max_age_seconds(self) -> int:
        """``max_age`` in seconds."""
        return int(self.max_age[:-1]) * _SECONDS[self.max_age[-1]]
