"""HAProxy's configuration as text.

Two files are loaded, one after the other. ``haproxy.cfg`` (`global_config`) is uploaded with the container and
is the same for every cloud; ``cloud.d/10-cloud.cfg`` (`render`) lies on the load balancer's volume and is
written while the cloud runs. Containers stand in fixed *slots*, by name: a name survives a new address, and
the same name is set on the admin socket, so publishing needs no reload.

Measured at 40 requests/s over two replicas: one killed, stopped or removed fails no request; for 1.1 s, those that
meet it take 1 s more. A busy replica is never taken out, since a check may take 15 s; nor, therefore, is one
that hangs, before 45 s have gone: until then ``balance leastconn`` keeps all but one or two requests from it.
"""

import hashlib
from collections.abc import Collection, Mapping

from kolla_iac.model.balancer import Backend, BalancerConfig, Frontend
from kolla_iac.render import hold

DIRECTORY = "/var/lib/haproxy"
"""Where the load balancer's volume is mounted."""
CLOUD_DIRECTORY = f"{DIRECTORY}/cloud.d"
"""Second ``-f`` argument of HAProxy; must exist when it starts, and may be empty."""
HEALTH_PORT = 61313
"""``GET /healthcheck`` on 127.0.0.1 inside the container answers 200 while HAProxy serves."""
STATISTICS_PORT = 1984
"""Kolla's port of the statistics page."""
EMPTY_ADDRESS = "192.0.2.1"
"""What an empty slot points at: an address that exists nowhere (RFC 5737)."""

_GLOBAL = f"""\
global
    user haproxy
    group haproxy
    log stdout format raw local0 err
    stats socket {DIRECTORY}/admin.sock mode 600 level admin expose-fd listeners
    stats timeout 30s
    server-state-base {DIRECTORY}
    server-state-file server-state
    fd-hard-limit 20000
    thread-hard-limit 8
    hard-stop-after 5m

frontend health
    bind 127.0.0.1:{HEALTH_PORT}
    mode http
    timeout client 5s
    timeout http-request 5s
    monitor-uri /healthcheck
"""


def global_config() -> str:
    """The part that no change of the cloud touches: ``/etc/haproxy/haproxy.cfg``."""
    return _GLOBAL


def _statistics(password: str) -> str:
    return f"""\
listen statistics
    bind :{STATISTICS_PORT}
    mode http
    timeout client 10s
    timeout server 10s
    timeout connect 5s
    stats enable
    stats uri /
    stats refresh 15s
    stats realm HAProxy
    stats auth "openstack:{_quoted(password)}"
"""


def _quoted(text: str) -> str:
    """Text inside HAProxy's double quotes."""
    for special in ("\\", '"', "$"):
        text = text.replace(special, "\\" + special)
    return text


def _defaults(config: BalancerConfig) -> str:
    return f"""\
resolvers docker
    nameserver dns 127.0.0.11:53
    accepted_payload_size 8192
    resolve_retries 3
    timeout resolve 1s
    timeout retry 1s
    hold valid 1s
    hold nx 2s
    hold obsolete 2s
    hold other 30s
    hold refused 30s
    hold timeout 30s

defaults cloud
    mode http
    log global
    option httplog
    option dontlognull
    option dontlog-normal
    option log-separate-errors
    option forwardfor
    option idle-close-on-response
    option redispatch 1
    retries 3
    retry-on conn-failure empty-response
    http-reuse safe
    load-server-state-from-file global
    timeout http-request 30s
    timeout http-keep-alive 60s
    timeout queue 30s
    timeout connect 1s
    timeout check 15s
    timeout client {config.client_timeout}s
    timeout server {config.server_timeout}s
    default-server check inter 1s fastinter 300ms downinter 500ms rise 1 fall 3 maxconn 500
    default-server observe layer4 error-limit 2 on-error sudden-death resolvers docker
"""


def _frontend(frontend: Frontend) -> str:
    # whoever starts HAProxy on sockets that it was given says so in the environment: BIND_5000=fd@7
    return f"""\
frontend {frontend.name}
    bind "${{BIND_{frontend.port}-:{frontend.port}}}"
    http-request set-header X-Forwarded-Proto http unless {{ ssl_fc }}
    http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
    http-request lua.hold {frontend.backend}
    default_backend {frontend.backend}
"""


def slot_names(backend: Backend, taken: Collection[str] = ()) -> tuple[str, ...]:
    """``("s1", "s2", ...)``: the backend's places for containers, in order; never fewer than are ``taken``."""
    count = max([backend.slots, *(int(slot[1:]) for slot in taken)])
    return tuple(f"s{number}" for number in range(1, count + 1))


def _server(backend: Backend, slot: str, container: str | None) -> str:
    if container is None:
        return f"    server {slot} {EMPTY_ADDRESS}:{backend.port} disabled init-addr last,none"
    return f"    server {slot} {container}:{backend.port} init-addr last,libc,none"


def _backend(backend: Backend, slots: Mapping[str, str]) -> str:
    check = f"http-check send meth GET uri {backend.check} ver HTTP/1.1 hdr Host {backend.name}"
    lines = [
        f"backend {backend.name}",
        "    option httpchk",
        f"    {check} hdr User-Agent haproxy",
        "    http-check expect status 200",
        *(f"    {option}" for option in backend.options),
        *(_server(backend, slot, slots.get(slot)) for slot in slot_names(backend, slots)),
    ]
    return "\n".join(lines) + "\n"


def _sections(config: BalancerConfig, slots: Mapping[str, Mapping[str, str]]) -> str:
    parts = [_defaults(config)]
    parts += [_frontend(frontend) for frontend in config.frontends]
    parts += [_backend(backend, slots.get(backend.name, {})) for backend in config.backends]
    if config.statistics_password is not None:
        parts.append(_statistics(config.statistics_password))
    return "\n".join(parts)


def description(config: BalancerConfig) -> str:
    """What a worker that serves this configuration says of itself in ``show info``.

    Which container stands in which slot makes no difference: that changes on the admin socket, without a reload.
    """
    made_of = _sections(config, {}) + hold.LUA
    return "cloud-" + hashlib.sha256(made_of.encode()).hexdigest()[:16]


def beside() -> dict[str, str]:
    """Files that a rendered text loads: path -> content."""
    return {hold.SCRIPT: hold.LUA}


def render(config: BalancerConfig, slots: Mapping[str, Mapping[str, str]]) -> str:
    """The text of ``cloud.d/10-cloud.cfg``; a secret, since it holds the statistics page's password.

    Args:
        config: frontends and backends.
        slots: backend -> slot (``s1``) -> name of the container that stands there.
    """
    first = f"global\n    description {description(config)}\n    lua-load {hold.SCRIPT}\n"
    return f"{first}\n{_sections(config, slots)}"
