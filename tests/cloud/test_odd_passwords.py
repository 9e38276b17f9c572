"""Passwords that people bring along: every printable ASCII character, non-ASCII, 200 characters, end to end."""

from __future__ import annotations

import base64
import string
from collections.abc import Callable

import pytest

from .support import Cloud

ASCII = string.digits + " " + string.ascii_letters + string.punctuation
"""All 95 printable ones; the blank inside, since none may begin or end a password."""
ODD = {
    "keystone_admin_password": ASCII,
    "mariadb_root_password": "äß€漢字🔑 " + ASCII,
    "haproxy_statistics_password": (ASCII * 3)[:200].strip(),
    "memcache_secret_key": "ж" * 200,
}

_STATISTICS = """
import sys, urllib.request
request = urllib.request.Request("http://127.0.0.1:1984/", headers={"Authorization": "Basic " + sys.argv[1]})
print(urllib.request.urlopen(request, timeout=10).status)
"""


@pytest.mark.long
def test_every_printable_character_non_ascii_and_200_characters(another: Callable[[], Cloud]) -> None:
    cloud = another()
    cloud.make(ODD)
    cloud.kolla("up")
    cloud.whole()
    assert cloud.answers(), "the administrator's password"
    assert cloud.openstack("token", "issue").status == 0
    (balancer,) = cloud.containers("loadbalancer")
    word = base64.b64encode(f"openstack:{ODD['haproxy_statistics_password']}".encode()).decode()
    seen = balancer.exec_run(["python3", "-c", _STATISTICS, word])
    assert seen.output.decode().strip() == "200", "HAProxy's statistics page"
    assert cloud.up().changes == 0
    cloud.kolla("purge", "--yes")
