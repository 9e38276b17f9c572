"""Stage specifications: what `kolla-iac stage` reads on standard input, as JSON.

Components write them (through ``kolla_iac.resources``), ``kolla_iac.runtime`` carries them out. Every stage is
idempotent: run again from the top, it does what is still missing and nothing else.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from kolla_iac.model.balancer import BalancerConfig
from kolla_iac.model.base import Strict
from kolla_iac.model.waits import HttpWait, Wait

LABEL_ENVIRONMENT = "kolla_iac.environment"
LABEL_SERVICE = "kolla_iac.service"
LABEL_REPLICA = "kolla_iac.replica"
LABEL_RELEASE = "kolla_iac.release"
LABEL_MADE_OF = "kolla_iac.made_of"
"""Of a container: a digest of its release, image and configuration without secrets; see ``Rollout.made_of``."""
LABEL_ROLE = "kolla_iac.role"
"""``rolled``, ``singleton`` or ``job``."""
LABEL_KEPT = "kolla_iac.kept"
"""Of a volume: the backup in whose favour what is on it was replaced."""
LABEL_DATABASE = "kolla_iac.database"
"""Of a container: ``host:port`` of the database server that it uses, where that is not the service ``mariadb``."""
LABEL_STAGE = "kolla_iac.stage"
"""Of a job: the name of its stage, by which the next run finds what a cut-off one has left."""


class Upload(Strict):
    """A file put into a container before it starts."""

    path: str
    content: str
    mode: str = "0644"


class Mount(Strict):
    """A named volume, or a directory of the host, at a path."""

    volume: str
    """Name of the volume, or the absolute path of the directory, which must be there."""
    path: str
    read_only: bool = False


class _Stage(Strict):
    name: str
    """Unique in the environment: ``keystone-1-handover``. Timeline, failures and previews use it."""
    environment: str
    service: str
    release: str
    hosts: dict[str, str]
    """Every host of the environment: name -> Docker endpoint."""
    after: tuple[str, ...] = ()
    """Ids of what must have come before; not used by the stage, only so that their change runs it again."""


class JobStage(_Stage):
    """A one-shot container; its log is shown when it fails, and it is removed in the end."""

    kind: Literal["job"] = "job"
    host: str
    also_on: tuple[str, ...] = ()
    """Hosts on which it runs afterwards, one after the other; it must have succeeded on those before."""
    image: str
    command: tuple[str, ...] = ()
    """Empty: the image's own, which is Kolla's ``kolla_start``."""
    env: dict[str, str] = Field(default={})
    """Never secrets: `docker inspect` shows it."""
    files: tuple[Upload, ...] = ()
    mounts: tuple[Mount, ...] = ()
    network: str = "none"
    user: str = ""
    capabilities: tuple[str, ...] = ()
    """Kept; all others are dropped."""
    only_release: str = ""
    """Refused while a container of the service is of another release, on whatever host; empty: not asked."""
    timeout: float = 600


class ReadyStage(_Stage):
    """Waits until a singleton can do its work, after stopping any other generation of the same replica."""

    kind: Literal["ready"] = "ready"
    host: str
    replica: int = 1
    container: str
    """Id of the container that must become ready."""
    wait: Wait


class EvictStage(_Stage):
    """Stops and removes containers of a replica that no state knows (left by a cut-off run).

    Only used when creating a singleton met the name of such a container.
    """

    kind: Literal["evict"] = "evict"
    host: str
    replica: int = 1
    stop_seconds: float = 60


class PortsStage(_Stage):
    """Stops and removes containers that publish ports themselves which another holds for them from now on."""

    kind: Literal["ports"] = "ports"
    host: str
    of: str
    """Service label of those containers."""
    stop_seconds: float = 10


class RelayStage(_Stage):
    """The new one of two containers that take connections from the same sockets is ready; the old one ends."""

    kind: Literal["relay"] = "relay"
    host: str
    replica: int = 1
    container: str
    """Id of the new generation's container."""
    wait: Wait
    drain_seconds: float = 90
    """How long the old one may finish its connections."""
    stop_seconds: float = 10


class ExecStage(_Stage):
    """Commands in a running singleton, tried until they succeed: what it is told, not what it is made of."""

    kind: Literal["exec"] = "exec"
    host: str
    container: str
    wait: Wait
    """Its commands are given secrets on standard input and may change what they find; each may run again."""


class HandoverStage(_Stage):
    """New generation takes a replica's traffic; the old one drains and goes."""

    kind: Literal["handover"] = "handover"
    host: str
    replica: int
    container: str
    """Id of the new generation's container."""
    backend: str
    ready: Wait
    balancer: str = "loadbalancer"
    """Service label of the load balancer's containers."""
    up_seconds: float = 60
    """How long the load balancer's own check may take to say UP."""
    drain_seconds: float = 90
    stop_seconds: float = 60


class RetireStage(_Stage):
    """Drains and removes the replicas beyond the wanted number, on every host."""

    kind: Literal["retire"] = "retire"
    replicas: int
    backend: str
    balancer: str = "loadbalancer"
    drain_seconds: float = 90
    stop_seconds: float = 60


class BalancerStage(_Stage):
    """Writes the load balancer's frontends and backends; reloads it, without a lost request, if they changed."""

    kind: Literal["balancer"] = "balancer"
    host: str
    container: str
    config: BalancerConfig


class SwitchStage(_Stage):
    """All replicas at once go from one database server to another, while requests wait."""

    kind: Literal["switch"] = "switch"
    job: JobStage
    """What copies and compares: it takes orders on standard input (``components/database/move.py``)."""
    replicas: int
    database: str
    """Label of the new generation's containers; empty: they have none."""
    backend: str
    ready: Wait
    balancer: str = "loadbalancer"
    up_seconds: float = 60
    """How long the load balancer's own check may take to succeed."""
    hold_seconds: float = 20
    """For which requests wait at most; then what served serves on."""


class VerifyStage(_Stage):
    """An exchange through the load balancer, as a client would have it."""

    kind: Literal["verify"] = "verify"
    balancer: str = "loadbalancer"
    exchange: HttpWait


class VolumeStage(_Stage):
    """A volume of the operator's own is there: Docker would make a missing one, and nobody would notice."""

    kind: Literal["volume"] = "volume"
    host: str
    volume: str


class ImagesStage(_Stage):
    """Builds or pulls what is missing on each host, and never what is there."""

    kind: Literal["images"] = "images"
    images: dict[str, str]
    """Image name (``keystone``) -> full reference as previewed."""
    source: Literal["build", "registry"]


Stage = Annotated[
    JobStage
    | ExecStage
    | ReadyStage
    | EvictStage
    | PortsStage
    | RelayStage
    | HandoverStage
    | RetireStage
    | SwitchStage
    | BalancerStage
    | VerifyStage
    | VolumeStage
    | ImagesStage,
    Field(discriminator="kind"),
]
stage_adapter: TypeAdapter[Stage] = TypeAdapter(Stage)
