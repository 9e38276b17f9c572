"""An environment as components see it: hosts, network, images, secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_docker as docker
from pulumi_command import local

from kolla_iac import images
from kolla_iac.model.environment import Environment
from kolla_iac.model.rotation import Counts
from kolla_iac.model.service import services
from kolla_iac.model.stage import LABEL_ENVIRONMENT, ImagesStage
from kolla_iac.resources.names import logical
from kolla_iac.resources.stage import stage


@dataclass(frozen=True)
class Image:
    """An image that containers of a service run."""

    reference: str
    """Full reference, known without building."""
    present: local.Command
    """The stage after which it is there."""


class Cloud(pulumi.ComponentResource):
    """The ground that services stand on.

    Creates a Docker provider per host, the control plane's network, and one stage per image that is asked for.

    Attributes:
        settings: the environment's settings.
        secrets: name -> value; secret.
    """

    def __init__(
        self,
        settings: Environment,
        secrets: pulumi.Input[dict[str, str]],
        *,
        environment: str | None = None,
        rotations: Counts | None = None,
        rotated: Mapping[str, Any] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """
        Args:
            environment: name in labels and volumes; the Pulumi stack's by default. Further clouds of one program
                need names of their own, which their resources' names begin with.
            rotations: how often each secret was rotated, by name; see ``kolla_iac.model.rotation``.
            rotated: the same as the stack's file has it, for backups to hold.
        """
        environment = environment or pulumi.get_stack()
        hosts = {host.name: host.docker for host in settings.hosts}
        inputs = {"release": settings.release, "region": settings.region, "hosts": hosts}
        super().__init__("kolla:cloud:Cloud", environment, inputs, opts)
        # registering sets an attribute, an Output, for each input: ours come after it
        self.environment = environment
        self.settings = settings
        self.rotations: Counts = dict(rotations or {})
        self.rotated = dict(rotated or {name: {"count": count} for name, count in self.rotations.items()})
        self.release = settings.release
        self.hosts = hosts
        self.secrets: pulumi.Output[dict[str, str]] = pulumi.Output.secret(secrets)
        self._images: dict[str, Image] = {}
        self._docker: dict[str, docker.Provider] = {
            name: docker.Provider(
                logical(environment, name), host=endpoint, opts=pulumi.ResourceOptions(parent=self)
            )
            for name, endpoint in self.hosts.items()
        }
        self.network = self._network()
        self.register_outputs({"network": self.network.name})

    def provider(self, host: str) -> docker.Provider:
        """The Docker provider of one host."""
        return self._docker[host]

    def secret(self, name: str) -> pulumi.Output[str]:
        """One secret by its name in the catalogue."""
        return self.secrets.apply(lambda values: values[name])

    def labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """``labels`` with the environment's own."""
        return {LABEL_ENVIRONMENT: self.environment, **labels}

    def reference(self, service: str) -> str:
        """Full reference of a service's image: its own from the settings, or the environment's source."""
        return images.of_service(self.settings, service)

    def image(self, service: str) -> Image:
        """A service's image, registered as a stage the first time it is asked for."""
        name, reference = services()[service].image, self.reference(service)
        if name not in self._images:
            own = self.settings.service(service).image is not None
            present = stage(
                ImagesStage,
                show={"IMAGE": reference},
                parent=self,
                **self.about(f"image-{name}", "images", self.release if self.release in reference else ""),
                images={name: reference},
                source="registry" if own else self.settings.images.source,
            )
            self._images[name] = Image(reference, present)
        return self._images[name]

    def about(self, name: str, service: str, release: str) -> dict[str, Any]:
        """The fields that every stage's specification has.

        Args:
            release: empty for what is the same in every release, so that a new release does not run it again.
        """
        return {
            "name": name,
            "environment": self.environment,
            "service": service,
            "release": release,
            "hosts": self.hosts,
        }

    def _network(self) -> docker.Network:
        network = self.settings.network
        overlay = self.settings.network_driver() == "overlay"
        options = {"com.docker.network.driver.mtu": str(network.mtu)} if network.mtu else None
        return docker.Network(
            f"kolla-{self.environment}",
            driver="overlay" if overlay else "bridge",
            attachable=overlay or None,
            options=options,
            ipam_configs=[{"subnet": network.subnet}] if network.subnet else None,
            labels=[
                docker.NetworkLabelArgs(label=label, value=value) for label, value in self.labels({}).items()
            ],
            opts=pulumi.ResourceOptions(parent=self, provider=self.provider(next(iter(self.hosts)))),
        )
