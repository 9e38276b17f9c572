"""Secrets wherever the components put them: a container's files and environment, a stage's stdin."""

import json
import os

import pulumi
import pulumi_docker as docker
from pulumi_command import local

settings = json.loads(os.environ["T_SETTINGS"])
name = settings["name"]
word = pulumi.Output.secret(settings["secret"])
container = docker.Container(
    f"{name}-holder",
    image=settings["image"],
    command=["sleep", "3600"],
    labels=[{"label": settings["label"], "value": name}],
    network_mode="none",
    envs=[pulumi.Output.format("PASSWORD={0}", word)],
    uploads=[{"file": "/etc/kolla/service.conf", "content": pulumi.Output.format("password = {0}\n", word)}],
)
specification = pulumi.Output.json_dumps({"container": container.id, "password": word})
local.Command(
    f"{name}-stage",
    create="wc -c",
    update="wc -c",
    stdin=specification,
    add_previous_output_in_env=False,
)
