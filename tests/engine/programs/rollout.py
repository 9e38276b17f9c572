"""Two replicas behind stages, as the components roll them: the smallest program that shows it all."""

import json
import os

import pulumi
import pulumi_docker as docker
from pulumi_command import local

settings = json.loads(os.environ["T_SETTINGS"])
release = settings.get("release", "one")
crash = settings.get("crash", [])
name = settings["name"]
provider = pulumi.ResourceOptions(provider=docker.Provider("host"))
labels = {settings["label"]: name, "service": "api"}

HANDOVER = """
set -eu
chosen="--filter label=$LABEL --filter label=replica=$REPLICA"
sleep 0.5
if [ "$(docker inspect -f '{{.State.Status}}' "$CONTAINER")" != running ]; then
    echo "$REPLICA does not run; its last words:" >&2
    docker logs --tail 5 "$CONTAINER" >&2
    exit 3
fi
for id in $(docker ps -aq --no-trunc $chosen); do
    if [ "$id" != "$CONTAINER" ]; then docker stop -t 1 "$id" && docker rm "$id"; fi
done
echo "$REPLICA is $RELEASE"
"""


def stage(what, script, after, **environment):
    return local.Command(
        what,
        create=script,
        update=script,
        environment={"RELEASE": release, "LABEL": f"{settings['label']}={name}", **environment},
        add_previous_output_in_env=False,
        opts=pulumi.ResourceOptions(depends_on=after),
    )


def labelled(**more):
    return [{"label": key, "value": value} for key, value in sorted({**labels, **more}.items())]


network = docker.Network(f"{name}-net", driver="bridge", labels=labelled(), opts=provider)
front = docker.Container(
    f"{name}-front",
    image=settings["image"],
    name=f"{name}-front",
    command=["sleep", "3600"],
    labels=labelled(replica="front"),
    networks_advanced=[{"name": network.name}],
    must_run=True,
    opts=provider,
)
expand = stage("expand", 'echo "expanded to $RELEASE"', [front])
previous = [expand]
for replica in ("api-1", "api-2"):
    words = "echo replica dies >&2; exit 7" if replica in crash else "sleep 3600"
    container = docker.Container(
        f"{name}-{replica}",
        image=settings["image"],
        command=["sh", "-c", f": {release}; {words}" if replica not in crash else f"sleep 0.3; {words}"],
        hostname=replica,
        envs=[f"RELEASE={release}"],
        labels=labelled(replica=replica, release=release),
        networks_advanced=[{"name": network.name, "aliases": [replica]}],
        restart="no",
        destroy_grace_seconds=1,
        opts=pulumi.ResourceOptions.merge(
            provider, pulumi.ResourceOptions(delete_before_replace=False, depends_on=[expand])
        ),
    )
    previous = [stage(f"{replica}-handover", HANDOVER, previous, CONTAINER=container.id, REPLICA=replica)]
contract = stage("contract", 'echo "contracted to $RELEASE"', previous)
pulumi.export("contracted", contract.stdout)
