"""Scheduled backups of the managed database server."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from kolla_iac.components.backups import stages
from kolla_iac.components.backups.settings import BackupsSettings
from kolla_iac.components.mariadb import backups
from kolla_iac.components.mariadb.backup.tools import HERE
from kolla_iac.model.stage import VolumeStage
from kolla_iac.resources.cloud import Cloud
from kolla_iac.resources.container import Shape
from kolla_iac.resources.service import Service
from kolla_iac.resources.stage import stage


class Backups(Service):
    """Makes backups of the managed MariaDB, or of schemas elsewhere, and verifies them, as ``backup.schedule`` says.

    Creates one small container of the database's image beside it, after the stage that sees whether a volume of the
    settings is there. Nothing waits for it. It comes after the
    services with a schema: a backup bears the release of its schemas.
    """

    def __init__(
        self,
        name: str,
        *,
        cloud: Cloud,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """
        Args:
            after: what the database server, and the services with a schema on it, end with.
        """
        own = cloud.settings.service("backups", BackupsSettings)
        rollout = stages.rollout(cloud.settings, cloud.reference("mariadb"), cloud.rotations)
        super().__init__(
            "kolla:database:Backups", name, rollout, cloud=cloud, image=cloud.image("mariadb"), opts=opts
        )
        self.follow(*after)
        for act in rollout.before:
            there = stage(
                VolumeStage,
                show=rollout.shown(act),
                parent=self,
                depends_on=self.ready,
                **cloud.about(f"backups-{act.name}", "backups", ""),
                host=rollout.placement[0],
                volume=act.inputs["volume"],
            )
            self.follow(there)
        self.serial(
            lambda host: cloud.secrets.apply(
                lambda secrets: stages.files(cloud.settings, cloud.environment, secrets, cloud.rotated)
            ),
            Shape(
                health=("CMD", *stages.ALIVE),
                check=own.health_check,
                limits=own.limits,
                mounts=backups.mounts(
                    "create",
                    cloud.environment,
                    cloud.settings.backup,
                    whole=cloud.settings.database.external is None,
                ),
                env={"PYTHONPATH": str(HERE)},
                stop_seconds=stages.STOP_SECONDS,
            ),
            stages.ready(),
        )
        self.register_outputs({"schedule": rollout.container["schedule"]})
