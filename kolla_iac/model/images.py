"""Where images come from, as a user writes it under ``images``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from kolla_iac.model.base import Strict

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class ImagesSettings(Strict):
    """The source of every image of an environment; a service's own ``image`` goes before it."""

    source: Literal["build", "registry"] = "build"
    """``build``: our recipes, built where they run. ``registry``: published Kolla images."""
    registry: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*$")
    """Registry of the published images: ``registry.example:5000``. Required by the source ``registry``."""
    namespace: str = Field(default="openstack.kolla", pattern=r"^[a-z0-9._-]+(/[a-z0-9._-]+)*$")
    """Path in the registry."""
    tag: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")
    """Tag of the published images; None: the release's own."""
    digests: dict[str, Digest] = Field(default={})
    """Image name -> ``sha256:...``: pins what a tag means."""
