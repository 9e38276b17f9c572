"""One container of a replica, with the defaults that every container of a cloud has."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_docker as docker

from kolla_iac.model.service import HealthCheck, Limits
from kolla_iac.model.stage import (
    LABEL_MADE_OF,
    LABEL_RELEASE,
    LABEL_REPLICA,
    LABEL_ROLE,
    LABEL_SERVICE,
    EvictStage,
    Mount,
    Upload,
)
from kolla_iac.resources.cloud import Cloud, Image
from kolla_iac.resources.names import logical
from kolla_iac.resources.stage import COMMAND

KOLLA_START = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETUID", "SETGID", "KILL")
"""Capabilities that Kolla's start needs: copying files to their owners, becoming the service's user, and
passing signals to it."""

NEVER_APPLIED = ["healthcheck", "init", "tmpfs", "cpuPeriod", "cpuQuota"]
"""Inputs whose change the provider records but does not carry out; they replace the container instead.
Source: kreuzwerker/terraform-provider-docker, resourceDockerContainerUpdate."""


@dataclass(frozen=True)
class Port:
    """A port of the container, published on an address of its host."""

    internal: int
    external: int
    address: str


@dataclass(frozen=True)
class Shape:
    """How the containers of a service are run; the same for each replica."""

    health: tuple[str, ...]
    """The command of Docker's health check, in Docker's form: ``("CMD", "healthcheck_curl", URL)``."""
    check: HealthCheck
    limits: Limits
    capabilities: tuple[str, ...] = KOLLA_START
    """Kept; all others are dropped."""
    mounts: tuple[Mount, ...] = ()
    ports: tuple[Port, ...] = ()
    aliases: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    """Beside Kolla's own; never secrets."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Beside those that every container has."""
    stop_seconds: int = 60
    """Between the polite signal and the kill."""
    keeps_image: bool = False
    """Whether a container keeps the image that it was made with until something else replaces it."""
    read_only: bool = False
    """Root file system; not for images that start by Kolla's contract, which writes /run_command."""


def container(
    name: str,
    *,
    cloud: Cloud,
    host: str,
    service: str,
    release: str,
    made_of: str,
    replica: int,
    rolled: bool,
    image: Image,
    uploads: pulumi.Output[tuple[Upload, ...]],
    shape: Shape,
    parent: pulumi.Resource,
    depends_on: Sequence[pulumi.Resource] = (),
) -> docker.Container:
    """Registers one container.

    A rolled one has no fixed name and is created beside its predecessor; a singleton has a fixed name and
    replaces it in place. A container that an update cut off left behind under a singleton's name is stopped and
    removed, once, when the name turns out to be taken: no state knows it, so nothing else would.
    """
    labels = cloud.labels(
        {
            LABEL_SERVICE: service,
            LABEL_REPLICA: str(replica),
            LABEL_ROLE: "rolled" if rolled else "singleton",
            LABEL_MADE_OF: made_of,
            **({LABEL_RELEASE: release} if release else {}),
            **shape.labels,
        }
    )
    hooks = (
        None if rolled else pulumi.ResourceHookBinding(on_error=[_evict(name, cloud, host, service, replica)])
    )
    return docker.Container(
        logical(cloud.environment, name),
        name=None if rolled else f"kolla-{cloud.environment}-{name}",
        image=image.reference,
        hostname=f"{service}-{replica}",
        user="root",
        envs=["KOLLA_CONFIG_STRATEGY=COPY_ALWAYS", *(f"{key}={value}" for key, value in shape.env.items())],
        labels=[
            docker.ContainerLabelArgs(label=label, value=value) for label, value in sorted(labels.items())
        ],
        network_mode="bridge",
        networks_advanced=[
            docker.ContainerNetworksAdvancedArgs(name=cloud.network.name, aliases=list(shape.aliases) or None)
        ],
        ports=[
            docker.ContainerPortArgs(internal=port.internal, external=port.external, ip=port.address)
            for port in shape.ports
        ]
        or None,
        volumes=[
            docker.ContainerVolumeArgs(
                volume_name=mount.volume, container_path=mount.path, read_only=mount.read_only
            )
            for mount in shape.mounts
            if not mount.volume.startswith("/")
        ]
        or None,
        mounts=[  # unlike a volume's, Docker does not make a directory that is not there
            docker.ContainerMountArgs(
                type="bind", source=mount.volume, target=mount.path, read_only=mount.read_only
            )
            for mount in shape.mounts
            if mount.volume.startswith("/")
        ]
        or None,
        uploads=uploads.apply(
            lambda files: [
                docker.ContainerUploadArgs(file=file.path, content=file.content, permissions=file.mode)
                for file in files
            ]
        ),
        capabilities=docker.ContainerCapabilitiesArgs(
            adds=[f"CAP_{capability}" for capability in shape.capabilities], drops=["ALL"]
        ),
        security_opts=["no-new-privileges:true"],
        read_only=shape.read_only or None,
        memory=shape.limits.memory,
        # both or neither: Docker refuses to raise the one above the other
        memory_swap=shape.limits.memory,
        cpus=str(shape.limits.cpus) if shape.limits.cpus else None,
        restart="unless-stopped",
        log_driver="json-file",
        log_opts={"max-size": "10m", "max-file": "3"},
        healthcheck=docker.ContainerHealthcheckArgs(
            tests=list(shape.health),
            interval=_seconds(shape.check.interval),
            timeout=_seconds(shape.check.timeout),
            retries=shape.check.retries,
            start_period=_seconds(shape.check.start_period),
        ),
        destroy_grace_seconds=shape.stop_seconds,
        stop_timeout=shape.stop_seconds,
        opts=pulumi.ResourceOptions(
            parent=parent,
            provider=cloud.provider(host),
            depends_on=[image.present, *depends_on],
            delete_before_replace=not rolled,
            replace_on_changes=NEVER_APPLIED,
            ignore_changes=["image"] if shape.keeps_image else None,
            hooks=hooks,
        ),
    )


def _seconds(seconds: int) -> str:
    """A duration as Go prints it, which is what the provider compares: 90 -> ``1m30s``."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _evict(name: str, cloud: Cloud, host: str, service: str, replica: int) -> pulumi.ErrorHook:
    spec = EvictStage(
        **cloud.about(f"{name}-evict", service, ""), host=host, replica=replica
    ).model_dump_json()
    tried: list[bool] = []

    def evict(args: pulumi.ErrorHookArgs) -> bool:
        conflict = any("already in use" in error or "Conflict" in error for error in args.errors or [])
        if args.failed_operation != "create" or not conflict or tried:
            return False
        tried.append(True)
        done = subprocess.run(["sh", "-c", COMMAND], input=spec, text=True, capture_output=True, check=False)
        pulumi.log.info(
            f"{name}: its name was taken by a container of a cut-off update\n{done.stdout}{done.stderr}"
        )
        return done.returncode == 0

    return pulumi.ErrorHook(f"evict-{cloud.environment}-{name}", evict)
