"""The load balancer's configuration, as golden text where it is what an operator reads."""

from kolla_iac.model.balancer import Backend, BalancerConfig, Frontend
from kolla_iac.render.haproxy import beside, description, global_config, render

CONFIG = BalancerConfig(
    frontends=(Frontend(name="keystone-public", backend="keystone", port=5000),),
    backends=(Backend(name="keystone", port=5000, slots=3, options=("timeout server 5m",)),),
    client_timeout=70,
    server_timeout=80,
)

SECTIONS = """
frontend keystone-public
    bind "${BIND_5000-:5000}"
    http-request set-header X-Forwarded-Proto http unless { ssl_fc }
    http-request set-header X-Forwarded-Proto https if { ssl_fc }
    http-request lua.hold keystone
    default_backend keystone

backend keystone
    option httpchk
    http-check send meth GET uri /healthcheck ver HTTP/1.1 hdr Host keystone hdr User-Agent haproxy
    http-check expect status 200
    timeout server 5m
    server s1 192.0.2.1:5000 disabled init-addr last,none
    server s2 keystone-1-4f2a9c1:5000 init-addr last,libc,none
    server s3 192.0.2.1:5000 disabled init-addr last,none
"""


def test_frontends_and_backends_with_their_slots() -> None:
    text = render(CONFIG, {"keystone": {"s2": "keystone-1-4f2a9c1"}})
    assert text.endswith(SECTIONS)
    first = f"global\n    description {description(CONFIG)}\n    lua-load /var/lib/haproxy/hold.lua\n"
    assert text.startswith(f"{first}\nresolvers docker\n")
    assert list(beside()) == ["/var/lib/haproxy/hold.lua"]
    assert "    timeout client 70s\n" in text
    assert "    timeout server 80s\n" in text


def test_slots_do_not_change_what_a_worker_says_of_itself() -> None:
    other = CONFIG.model_copy(update={"client_timeout": 71})
    assert description(CONFIG) != description(other)
    taken = render(CONFIG, {"keystone": {"s1": "a"}})
    assert f"description {description(CONFIG)}\n" in taken
    assert taken != render(CONFIG, {})


def test_slots_of_backends_that_are_not_there_are_left_out() -> None:
    assert "glance" not in render(CONFIG, {"glance": {"s1": "glance-1-abc"}})


def test_the_static_part_has_a_health_page_and_no_cloud() -> None:
    text = global_config()
    assert "monitor-uri /healthcheck" in text
    assert "backend" not in text
    assert "statistics" not in text


def test_the_statistics_password_may_have_any_character() -> None:
    assert '    stats auth "openstack:a\\"b\\$c\\\\d e"\n' in render(
        BalancerConfig(statistics_password='a"b$c\\d e'), {}
    )
