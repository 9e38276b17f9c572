"""The backup policy, as a user writes it under ``backup``: what must be there before a schema is migrated."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from kolla_iac.model.base import Strict
from kolla_iac.model.service import Secret

REPOSITORY_PASSWORD = Secret(
    "backup_repository_password",
    "opens the repository of backups; keep a copy elsewhere",
    lasts="a new one would not open the repository that is there",
)
"""Needed where there is a target."""
SFTP_KEY = Secret(
    "backup_sftp_key", "private key that the SFTP server of backups knows", kind="private_key", given=True
)
"""Needed where the target is an SFTP server."""
CREDENTIALS = Secret(
    "backup_credentials",
    "what restic needs of its environment to reach the repository: AWS_ACCESS_KEY_ID=... and its like, a line each",
    given=True,
)
"""Needed where the target asks for it."""
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
Duration = Annotated[str, Field(pattern=r"^[1-9][0-9]*[smhd]$")]
"""As ``seconds`` reads it."""


class Keep(Strict):
    """How many backups stay; beside them, whatever its age, the newest that was verified."""

    last: int = Field(default=7, ge=1)
    """The newest so many; of the dumps before upgrades too, for which the others count for nothing."""
    daily: int = Field(default=7, ge=0)
    """The newest of each of the last so many days that have one."""
    weekly: int = Field(default=4, ge=0)
    """The same of weeks."""
    monthly: int = Field(default=6, ge=0)
    """The same of months."""


class Sftp(Strict):
    """A directory of another machine, by SSH."""

    host: str = Field(pattern=r"^[A-Za-z0-9:][A-Za-z0-9.:-]*$")
    """Name or address, as the database's containers reach it."""
    port: int = Field(default=22, ge=1, le=65535)
    user: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")
    path: str = Field(pattern=r"^/[^:]*[^:/]$")
    """The directory, from the root as the server shows it; made if it is missing."""
    host_key: str = Field(pattern=r"^(ssh-|ecdsa-)[a-z0-9-]+ [A-Za-z0-9+/]+=*$")
    """Public key of the server: type and key of what `ssh-keyscan HOST` prints, compared with what its owner says."""


class Target(Strict):
    """Where backups of the database server go: one of these."""

    directory: str | None = Field(default=None, pattern=r"^/[^:]*[^:/]$")
    """A directory on the database's host, by its path; it must be there. A mount from elsewhere is best."""
    volume: str | None = Field(default=None, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]+$")
    """A Docker volume of that host, by its name; it must be there."""
    sftp: Sftp | None = None
    """A directory of another machine, by SSH; `kolla-iac secrets set ENV backup_sftp_key` takes the private key."""
    restic: str | None = Field(default=None, min_length=3)
    """A repository as restic's option ``-r`` takes it, such as ``rest:http://backup.example:8000/``."""
    credentials: bool = False
    """With ``restic``: whether the secret ``backup_credentials`` says what it needs of its environment."""

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the places that are set; empty: there is no target."""
        places = ("directory", "volume", "sftp", "restic")
        return tuple(name for name in places if getattr(self, name) is not None)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must be there to reach and to open the repository."""
        asked = {REPOSITORY_PASSWORD: self.given, SFTP_KEY: self.sftp, CREDENTIALS: self.credentials}
        return tuple(secret for secret, wanted in asked.items() if wanted)


class Schedule(Strict):
    """When backups of the database server are made by themselves, by a small container beside it."""

    every: Duration = "24h"
    """Age of the newest good backup from which the next is made."""
    verify: Duration = "7d"
    """Age of the latest verification from which the newest backup is verified."""
    logs: Duration = "15m"
    """How often the server's binary logs are stored: what was written since may be lost with its host."""


def seconds(duration: str) -> int:
    """
    >>> seconds("90s"), seconds("1h")
    (90, 3600)
    """
    return int(duration[:-1]) * _SECONDS[duration[-1]]


class BackupSettings(Strict):
    """What is backed up before a new release migrates a schema, and what stays of it."""

    before_upgrade: Literal["required", "optional", "never"] = "optional"
    """``required``: where no dump can be made, the upgrade does not begin; ``optional``: it says so and goes on."""
    verified: bool = True
    """Whether the dump is restored on trial, into a server of its own, and compared, before the upgrade goes on."""
    keep: Keep = Keep()
    target: Target = Target()
    """Where `kolla-iac backup create` puts backups of the whole server; without it there are only the dumps."""
    schedule: Schedule | None = None
    """When they are made by themselves; needs a target. Without it somebody calls `kolla-iac backup create`."""
