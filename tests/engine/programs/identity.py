"""A service with the stages of Keystone, made of what Keystone is made of, on images that take a second to start.

The load balancer, the database and the cache are containers as they come: what is tried here is the service.
"""

import json
import os
from pathlib import Path

import pulumi
import pulumi_docker as docker

from kolla_iac.model.balancer import Backend, BalancerConfig, Frontend
from kolla_iac.model.environment import load_environment
from kolla_iac.model.service import HealthCheck, Limits
from kolla_iac.model.stage import BalancerStage
from kolla_iac.model.waits import HttpStep, HttpWait
from kolla_iac.plan.rollout import Act, Rollout
from kolla_iac.render import haproxy
from kolla_iac.render.contract import ConfigFile, uploads
from kolla_iac.resources.cloud import Cloud
from kolla_iac.resources.container import Shape
from kolla_iac.resources.service import Service
from kolla_iac.resources.stage import stage

settings = json.loads(os.environ["T_SETTINGS"])
name, release, ground = settings["name"], settings["release"], settings["ground"]
PORT = 8000
PROGRAM = Path(settings["server"]).read_text()
PEERS = {role: f"http://{name}-{role}:{PORT}/" for role in ("mariadb", "memcached")}
FILES = (ConfigFile("/srv/small_identity.py", PROGRAM), ConfigFile("/srv/peers.json", json.dumps(PEERS)))


def files(*words):
    return pulumi.Output.from_input(uploads(" ".join(("python3 /srv/small_identity.py", *words)), FILES))


def token(address, *first):
    url = f"http://{address}/v3/auth/tokens"
    issue = HttpStep(
        method="POST",
        url=url,
        body={"auth": {}},
        expect=(201,),
        capture={"token": "header:X-Subject-Token"},
        timeout=3,
    )
    validate = HttpStep(url=url, headers={"X-Subject-Token": "{token}"}, timeout=3)
    return HttpWait(
        what="a token issued and validated",
        timeout=settings.get("patience", 12),
        interval=0.2,
        steps=(*first, issue, validate),
    )


def beside(role, command, **more):
    """A container of the ground, under a name of its own."""
    labels = {"environment": name, "service": role, "replica": "1", "role": "singleton"}
    return docker.Container(
        f"{name}-{role}",
        name=f"{name}-{role}",
        image=ground,
        command=command,
        labels=[{"label": f"kolla_iac.{key}", "value": value} for key, value in labels.items()],
        network_mode="bridge",
        networks_advanced=[{"name": cloud.network.name, **more.pop("network", {})}],
        restart="unless-stopped",
        destroy_grace_seconds=1,
        opts=pulumi.ResourceOptions(provider=cloud.provider("here")),
        **more,
    )


class Keystone(Service):
    def __init__(self, cloud, after):
        moved = {"release": release}
        acts = {act: Act(act, f"{act} is done", moved) for act in ("backup", "preflight", "expand")}
        contract = Act("contract", "contract is done", moved, irreversible=True, way_back="the dump")
        verify = Act("verify", "a token is had from outside", moved, follows_containers=True, in_image=False)
        rollout = Rollout(
            service="keystone",
            release=release,
            form="surge",
            image=cloud.reference("keystone"),
            placement=("here", "here"),
            configuration={},
            drain_seconds=3,
            container={"attempt": str(settings.get("attempt", 0))},
            before=tuple(acts.values()),
            after=(contract, verify),
        )
        super().__init__("test:identity:Keystone", "keystone", rollout, cloud=cloud)
        self.follow(*after)
        for act in acts.values():
            self.job(act, files("job", act.name), timeout=60)
        shape = Shape(health=("CMD", "true"), check=HealthCheck(), limits=Limits(), stop_seconds=3)
        # a step that takes its time, so that there is a while in which a handover or a verification can be met
        slow = HttpStep(url=f"http://{{container}}:{PORT}/slow?0.4", timeout=3)
        self.surge(
            lambda host: files("identity"),
            shape,
            backend="keystone",
            ready=token(f"{{container}}:{PORT}", slow),
        )
        self.job(contract, files("job", "contract"), timeout=60)
        inner = "keystone.internal:5000"
        self.verify(verify, token(inner, HttpStep(url=f"http://{inner}/slow?0.7", timeout=3)))


environment = {
    "release": "2025.2",
    "hosts": [{"name": "here", "docker": settings["docker"]}],
    "services": {"keystone": {"image": settings["release_image"]}},
}
cloud = Cloud(load_environment(environment, "the test"), {}, environment=name)
stores = [
    beside(
        role,
        ["python3", "/srv/small_identity.py", role],
        uploads=[{"file": "/srv/small_identity.py", "content": PROGRAM}],
    )
    for role in ("mariadb", "memcached")
]
folder, static = haproxy.CLOUD_DIRECTORY, "/etc/haproxy/haproxy.cfg"
balancer = beside(
    "loadbalancer",
    ["sh", "-c", f"mkdir -p {folder}; exec haproxy -W -db -f {static} -f {folder}"],
    uploads=[{"file": static, "content": haproxy.global_config()}],
    ports=[{"internal": 5000, "external": settings["port"], "ip": settings["address"]}],
    network={"aliases": ["keystone.internal"]},
)
configured = stage(
    BalancerStage,
    show={},
    parent=cloud,
    depends_on=[balancer],
    **cloud.about("loadbalancer-configure", "loadbalancer", ""),
    host="here",
    container=balancer.id,
    config=BalancerConfig(
        frontends=(Frontend(name="keystone", backend="keystone", port=5000),),
        backends=(Backend(name="keystone", port=PORT, check="/ready", options=("balance leastconn",)),),
    ),
)
Keystone(cloud, [*stores, configured])
