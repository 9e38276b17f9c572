"""One Command, with the inputs that the test gives."""

import json
import os

import pulumi
from pulumi_command import local

settings = json.loads(os.environ["T_SETTINGS"])
command = local.Command("stage", **settings["command"])
pulumi.export("stdout", command.stdout)
pulumi.export("stderr", command.stderr)
