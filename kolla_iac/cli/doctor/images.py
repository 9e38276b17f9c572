"""Images: whether each host has what it would need to make a container again."""

from __future__ import annotations

from collections.abc import Iterator

from kolla_iac.runtime.checks import Check, Fact, Finding, Look, Said


class Images(Check):
    """The environment's images on each host."""

    name = "images"
    title = "every host has the environment's images"

    def run(self, look: Look) -> Iterator[Said]:
        from docker.errors import ImageNotFound

        from kolla_iac import images

        wanted = images.references(look.settings)
        how = "build" if look.settings.images.source == "build" else "pull"
        for host, client in look.clients.items():
            size = 0
            for image, reference in sorted(wanted.items()):
                try:
                    size += client.images.get(reference).attrs["Size"]
                except ImageNotFound:
                    saw = f"image {reference} of {image} is not there: no container of it could be made again"
                    mend = f"kolla-iac images {how} {look.environment}"
                    yield Finding("warning", f"host {host}", saw, mend)
            yield Fact(f"{host}: {len(wanted)} images, {size / 1e6:.0f} MB with what they share")
