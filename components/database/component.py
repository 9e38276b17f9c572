"""The schema and the user of one service, on whatever server it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pulumi
from pulumi_command import local

from kolla_iac.components.database.clients import connection_url, option_file
from kolla_iac.components.database.orders import (
    Demand,
    Login,
    check_files,
    dump_files,
    move_files,
    schema_files,
)
from kolla_iac.components.database.server import DatabaseServer
from kolla_iac.components.database.user import HOLD_SECONDS, uses
from kolla_iac.errors import KollaError
from kolla_iac.model.stage import JobStage, Mount, SwitchStage, Upload
from kolla_iac.model.waits import Wait
from kolla_iac.plan.rollout import Act, Rollout
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
COPY_SECONDS = 24 * 3600
"""A copy is bounded; one of a large schema takes its time."""
Left = tuple[str, list[ConfigFile]]
"""Of the server that a schema leaves: its administrator's password, and certificates."""
Make = Callable[[tuple[str, str], Login, list[ConfigFile], Left], tuple[Upload, ...]]
"""Administrator, the schema's user, certificates, what is known of a server that it leaves -> what a Job gets."""


class Database(pulumi.ComponentResource):
    """A schema (utf8mb4) with a user that may do everything in it and nothing outside.

    Creates a stage, a Job in the service's own image, so that an external server needs no image of ours; one more each
    where a server is looked at first, and where ``retire_users`` and ``back_up`` are called. A schema that moves from
    another server is copied instead, and ``switch`` creates the stage in which it changes its server.

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
        rollout: Rollout,
        demand: Demand,
        source: DatabaseServer | None = None,
        depends_on: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """
        Args:
            name: of the schema, and of the service's user in its containers.
            rollout: of the service; its acts ``schema``, ``database``, ``target``, ``copy`` and ``switch`` are this
                component's, as far as the settings ask for them.
            demand: what the server has to bear.
            source: the server that the schema leaves, where it moves.
            image: any image with PyMySQL in Kolla's virtual environment.
            host: where the Job runs.
            password: the user's. Secret.
        """
        acts = rollout.acts
        user = acts["schema"].inputs["user"]
        super().__init__(
            "kolla:database:Database",
            logical(cloud.environment, f"{name}-database"),
            {"schema": name, "user": user, "server": server.address, "character_set": "utf8mb4"},
            opts,
        )
        self._show = {"SCHEMA": name, "USER": user, "SERVER": server.address}
        self._cloud, self._schema, self._where, self._image = cloud, name, host, image
        self._server, self._user, self._source, self._rollout = server, user, source, rollout
        self._password = pulumi.Output.secret(password)
        before = [*server.ready, *(source.ready if source else ()), *depends_on]
        if "database" in acts:
            shown = rollout.shown(acts["database"])
            before = [
                self._stage(
                    "database",
                    shown,
                    before,
                    lambda admin, login, tls, _: check_files(
                        "require", server.login, admin, [login], demand, tls
                    ),
                )
            ]
        if source:
            target = self._phase("target", "target", rollout.shown(acts["target"]), before)
            copy = rollout.shown(acts["copy"])
            self.ready = self._stage("copy", copy, [target], self._moving("copy"), timeout=COPY_SECONDS)
        else:
            self.ready = self._made(before)
        self.connection = self._password.apply(
            lambda value: connection_url(user, value, server.host, server.port, name, server.login["tls"])
        )
        self.certificates: pulumi.Output[list[ConfigFile]] = pulumi.Output.secret(server.files(name))
        self.register_outputs({"schema": name})

    def switch(
        self, *, backend: str, ready: pulumi.Input[Wait], depends_on: Sequence[pulumi.Resource]
    ) -> Sequence[pulumi.Resource]:
        """The stage in which the schema changes its server, and the one that records it there; empty for no move.

        Args:
            backend: of the load balancer, whose requests wait meanwhile.
            ready: what a new replica must do first.
        """
        if self._source is None:
            return depends_on
        about = self._cloud.about(f"{self._schema}-switch", self._schema, self._rollout.release)
        job = self._job("switch-copy", self._moving("serve"))
        switched = stage(
            SwitchStage,
            show=self._rollout.shown(self._rollout.acts["switch"]),
            parent=self,
            depends_on=[self.ready, *depends_on],
            **about,
            job=job,
            replicas=self._rollout.replicas,
            database=uses(self._cloud.settings),
            backend=backend,
            ready=ready,
            hold_seconds=HOLD_SECONDS,
        )
        return [self._made([switched])]

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

        def files(_: tuple[str, str], login: Login, tls: list[ConfigFile], __: Left) -> tuple[Upload, ...]:
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

    def _made(self, before: Sequence[pulumi.Resource]) -> local.Command:
        shown = self._rollout.shown(self._rollout.acts["schema"])
        return self._phase("schema", "make", shown, before, self._stays())

    def _moving(self, phase: str) -> Make:
        """What ``move.py`` gets; the source's administrator comes with the secrets."""
        source, target = self._source, self._server
        assert source is not None

        def files(_: tuple[str, str], login: Login, tls: list[ConfigFile], left: Left) -> tuple[Upload, ...]:
            password, theirs = left
            admin = (source.admin_user, password) if source.admin_user else ("", "")
            left_by = (source.login, admin)
            return move_files(phase, self._cloud.environment, left_by, target.login, login, [*tls, *theirs])

        return files

    def _stays(self) -> pulumi.ResourceHookBinding:
        """Asked before the schema's stage, and in a preview: another server than the last time has other data."""

        database = self._cloud.settings.database

        def ask(args: pulumi.ResourceHookArgs) -> None:
            stood = ((args.old_inputs or {}).get("environment") or {}).get("SERVER", self._server.address)
            known = (self._server.address, database.moved_from, database.moves_from)
            if stood not in known:
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
            lambda admin, login, tls, _: schema_files(phase, self._server.login, admin, login, tls),
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
        return stage(
            JobStage,
            show=show,
            hooks=hooks,
            parent=self,
            depends_on=[(image or self._image).present, *depends_on],
            **self._job(name, files, image=image, mounts=mounts, timeout=timeout),
        )

    def _job(
        self,
        name: str,
        files: Make,
        *,
        image: Image | None = None,
        mounts: Sequence[Mount] = (),
        timeout: float = 180,
    ) -> dict[str, Any]:
        """The fields of a Job's specification."""
        server, source = self._server, self._source
        secrets: pulumi.Output[list[Any]] = pulumi.Output.secret(
            pulumi.Output.all(
                server.admin_password,
                self._password,
                server.files(),
                source.files() if source else [],
                source.admin_password if source else "",
            )
        )

        def made(it: list[Any]) -> tuple[Upload, ...]:
            admin, password, ours, theirs, left = it
            login = Login(self._schema, self._user, password)
            return files((server.admin_user, admin), login, ours, (left, theirs))

        return {
            **self._cloud.about(f"{self._schema}-{name}", self._schema, ""),
            "host": self._where,
            "image": (image or self._image).reference,
            "env": {"KOLLA_CONFIG_STRATEGY": "COPY_ALWAYS"},
            "files": secrets.apply(made),
            "mounts": tuple(mounts),
            "network": self._cloud.network.name,
            "user": "root",
            "capabilities": KOLLA_START,
            "timeout": timeout,
        }


def elsewhere(schema: str, stood: str, wanted: str) -> KollaError:
    """The refusal to go on with another server, which has other data or none."""
    return KollaError(
        f"schema {schema} is on {stood}, and the settings say {wanted}: its data do not move by themselves",
        {
            "meanwhile": "nothing was touched",
            "next": "set services.database back; or services.database.move: true, which brings them there "
            "(docs/how-to/external-database.md)",
            "hint": f"where they are there already: services.database.moved_from: {stood}",
        },
    )
