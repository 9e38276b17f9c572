"""A stage's own look at every host for containers of another release, before what they cannot live with.

The engine runs such a stage after all handovers; this holds where it did not: a container started by hand, a run with
``--target``, a host that was away.
"""

from __future__ import annotations

from collections.abc import Set
from typing import TYPE_CHECKING

from kolla_iac.errors import KollaError
from kolla_iac.model.stage import LABEL_ENVIRONMENT, LABEL_RELEASE, LABEL_ROLE, LABEL_SERVICE, JobStage

if TYPE_CHECKING:
    from docker.models.containers import Container

    from kolla_iac.runtime.context import Context


def refuse_others(stage: JobStage, context: Context) -> None:
    """Refuses the stage while another release than its own may still serve.

    Raises:
        KollaError: a container of another release stands on some host, or a host cannot be asked.
    """
    if not stage.only_release:
        return
    found: list[str] = []
    for host in stage.hosts:
        try:
            client = context.hosts.client(host)
            containers = client.containers.list(all=True, ignore_removed=True)
            networks = {str(one.id) for one in client.networks.list(names=[stage.network])}
        except KollaError as error:
            raise KollaError(
                f"not safe: host {host} cannot be asked whether an older {stage.service} runs there",
                {**error.facts, "meanwhile": f"nothing was done; every {stage.service} serves on"},
            ) from error
        for one in containers:
            if release := other_release(one, stage, {stage.network, *networks}):
                found.append(f"{one.name} ({release}, {one.status}) on {host}")
    if found:
        found = sorted(set(found))
        are = "is" if len(found) == 1 else "are"
        raise KollaError(
            f"not safe: {len(found)} of {stage.service}'s containers {are} not of {stage.only_release}",
            {
                "wanted": f"none but {stage.only_release}, on {', '.join(stage.hosts)}",
                "saw": found,
                "meanwhile": "nothing was done; they serve on",
                "hint": "the engine's own go with their handover: pulumi up without --target; "
                "one that was started by hand: docker rm --force NAME",
            },
        )
    context.say(
        f"no {stage.service} of another release than {stage.only_release} on {', '.join(stage.hosts)}"
    )


def other_release(one: Container, stage: JobStage, networks: Set[str]) -> str:
    """The release of a container of the stage's service, or its image, where that is not the stage's; else empty.

    One without our labels counts when it runs an image of the same name on the environment's network, whose name and
    ids are given: Docker knows a container's network by whichever of them it was started with.
    """
    labels = one.labels
    if LABEL_ENVIRONMENT in labels:
        ours = (labels[LABEL_ENVIRONMENT], labels.get(LABEL_SERVICE)) == (stage.environment, stage.service)
        serves = labels.get(LABEL_ROLE) != "job" or one.status == "running"
        release = str(labels.get(LABEL_RELEASE, ""))
        return (release or "no release") if ours and serves and release != stage.only_release else ""
    image = str(one.attrs["Config"]["Image"])
    joined: list[str] = list(one.attrs["NetworkSettings"]["Networks"])
    same_name = repository(image) == repository(stage.image)
    return image if same_name and image != stage.image and networks & set(joined) else ""


def repository(reference: str) -> str:
    """The last part of an image's name.

    >>> repository("registry.example:5000/kolla/keystone:2025.2"), repository("keystone@sha256:0ab")
    ('keystone', 'keystone')
    """
    return reference.rsplit("/", 1)[-1].split("@", maxsplit=1)[0].split(":", maxsplit=1)[0]
