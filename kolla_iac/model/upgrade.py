"""How far an upgrade goes by itself, as a user writes it under ``upgrade``."""

from __future__ import annotations

from typing import Literal

from kolla_iac.model.base import Strict


class UpgradeSettings(Strict):
    """What an upgrade waits for."""

    contract: Literal["automatic", "manual"] = "automatic"
    """``manual``: `pulumi up` ends before the stage of no return; everything serves on the new release, and the way
    back stays open. With ``automatic`` the next `pulumi up` completes it."""
