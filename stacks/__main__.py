"""The cloud of one environment: its stack's settings and secrets, and the services that they ask for."""

import sys

try:
    from kolla_iac.resources.program import cloud_of_this_stack
except ModuleNotFoundError as error:
    sys.exit(f"{error}: this is not the project's Python; enter the environment first:\n    source .envrc")

import pulumi

from kolla_iac.components import Keystone, LoadBalancer, MariaDB, Memcached

cloud = cloud_of_this_stack()
balancer = LoadBalancer("loadbalancer", cloud=cloud)
mariadb = MariaDB("mariadb", cloud=cloud)
memcached = Memcached("memcached", cloud=cloud)
keystone = Keystone("keystone", cloud=cloud, database=mariadb.server, cache=memcached, balancer=balancer)

pulumi.export("keystone", keystone.url)
pulumi.export("admin", keystone.admin)
pulumi.export("region", cloud.settings.region)
