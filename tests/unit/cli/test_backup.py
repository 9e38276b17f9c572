"""Which service's stage a dump belongs to."""

from __future__ import annotations

import json

import pytest

from kolla_iac.cli.backup import _of
from kolla_iac.errors import KollaError
from kolla_iac.model.stage import JobStage, Upload


def stage(service: str, schema: str) -> JobStage:
    file = Upload.model_construct(path="/etc/kolla-iac/dump.json", content=json.dumps({"schema": schema}))
    return JobStage.model_construct(service=service, files=(file,))


STAGES = [
    (stage("keystone", "keystone"), "a"),
    (stage("nova", "nova"), "b"),
    (stage("nova", "nova_api"), "c"),
]


@pytest.mark.parametrize(("prefix", "final"), [("keystone", "a"), ("nova", "b"), ("nova_api", "c")])
def test_a_dump_belongs_to_the_stage_of_its_schema(prefix: str, final: str) -> None:
    assert _of(f"{prefix}-2025.2-20261126T010203Z.sql.gz", STAGES)[1] == final


@pytest.mark.parametrize("name", ["", "cinder-2025.2-1.sql.gz", "nova.sql.gz", "../keystone-2025.2-1.sql.gz"])
def test_a_dump_of_no_schema_here_is_refused(name: str) -> None:
    with pytest.raises(KollaError, match="is no dump of a schema here") as raised:
        _of(name, STAGES)
    assert raised.value.facts["schemas"] == "keystone, nova, nova_api"
