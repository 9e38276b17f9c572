"""The backup policy, as a user writes it under ``backup``. Accepted already; nothing acts on it yet."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kolla_iac.model.base import Strict

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Keep(Strict):
    """How many backups stay; the last verified one always does."""

    last: int = Field(default=7, ge=1)
    daily: int = Field(default=7, ge=0)
    weekly: int = Field(default=4, ge=0)
    monthly: int = Field(default=6, ge=0)


class BackupSettings(Strict):
    """What must be in the repository before an upgrade begins, and what stays there."""

    before_upgrade: Literal["required", "optional", "never"] = "optional"
    """``required``: without a backup that meets the policy, the upgrade makes one or does not start."""
    max_age: str = Field(default="1h", pattern=r"^[1-9][0-9]*[smhd]$")
    """How old that backup may be: a whole number and s, m, h or d."""
    verified: bool = True
    """Whether it must have been restored once, on trial."""
    keep: Keep = Keep()

    @property
    def max_age_seconds(self) -> int:
        """``max_age`` in seconds."""
        return int(self.max_age[:-1]) * _SECONDS[self.max_age[-1]]
