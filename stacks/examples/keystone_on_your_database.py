"""An identity service on a MariaDB (or MySQL) server that you run already.

Everything else, two replicas of Keystone, their cache and the load balancer in front, comes from the components.
In the folder of the same name beside this file, in an environment with kolla-iac and Pulumi:

    pulumi stack init mine
    pulumi config set databaseHost 192.0.2.20            # as containers reach it; not 127.0.0.1
    pulumi config set --secret databasePassword          # asks; of an administrator, see databaseUser below
    openssl rand -hex 32 | pulumi config set --secret seed
    pulumi up

`pulumi destroy` removes the containers; the schema "keystone" stays on your server.
"""

import pulumi

from kolla_iac.components import DatabaseServer, Keystone, LoadBalancer, Memcached
from kolla_iac.model.derived import derived
from kolla_iac.model.environment import Environment
from kolla_iac.resources.cloud import Cloud

config = pulumi.Config()

# The settings are those of an environment's file, as Python objects; what is not said has a sensible default.
settings = Environment.model_validate(
    {
        "release": "2025.2",
        "endpoints": [{"name": "keystone", "port": config.get_int("port") or 5000}],
        "services": {"keystone": {"replicas": config.get_int("replicas") or 2}},
    }
)

# All secrets of the cloud come from the one in the stack's configuration: the same at every run.
cloud = Cloud(settings, config.require_secret("seed").apply(lambda seed: derived(settings, seed)))

# Your server: nothing is installed on it. One stage makes the schema "keystone" and a user that may use it.
server = DatabaseServer(
    host=config.require("databaseHost"),
    port=config.get_int("databasePort") or 3306,
    admin_user=config.get("databaseUser") or "root",
    admin_password=config.require_secret("databasePassword"),
)

balancer = LoadBalancer("loadbalancer", cloud=cloud)
memcached = Memcached("memcached", cloud=cloud)
keystone = Keystone("keystone", cloud=cloud, database=server, cache=memcached, balancer=balancer)

pulumi.export("keystone", keystone.url)
pulumi.export("admin", keystone.admin)
