"""A small environment on the real Docker for tests of the runtime: a load balancer and web servers behind it."""

from __future__ import annotations

import json
import secrets
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from kolla_iac.images import ensure
from kolla_iac.model.balancer import Backend, BalancerConfig, Frontend
from kolla_iac.model.stage import (
    LABEL_ENVIRONMENT,
    LABEL_RELEASE,
    LABEL_REPLICA,
    LABEL_ROLE,
    LABEL_SERVICE,
    BalancerStage,
    HandoverStage,
    Stage,
    Upload,
)
from kolla_iac.model.waits import HttpStep, HttpWait, Wait
from kolla_iac.render import haproxy
from kolla_iac.runtime.context import Context, Tools
from kolla_iac.runtime.hosts import Hosts
from kolla_iac.runtime.job import archive
from kolla_iac.runtime.stage import carry_out
from tests.cloud.support import image

RELEASE = "2025.2"
HOSTS = {"here": "unix:///var/run/docker.sock"}
PORT = 8000

SERVER = """
import http.server, json, os, socketserver, sys, time
settings = json.loads(sys.argv[1])
time.sleep(settings.get("start", 0))
if "die" in settings:
    print("Traceback: " + settings["die"], flush=True)
    sys.exit(3)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        check = self.path == "/healthcheck"
        time.sleep(settings.get("check_seconds" if check else "seconds", 0))
        status = 200 if os.path.exists("/tmp/well") else settings.get("status", 200)
        body = (settings.get("body") or os.uname().nodename).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Subject-Token", "token-of-" + os.uname().nodename)
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        settings["body"] = "you sent " + sent
        self.do_GET()
    def log_message(self, *_):
        pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 256
print("serving", flush=True)
Server(("", 8000), Handler).serve_forever()
"""


def haproxy_image() -> str:
    """The project's own image, built if it is missing."""
    return image("haproxy", RELEASE)


@dataclass
class Probe:
    """Requests at a fixed rate, each on its own clock: a slow answer never makes the next one later."""

    url: str
    rate: float
    outcomes: list[tuple[str, float]] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        return Counter(outcome for outcome, _ in self.outcomes)

    @property
    def failed(self) -> list[str]:
        return [outcome for outcome, _ in self.outcomes if not outcome.startswith("200")]

    @property
    def slowest(self) -> float:
        return max(seconds for _, seconds in self.outcomes)

    def ask(self) -> None:
        start = time.monotonic()
        try:
            with urllib.request.urlopen(self.url, timeout=30) as answer:
                outcome = f"{answer.status} {answer.read().decode()}"
        except urllib.error.HTTPError as error:
            outcome = f"{error.code}"
        except OSError as error:
            outcome = f"{type(error).__name__}: {error}"
        self.outcomes.append((outcome, time.monotonic() - start))


@contextmanager
def probing(url: str, rate: float = 40) -> Iterator[Probe]:
    """Probes from another thread; every request has been answered when the block is left."""
    probe, over, running = Probe(url, rate), threading.Event(), []

    def loop() -> None:
        due = time.monotonic()
        while not over.is_set():
            one = threading.Thread(target=probe.ask)
            one.start()
            running.append(one)
            due += 1 / rate
            time.sleep(max(due - time.monotonic(), 0))

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield probe
    finally:
        over.set()
        thread.join()
        for one in running:
            one.join()
        print(f"{len(probe.outcomes)} requests, slowest {probe.slowest:.3f} s, {dict(probe.counts)}")


def swept(client: docker.DockerClient, environment: str) -> None:
    """Removes all that carries an environment's label, and closes the client."""
    chosen = {"label": f"{LABEL_ENVIRONMENT}={environment}"}
    for container in client.containers.list(all=True, filters=chosen, ignore_removed=True):
        container.remove(force=True, v=True)
    for network in client.networks.list(filters=chosen):
        network.remove()
    for volume in client.volumes.list(filters=chosen):
        volume.remove(force=True)
    client.close()


@contextmanager
def standing(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Small]:
    """A small environment whose load balancer publishes a backend, as long as the block lasts.

    Args:
        home: for its timeline.
    """
    monkeypatch.setenv("KOLLA_IAC_HOME", str(home))
    environment = Small(haproxy_image())
    try:
        environment.start_balancer()
        environment.configure()
        yield environment
    finally:
        environment.close()


class Small:
    """An environment with its network, its volume, and what the tests put into it."""

    def __init__(self, image: str) -> None:
        self.image = image
        self.name = f"t-{secrets.token_hex(3)}"
        self.client = docker.from_env()
        self.network = self.client.networks.create(self.name, labels={LABEL_ENVIRONMENT: self.name})
        self.lines: list[str] = []
        self.balancer: Container | None = None

    def close(self) -> None:
        swept(self.client, self.name)

    def labels(
        self, service: str, replica: int, release: str = "old", role: str = "rolled"
    ) -> dict[str, str]:
        return {
            LABEL_ENVIRONMENT: self.name,
            LABEL_SERVICE: service,
            LABEL_REPLICA: str(replica),
            LABEL_RELEASE: release,
            LABEL_ROLE: role,
        }

    def start_balancer(self) -> Container:
        """HAProxy as the component starts it, on a free port of the loopback address."""
        volume = f"{self.name}-balancer"
        self.client.volumes.create(volume, labels={LABEL_ENVIRONMENT: self.name})
        folder, static = haproxy.CLOUD_DIRECTORY, "/etc/haproxy/haproxy.cfg"
        start = f"mkdir -p {folder}; exec haproxy -W -db -f {static} -f {folder}"
        container = self.client.containers.create(
            self.image,
            command=["sh", "-c", start],
            name=f"{self.name}-balancer",
            labels=self.labels("loadbalancer", 1, role="singleton"),
            network=self.name,
            ports={"5000/tcp": ("127.0.0.1", None)},
            volumes={volume: {"bind": haproxy.DIRECTORY, "mode": "rw"}},
            security_opt=["no-new-privileges"],
            cap_drop=["ALL"],
            cap_add=["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETUID", "SETGID", "KILL"],
        )
        container.put_archive("/", archive([Upload(path=static, content=haproxy.global_config())]))
        container.start()
        self.balancer = container
        return container

    @property
    def url(self) -> str:
        assert self.balancer is not None
        self.balancer.reload()
        port = self.balancer.attrs["NetworkSettings"]["Ports"]["5000/tcp"][0]["HostPort"]
        return f"http://127.0.0.1:{port}/"

    def serve(
        self, replica: int, release: str = "old", service: str = "api", restart: str = "no", **settings: Any
    ) -> Container:
        """A web server that answers with its host name; ``settings``: what it does wrong.

        A file /tmp/well makes its status 200.
        """
        return self.client.containers.run(
            self.image,
            command=["python3", "-c", SERVER, json.dumps(settings)],
            name=f"{self.name}-{service}-{replica}-{secrets.token_hex(2)}",
            hostname=f"{service}-{replica}-{release}",
            labels=self.labels(service, replica, release),
            network=self.name,
            restart_policy={"Name": restart},
            detach=True,
        )

    def about(self, name: str, service: str = "api") -> dict[str, Any]:
        return {
            "name": name,
            "environment": self.name,
            "service": service,
            "release": RELEASE,
            "hosts": HOSTS,
        }

    def context(self) -> Context:
        self.lines = []
        tools = Tools(
            render=haproxy.render, describe=haproxy.description, beside=haproxy.beside, images=ensure
        )
        return Context(Hosts(HOSTS), tools, self.write)

    def write(self, line: str) -> None:
        print(line)
        self.lines.append(line)

    def do(self, stage: Stage) -> str:
        """Carries out a stage in this process; what it printed."""
        carry_out(stage, self.context())
        return "\n".join(self.lines)

    def config(self, backends: Mapping[str, int] | None = None, **settings: Any) -> BalancerConfig:
        """Backend -> port on which it is published."""
        published = backends or {"api": 5000}
        return BalancerConfig(
            frontends=tuple(
                Frontend(name=f"{name}-in", backend=name, port=port) for name, port in published.items()
            ),
            backends=tuple(Backend(name=name, port=PORT, slots=4) for name in published),
            **settings,
        )

    def configure(self, config: BalancerConfig | None = None) -> str:
        assert self.balancer is not None
        return self.do(
            BalancerStage(
                **self.about("loadbalancer-configure", "loadbalancer"),
                host="here",
                container=str(self.balancer.id),
                config=config or self.config(),
            )
        )

    def handover_stage(
        self, new: Container, replica: int, ready: Wait | None = None, **more: Any
    ) -> HandoverStage:
        return HandoverStage(
            **self.about(f"api-{replica}-handover"),
            host="here",
            replica=replica,
            container=str(new.id),
            backend="api",
            ready=ready or answers(),
            **{"up_seconds": 10, "drain_seconds": 10, "stop_seconds": 1, **more},
        )

    def handover(self, new: Container, replica: int, ready: Wait | None = None, **more: Any) -> str:
        return self.do(self.handover_stage(new, replica, ready, **more))

    def gone(self, container: Container) -> bool:
        return not self.client.containers.list(all=True, filters={"id": container.id})


def answers(timeout: float = 10, **more: Any) -> HttpWait:
    """The container itself answers, asked from the load balancer's."""
    step = HttpStep(url=f"http://{{container}}:{PORT}/", **more)
    return HttpWait(
        what="an answer of its own", timeout=timeout, interval=0.1, steps=(step,), hint="look inside"
    )
