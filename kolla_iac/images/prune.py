"""Removes images of ours that nothing needs any more."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from kolla_iac.images.build import LABEL_IMAGE
from kolla_iac.images.client import Daemon
from kolla_iac.images.recipe import REPOSITORY, ROOTFS


@dataclass(frozen=True, order=True)
class Found:
    """An image of ours on a host."""

    reference: str
    size: int
    """MB, with the layers that it shares with others."""
    layers: tuple[str, ...]


def ours(daemon: Daemon) -> list[Found]:
    """Every image on a host that carries our label or is the distribution beneath them, by reference."""
    listed: set[str] = set()
    for chosen in (f"label={LABEL_IMAGE}", f"reference={ROOTFS}"):
        names = daemon.run("image", "ls", "--filter", chosen, "--format", "{{.Repository}}:{{.Tag}}")
        listed |= {name for name in names.split() if name.startswith(f"{REPOSITORY}/")}
    if not listed:
        return []
    found = []
    for about in json.loads(daemon.run("image", "inspect", *sorted(listed))):
        layers = tuple(about["RootFS"].get("Layers") or ())
        found += [
            Found(tag, round(about["Size"] / 1e6), layers) for tag in about["RepoTags"] if tag in listed
        ]
    return sorted(set(found))


def used(daemon: Daemon) -> set[str]:
    """References and ids of the images that containers on a host, running or not, were made of."""
    names = daemon.run("container", "ls", "--all", "--format", "{{.ID}}").split()
    if not names:
        return set()
    listed = daemon.run("container", "inspect", "--format", "{{.Image}} {{.Config.Image}}", *names)
    return set(listed.split())


def superfluous(found: Iterable[Found], kept: set[str]) -> list[Found]:
    """The images that are neither kept nor beneath one that is.

    Args:
        found: what is on a host.
        kept: references that an environment means, or a container uses.
    """
    found = list(found)
    keeping = [image for image in found if image.reference in kept]

    def beneath(image: Found) -> bool:
        return any(image.layers == other.layers[: len(image.layers)] for other in keeping)

    if keeping:
        return [image for image in found if image.reference != ROOTFS and not beneath(image)]
    return found


def tags_of(daemon: Daemon, ids: set[str]) -> set[str]:
    """References that name one of the image ids."""
    rows = daemon.run(
        "image", "ls", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}"
    ).splitlines()
    return {reference for identity, reference in (row.split(" ", 1) for row in rows) if identity in ids}


def prunable(daemon: Daemon, wanted: set[str]) -> list[Found]:
    """What may go from a host.

    Args:
        wanted: references that environments mean.
    """
    in_use = used(daemon)
    return superfluous(ours(daemon), wanted | in_use | tags_of(daemon, in_use))
