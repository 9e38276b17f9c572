"""A recipe: everything that goes into one image, as data, and the hash of it.

A recipe is a folder with a ``Dockerfile.j2`` and the files beside it. Rendering gathers the build context in
memory; its hash is the image's tag, so a reference is known without building and without Docker. Only what is in
the context can reach the image, so only that is hashed; nothing of the machine is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2

from kolla_iac.errors import KollaError
from kolla_iac.images import contract
from kolla_iac.model.environment import Environment
from kolla_iac.model.images import ImagesSettings
from kolla_iac.model.service import COMPONENTS, services

HERE = Path(__file__).resolve().parent
SUITE = "trixie"
"""Debian release of every image. Source: Kolla builds on it since 2026.1; 2025.2's wheels run on it too."""
ROOTFS = f"kolla-iac/rootfs:{SUITE}"
"""The distribution without anything of ours: pulled or made by debootstrap, see ``rootfs``."""
BASE = "base"
REPOSITORY = "kolla-iac"
PUBLISHED_ON = {"2025.1": "debian-bookworm", "2025.2": "debian-bookworm"}
"""Distribution part of upstream's tags, where it is not trixie. Source: kolla 21 and older build on bookworm."""
NOT_IN_CONTEXT = {".j2", ".in", ".lock", ".pyc"}


@dataclass(frozen=True)
class Recipe:
    """What one image is built from."""

    image: str
    release: str | None
    """Release whose lock goes in; None: the image is the same for every release."""
    files: Mapping[str, bytes]
    """The build context: path -> content. ``Dockerfile`` is one of them."""
    base: Recipe | None
    """The image of ours that it stands on."""

    @property
    def digest(self) -> str:
        """SHA-256 of all that goes in, as hexadecimal digits."""
        parts = [
            "kolla-iac image 1",
            self.image,
            contract.kolla_version(),
            self.base.reference if self.base else SUITE,
            *(
                f"{path} {hashlib.sha256(content).hexdigest()}"
                for path, content in sorted(self.files.items())
            ),
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def reference(self) -> str:
        """``kolla-iac/keystone:2025.2-0123456789ab``; without the release where the content has none."""
        release = f"{self.release}-" if self.release else ""
        return f"{REPOSITORY}/{self.image}:{release}{self.digest[:12]}"


def images() -> dict[str, str]:
    """Every image a service of the house is made of: image name -> name of the service whose slice has it."""
    return {service.image: service.name for service in services().values()}


def folder(image: str) -> Path:
    """The folder with an image's recipe.

    Raises:
        KollaError: no service has such an image, or its slice has no recipe.
    """
    if image == BASE:
        return HERE / BASE
    known = images()
    path = COMPONENTS / known[image] / "image" if image in known else None
    if path is None or not (path / "Dockerfile.j2").is_file():
        raise KollaError(
            f"no recipe for the image {image}",
            {
                "wanted": f"components/{known.get(image, '<service>')}/image/Dockerfile.j2",
                "known": ", ".join(sorted(known)),
            },
        )
    return path


def locked_releases(image: str) -> tuple[str, ...]:
    """Releases that an image has a lock for; empty: its content has nothing to do with releases."""
    return tuple(sorted(file.stem for file in folder(image).glob("*.lock")))


@cache
def recipe(image: str, release: str) -> Recipe:
    """The recipe of an image for a release of OpenStack.

    Raises:
        KollaError: unknown image, or no lock for this release.
    """
    source = folder(image)
    releases = locked_releases(image)
    if releases and release not in releases:
        raise KollaError(
            f"the image {image} has no lock for {release}",
            {
                "wanted": f"components/{images()[image]}/image/{release}.lock",
                "saw": f"locks for {', '.join(releases)}",
                "next": f"kolla-iac images lock {release} --constraints FILE",
            },
        )
    base = None if image == BASE else recipe(BASE, release)
    files = {
        file.relative_to(source).as_posix(): file.read_bytes()
        for file in sorted(source.rglob("*"))
        if file.is_file() and file.suffix not in NOT_IN_CONTEXT
    }
    if releases:
        lock = f"{release}.lock"
        files |= {
            lock: (source / lock).read_bytes(),
            "build.lock": (HERE / "build.lock").read_bytes(),
            "venv.sh": (HERE / "venv.sh").read_bytes(),
        }
    if image == BASE:
        files |= {"passwd": contract.passwd().encode(), "group": contract.group().encode()}
    files = _render(source, release, base, files)
    return Recipe(image, release if releases else None, files, base)


def _render(source: Path, release: str, base: Recipe | None, files: dict[str, bytes]) -> dict[str, bytes]:
    """The context with the rendered Dockerfile and the files of kolla that it asks for."""
    taken: dict[str, bytes] = {}

    def kolla(path: str) -> str:
        """Takes a file of the package kolla into the context; returns its path there."""
        taken[f"kolla/{path}"] = contract.script(path)
        return f"kolla/{path}"

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([source, HERE]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.globals["kolla"] = kolla
    try:
        text = environment.get_template("Dockerfile.j2").render(
            base=base.reference if base else "",
            lock=f"{release}.lock",
            rootfs=ROOTFS,
        )
    except jinja2.TemplateError as error:
        raise KollaError(
            f"cannot render the recipe {source.parent.name}/{source.name}/Dockerfile.j2",
            {"saw": f"{type(error).__name__}: {error}"},
        ) from error
    return files | taken | {"Dockerfile": text.encode()}


def published_tag(release: str) -> str:
    """Upstream's tag for a release: ``2026.1-debian-trixie``."""
    return f"{release}-{PUBLISHED_ON.get(release, f'debian-{SUITE}')}"


def reference(image: str, release: str, settings: ImagesSettings) -> str:
    """The full reference of an image, computed without building and without Docker.

    Args:
        image: name of the recipe, ``keystone``.
        release: series of OpenStack, ``2025.2``.
        settings: the environment's ``images``.

    Raises:
        KollaError: unknown image, or no lock for this release.
    """
    if settings.source == "build":
        return recipe(image, release).reference
    name = f"{settings.registry or 'quay.io'}/{settings.namespace}/{image}"
    digest = settings.digests.get(image)
    return f"{name}:{settings.tag or published_tag(release)}" + (f"@{digest}" if digest else "")


def of_service(environment: Environment, service: str) -> str:
    """Reference of a service's image, whether the service is on or not: its own, or that of the environment's source.

    Raises:
        KollaError: no lock for the environment's release.
    """
    own = environment.service(service).image
    return own or reference(services()[service].image, environment.release, environment.images)


def references(environment: Environment) -> dict[str, str]:
    """Image name -> reference, for every enabled service of an environment.

    Raises:
        KollaError: no lock for the environment's release.
    """
    return {services()[name].image: of_service(environment, name) for name in environment.enabled()}
