"""One container, network and volume, with the inputs that the test gives."""

import json
import os

import pulumi
import pulumi_docker as docker

settings = json.loads(os.environ["T_SETTINGS"])
name = settings["name"]
label = {"label": settings["label"], "value": name}
here = docker.Provider("host", host=settings.get("host"))
inputs = dict(settings.get("container", {}))
secret = {key: pulumi.Output.secret(value) for key, value in settings.get("secret", {}).items()}

network = docker.Network(
    f"{name}-net", labels=[label], driver="bridge", opts=pulumi.ResourceOptions(provider=here)
)
volume = docker.Volume(f"{name}-data", labels=[label], opts=pulumi.ResourceOptions(provider=here))
if "networks_advanced" not in inputs and "network_mode" not in inputs:
    inputs["networks_advanced"] = [{"name": network.name, "aliases": ["one", "uno"]}]
if mount := inputs.pop("data_at", None):
    inputs["volumes"] = [{"container_path": mount, "volume_name": volume.name}]
inputs.setdefault("image", settings["image"])
inputs.setdefault("command", ["sleep", "3600"])
container = docker.Container(
    f"{name}-one",
    labels=[label, *inputs.pop("labels", [])],
    **{**inputs, **secret},
    opts=pulumi.ResourceOptions(
        provider=here,
        delete_before_replace=settings.get("delete_before_replace"),
        replace_on_changes=settings.get("replace_on_changes"),
    ),
)
pulumi.export("id", container.id)
pulumi.export("name", container.name)
pulumi.export("address", container.network_datas[0].ip_address)
