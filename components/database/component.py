"""The schema and the user of one service, on whatever server it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pulumi
from pulumi_command import local

from kolla_iac.components.database.clients import connection_url, option_file
from kolla_iac.components.database.orders import Demand, Login, check_files, dump_files, schema_files
from kolla_iac.components.database.server import DatabaseServer
from kolla_iac.errors import KollaError
from kolla_iac.model.stage import JobStage, Mount, Upload
from kolla_iac.plan.rollout import Act
from kolla_iac.render.contract import ConfigFile
from kolla_iac.resources.cloud import Cloud, Image
from kolla_iac.resources.container import KOLLA_START
from kolla_iac.resources.names import logical
from kolla_iac.resources.stage import stage

BACKUPS = "/backups"
"""Where the volume of backups is mounted."""
DUMP = "python3 /etc/kolla-iac/dump.py"
"""Command of ``dump.py`` in MariaDB's image; a phase follows."""
DUMP_SECONDS = 3600
"""A dump and its trial are bounded; a large schema takes its time."""
Make = Callable[[tuple[str, str], Login, list[ConfigFile]], tuple[Upload, ...]]
"""Administrator, the schema's user, certificates -> what a Job gets."""


class Database(pulumi.ComponentResource):
    """A schema (utf8mb4) with a user that may do everything in it and nothing outside.

    Creates a stage, a Job in the service's own image, so that an external server needs no image of ours; and one more
    each where ``look`` is given and where ``retire_users`` is called.

    Attributes:
        connection: SQLAlchemy URL. Secret.
        certificates: files that go with it, owned by the service's user. Secret.
        ready: what to depend on.
    """

    def __init__(
        self,
        name: str,
        *,
        cloud: Cloud,
        server: DatabaseServer,
        image: Image,
        host: str,
        password: pulumi.Input[str],
        user: str = "",
        show: Mapping[str, str] | None = None,
        look: tuple[Demand, Mapping[str, str]] | None = None,
        depends_on: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """
        Args:
            name: of the schema, and of the service's user in its containers.
            user: of the schema, see ``schema_user``; the schema's name by default.
            show: more of what the Job shows to a reviewer, beside schema, user and server.
            look: what the server has to bear, where it is looked at before anything is done on it, and what that
                stage shows.
            image: any image with PyMySQL in Kolla's virtual environment.
            host: where the Job runs.
            password: the user's. Secret.
        """
        user = user or name
        super().__init__(
            "kolla:database:Database",
            logical(cloud.environment, f"{name}-database"),
            {"schema": name, "user": user, "server": server.address, "character_set": "utf8mb4"},
            opts,
        )
        self._show = {"SCHEMA": name, "USER": user, "SERVER": server.address}
        self._cloud, self._schema, self._where, self._image = cloud, name, host, image
        self._server, self._user = server, user
        self._password = pulumi.Output.secret(password)
        before = [*server.ready, *depends_on]
        if look:
            demand, shown = look
            before = [
                self._stage(
                    "database",
                    shown,
                    before,
                    lambda admin, login, tls: check_files(
                        "require", server.login, admin, [login], demand, tls
                    ),
                )
            ]
        self.ready = self._phase("schema", "make", show or {}, before, self._stays())
        self.connection = self._password.apply(
            lambda value: connection_url(user, value, server.host, server.port, name, server.login["tls"])
        )
        self.certificates: pulumi.Output[list[ConfigFile]] = pulumi.Output.secret(server.files(name))
        self.register_outputs({"schema": name})

    def retire_users(
        self, act: Act, *, show: Mapping[str, str], depends_on: Sequence[pulumi.Resource]
    ) -> local.Command:
        """The stage in which users of earlier passwords go; it must come after everything that logs in as them."""
        return self._phase(act.name, "retire", show, [self.ready, *depends_on])

    def back_up(
        self,
        act: Act,
        *,
        volume: str,
        image: Image,
        show: Mapping[str, str],
        depends_on: Sequence[pulumi.Resource],
        hooks: pulumi.ResourceHookBinding | None = None,
    ) -> local.Command:
        """The stage in which a dump of the schema is made, on a volume, and restored on trial.

        Args:
            volume: name of a volume on the host where the Jobs run.
            image: MariaDB's, whose clients and server it uses.
            hooks: asked before it runs, and in a preview.
        """
        policy, server = self._cloud.settings.backup, self._server

        def files(admin: tuple[str, str], login: Login, tls: list[ConfigFile]) -> tuple[Upload, ...]:
            client = option_file(server.host, server.port, login.user, login.password, server.login["tls"])
            return dump_files(policy, self._schema, client, f"{DUMP} make", tls)

        return self._stage(
            act.name,
            show,
            depends_on,
            files,
            image=image,
            mounts=(Mount(volume=volume, path=BACKUPS),),
            timeout=DUMP_SECONDS,
            hooks=hooks,
        )

    def _stays(self) -> pulumi.ResourceHookBinding:
        """Asked before the schema's stage, and in a preview: another server than the last time has other data."""

        def ask(args: pulumi.ResourceHookArgs) -> None:
            stood = ((args.old_inputs or {}).get("environment") or {}).get("SERVER", self._server.address)
            if stood not in (self._server.address, self._cloud.settings.database.moved_from):
                raise elsewhere(self._schema, stood, self._server.address)

        name = logical(self._cloud.environment, f"{self._schema}-schema-stays")
        hook = pulumi.ResourceHook(name, ask, pulumi.ResourceHookOptions(on_dry_run=True))
        return pulumi.ResourceHookBinding(before_update=[hook])

    def _phase(
        self,
        name: str,
        phase: str,
        show: Mapping[str, str],
        depends_on: Sequence[pulumi.Resource],
        hooks: pulumi.ResourceHookBinding | None = None,
    ) -> local.Command:
        return self._stage(
            name,
            {**show, **self._show},
            depends_on,
            lambda admin, login, tls: schema_files(phase, self._server.login, admin, login, tls),
            hooks=hooks,
        )

    def _stage(
        self,
        name: str,
        show: Mapping[str, str],
        depends_on: Sequence[pulumi.Resource],
        files: Make,
        *,
        image: Image | None = None,
        mounts: Sequence[Mount] = (),
        timeout: float = 180,
        hooks: pulumi.ResourceHookBinding | None = None,
    ) -> local.Command:
        server, image = self._server, image or self._image
        secrets: pulumi.Output[list[Any]] = pulumi.Output.secret(
            pulumi.Output.all(server.admin_password, self._password, server.files())
        )
        return stage(
            JobStage,
            show=show,
            hooks=hooks,
            parent=self,
            depends_on=[image.present, *depends_on],
            **self._cloud.about(f"{self._schema}-{name}", self._schema, ""),
            host=self._where,
            image=image.reference,
            env={"KOLLA_CONFIG_STRATEGY": "COPY_ALWAYS"},
            files=secrets.apply(
                lambda it: files((server.admin_user, it[0]), Login(self._schema, self._user, it[1]), it[2])
            ),
            mounts=tuple(mounts),
            network=self._cloud.network.name,
            user="root",
            capabilities=KOLLA_START,
            timeout=timeout,
        )


def elsewhere(schema: str, stood: str, wanted: str) -> KollaError:
    """The refusal to go on with another server, which has other data or none."""
    return KollaError(
        f"schema {schema} is on {stood}, and the settings say {wanted}: its data do not move by themselves",
        {
            "meanwhile": "nothing was touched",
            "next": f"set services.database back; or bring the data there (docs/how-to/external-database.md), then "
            f"services.database.moved_from: {stood}",
        },
    )
