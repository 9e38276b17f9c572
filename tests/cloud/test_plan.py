"""The plan against the engine's own preview of the same change."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .support import Cloud, override

CHANGES: dict[str, dict[str, Any]] = {
    "replicas": {"services": {"keystone": {"replicas": 3}}},
    "override": override("token", expiration=4321),
    "drain": {"services": {"keystone": {"drain_seconds": 80}}},
    "administrator": {"services": {"keystone": {"admin_project": "another"}}},
    "read-by-jobs": override("database", max_retries=7),
    "time-out": {"services": {"loadbalancer": {"client_timeout": 77}}},
    "database": {"services": {"mariadb": {"buffer_pool": 256}}},
    "release": {"release": "2026.1"},
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_plan_names_what_the_preview_names(cloud: Cloud, name: str) -> None:
    previewed = {
        step["urn"].rsplit("::", 1)[-1]
        for step in cloud.previewed(CHANGES[name])["steps"]
        if step["op"] not in ("same", "delete", "delete-replaced", "read")
        and ("command:local:Command::" in step["urn"] or "Container::" in step["urn"])
    }
    done = cloud.kolla("plan", "--json")
    changes = json.loads(done.text[done.text.index("{") :])["changes"]
    planned = {resource for one in changes for step in one["steps"] for resource in step["resources"]}
    assert planned == {each for each in previewed if not each.startswith("image-")}
    assert done.seconds < 10, str(done)
