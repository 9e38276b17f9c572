"""The cloud of one environment: its stack's settings and secrets, and the services that they ask for."""

import sys

try:
    from kolla_iac.resources.program import cloud_of_this_stack
except ModuleNotFoundError as error:
    sys.exit(f"{error}: this is not the project's Python; enter the environment first:\n    source .envrc")

import pulumi

from kolla_iac.components import Services

services = Services(cloud_of_this_stack())
for name, value in services.outputs.items():
    pulumi.export(name, value)
