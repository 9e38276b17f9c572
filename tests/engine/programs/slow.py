"""A container that takes its time to be healthy, and a stage that takes its time: to be cut off."""

import json
import os

import pulumi_docker as docker
from pulumi_command import local

settings = json.loads(os.environ["T_SETTINGS"])
name = settings["name"]
container = docker.Container(
    f"{name}-slow",
    image=settings["image"],
    command=["sh", "-c", f"sleep {settings.get('healthy_after', 0)}; echo > /tmp/healthy; exec sleep 3600"],
    labels=[{"label": settings["label"], "value": name}],
    network_mode="none",
    healthcheck={"tests": ["CMD", "ls", "/tmp/healthy"], "interval": "1s"},
    wait=True,
)
# one process, so that killing it ends it
SCRIPT = """
import sys, time
log = sys.argv[1]
print("begun", file=open(log, "a"), flush=True)
time.sleep(float(sys.argv[2]))
print("ended", file=open(log, "a"))
"""
local.Command(
    f"{name}-stage",
    create=f"exec python3 -c '{SCRIPT}' {settings['log']} {settings.get('stage_takes', 0)}",
    environment={"CONTAINER": container.id},
    add_previous_output_in_env=False,
)
