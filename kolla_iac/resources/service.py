"""What every service component is made of: a rollout, made into containers, handovers and stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pulumi
import pulumi_docker as docker
from pulumi_command import local

from kolla_iac.model.stage import (
    ExecStage,
    HandoverStage,
    JobStage,
    Mount,
    ReadyStage,
    RelayStage,
    RetireStage,
    Upload,
    VerifyStage,
)
from kolla_iac.model.waits import HttpWait, Wait
from kolla_iac.plan.rollout import Act, Impact, Rollout
from kolla_iac.resources.cloud import Cloud, Image
from kolla_iac.resources.container import KOLLA_START, Shape, container
from kolla_iac.resources.names import logical
from kolla_iac.resources.stage import stage
from kolla_iac.resources.steps import Steps

Secrets = Mapping[str, str]
Uploads = pulumi.Output[tuple[Upload, ...]]
Files = Callable[[str], Uploads]
"""A host's name -> the uploads of a container there."""


class Service(pulumi.ComponentResource):
    """Base of the service components.

    Its inputs are what a reviewer reads: release, image, placement, configuration with placeholders for
    secrets, and what clients feel while its containers are replaced.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        rollout: Rollout,
        *,
        cloud: Cloud,
        image: Image | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """
        Args:
            image: another service's, which its containers run.
        """
        rollout = rollout.named(cloud.environment)
        no_way_back = {act.name: act.way_back for act in rollout.after if act.irreversible}
        impacts = {name: _said(act.impact) for name, act in rollout.acts.items() if act.impact.kind != "none"}
        inputs = {
            "release": rollout.release,
            "image": rollout.image,
            "topology": {str(n): host for n, host in enumerate(rollout.placement, start=1)},
            "configuration": rollout.configuration,
            **({"on_host": rollout.on_host} if rollout.on_host else {}),
            **({"live": rollout.live} if rollout.live else {}),
            "container": rollout.container,
            **({"drain_seconds": rollout.drain_seconds} if rollout.form != "singleton" else {}),
            **({"rotations": dict(rollout.rotations)} if rollout.rotations else {}),
            "stages": list(rollout.acts),
            "does": {name: act.what for name, act in rollout.acts.items()},
            **({"no_way_back": no_way_back} if no_way_back else {}),
            **({"felt": dict(rollout.felt)} if rollout.felt else {}),
            **({"left": True} if rollout.left else {}),
            **({"impacts": impacts} if impacts else {}),
            "impact": _said(rollout.impact),
        }
        super().__init__(kind, logical(cloud.environment, name), inputs, opts)
        self.rollout = rollout
        self.cloud = cloud
        self.image = image or cloud.image(rollout.service)
        self.steps = Steps(cloud.environment, rollout)
        self._last: list[pulumi.Resource] = []
        """What the next stage depends on: stages of one service are a chain."""

    def follow(self, *resources: pulumi.Resource) -> None:
        """Whatever is registered next depends on these too."""
        self._last = [*self._last, *resources]

    def volume(
        self, name: str, host: str, *, everywhere: bool = False, outlives: bool = False
    ) -> docker.Volume:
        """A volume that no replacement and no `kolla-iac down` deletes.

        Args:
            everywhere: whether each host has one of that name.
            outlives: whether it stays on its host when the service goes and nothing protects it any more.
        """
        labels = self.cloud.labels({})
        return docker.Volume(
            logical(self.cloud.environment, f"{name}-{host}" if everywhere else name),
            name=f"kolla-{self.cloud.environment}-{name}",
            labels=[docker.VolumeLabelArgs(label=key, value=value) for key, value in labels.items()],
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=self.cloud.provider(host),
                protect=True,
                retain_on_delete=outlives or None,
            ),
        )

    def job(
        self,
        act: Act,
        files: Uploads,
        *,
        mounts: Sequence[Mount] = (),
        network: bool = True,
        timeout: float = 600,
        everywhere: bool = False,
    ) -> local.Command:
        """A one-shot container of the service's image, as the stage of ``act``.

        Args:
            everywhere: whether it runs on each host of the service, one after the other; else on the first alone.
        """
        name = f"{self.rollout.service}-{act.name}"
        job = stage(
            JobStage,
            show={**self.rollout.shown(act), **({"NO_WAY_BACK": "yes"} if act.irreversible else {})},
            held=act.held,
            hooks=self.steps.hooks(act),
            parent=self,
            depends_on=[self.image.present, *self._last],
            **self._about(name),
            host=self.rollout.hosts[0],
            also_on=self.rollout.hosts[1:] if everywhere else (),
            image=self.image.reference,
            env={"KOLLA_CONFIG_STRATEGY": "COPY_ALWAYS"},
            files=files,
            mounts=tuple(mounts),
            network=self.cloud.network.name if network else "none",
            user="root",
            capabilities=KOLLA_START,
            only_release=self.rollout.release if act.irreversible else "",
            timeout=timeout,
        )
        self._last = [job]
        return job

    def surge(
        self,
        files: Files,
        shape: Shape,
        *,
        backend: str,
        ready: pulumi.Input[Wait],
        between: Callable[[Sequence[pulumi.Resource]], Sequence[pulumi.Resource]] | None = None,
    ) -> None:
        """New containers beside the old, all at once; then a handover each, one after the other; then the
        replicas that are no longer wanted go.

        Args:
            between: makes what comes before the first handover, given what that must come after.
        """
        containers = self._containers(files, shape, rolled=True)
        if between:
            self._last = [*between([*self._last, *containers])]
        for replica, new in enumerate(containers, start=1):
            name = f"{self.rollout.service}-{replica}-handover"
            handover = stage(
                HandoverStage,
                show=self.rollout.shown_by_handover(),
                parent=self,
                depends_on=[new, *self._last],
                **self._about(name),
                host=self.rollout.placement[replica - 1],
                replica=replica,
                container=new.id,
                backend=backend,
                ready=ready,
                drain_seconds=shape.stop_seconds,
                stop_seconds=shape.stop_seconds,
            )
            self._last = [handover]
        retire = stage(
            RetireStage,
            show=self.rollout.shown_by_retire(),
            parent=self,
            depends_on=self._last,
            **self._about(f"{self.rollout.service}-retire"),
            replicas=len(containers),
            backend=backend,
            drain_seconds=shape.stop_seconds,
            stop_seconds=shape.stop_seconds,
        )
        self._last = [retire]
        self.containers = containers

    def serial(self, files: Files, shape: Shape, ready: pulumi.Input[Wait]) -> None:
        """Each member replaced in place, and the next only when it is ready again."""
        self.containers = []
        for replica in range(1, self.rollout.replicas + 1):
            member = self._container(replica, files, shape, rolled=False)
            name = f"{self.rollout.service}-{replica}-ready"
            gate = stage(
                ReadyStage,
                show={"IMAGE": self.rollout.image},
                parent=self,
                depends_on=[member],
                **self._about(name),
                host=self.rollout.placement[replica - 1],
                replica=replica,
                container=member.id,
                wait=ready,
            )
            self._last = [gate]
            self.containers.append(member)

    def relay(self, files: Files, shape: Shape, ready: pulumi.Input[Wait], shared: docker.Container) -> None:
        """New containers beside the old, both on the listening sockets of ``shared``; then the old ones end."""
        self.containers = self._containers(files, shape, rolled=True)
        for replica, new in enumerate(self.containers, start=1):
            handover = stage(
                RelayStage,
                show=self.rollout.shown_by_handover(),
                parent=self,
                depends_on=[new, *self._last],
                **self._about(f"{self.rollout.service}-{replica}-handover"),
                after=[shared.id],
                host=self.rollout.placement[replica - 1],
                replica=replica,
                container=new.id,
                wait=ready,
                drain_seconds=self.rollout.drain_seconds,
            )
            self._last = [handover]

    def tell(self, act: Act, wait: pulumi.Input[Wait]) -> local.Command:
        """Commands in the running singleton, as the stage of ``act``; again when its container was replaced."""
        told = stage(
            ExecStage,
            show=self.rollout.shown(act),
            parent=self,
            depends_on=self._last,
            **self._about(f"{self.rollout.service}-{act.name}"),
            host=self.rollout.hosts[0],
            container=self.containers[0].id,
            wait=wait,
        )
        self._last = [told]
        return told

    def verify(self, act: Act, exchange: pulumi.Input[HttpWait]) -> local.Command:
        """Asks through the load balancer, as a client would; again whenever a container was replaced."""
        verified = stage(
            VerifyStage,
            show=self.rollout.shown(act),
            parent=self,
            depends_on=self._last,
            **self._about(f"{self.rollout.service}-{act.name}"),
            after=[each.id for each in self.containers],
            exchange=exchange,
        )
        self._last = [verified]
        return verified

    @property
    def ready(self) -> list[pulumi.Resource]:
        """What to depend on to come after the whole service."""
        return list(self._last)

    def _about(self, name: str) -> dict[str, Any]:
        return self.cloud.about(name, self.rollout.service, self.rollout.release)

    def _containers(self, files: Files, shape: Shape, *, rolled: bool) -> list[docker.Container]:
        replicas = range(1, self.rollout.replicas + 1)
        return [self._container(replica, files, shape, rolled=rolled) for replica in replicas]

    def _container(self, replica: int, files: Files, shape: Shape, *, rolled: bool) -> docker.Container:
        host = self.rollout.placement[replica - 1]
        return container(
            f"{self.rollout.service}-{replica}",
            cloud=self.cloud,
            host=host,
            service=self.rollout.service,
            release=self.rollout.release,
            made_of=self.rollout.made_of(replica),
            replica=replica,
            rolled=rolled,
            image=self.image,
            uploads=files(host),
            shape=shape,
            parent=self,
            depends_on=self._last,
        )


def _said(impact: Impact) -> dict[str, Any]:
    return {**asdict(impact), "text": str(impact)}
