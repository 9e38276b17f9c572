"""Two regions in one program: each a whole identity service of its own, on a port of its own.

Nothing is shared between them: network, database, cache, keys and containers are each region's own, and carry the
stack's name with the region's behind it. One `pulumi up` brings both up side by side; a change of one leaves the
other alone. In the folder of the same name beside this file, in an environment with kolla-iac and Pulumi:

    pulumi stack init mine
    openssl rand -hex 32 | pulumi config set --secret seed
    pulumi up
    pulumi stack output --show-secrets
"""

import pulumi

from kolla_iac.components import Services
from kolla_iac.model.derived import derived
from kolla_iac.model.environment import Environment
from kolla_iac.resources.cloud import Cloud

config = pulumi.Config()

# Region -> port of its identity API. On hosts of their own both may have 5000: `hosts` in the settings below.
ports = config.get_object("ports") or {"north": 5000, "south": 5100}


def region(name: str, port: int) -> Services:
    """Everything that one region consists of."""
    settings = Environment.model_validate(
        {
            "release": "2025.2",
            "region": name,
            "endpoints": [{"name": "keystone", "port": port}],
            "services": {"keystone": {"replicas": config.get_int("replicas") or 2}},
        }
    )
    # a seed for each region, so that no password or key of the one opens the other
    secrets = config.require_secret("seed").apply(lambda seed: derived(settings, f"{seed} {name}"))
    return Services(Cloud(settings, secrets, environment=f"{pulumi.get_stack()}-{name}"))


for name, port in ports.items():
    pulumi.export(name, region(name, port).outputs)
