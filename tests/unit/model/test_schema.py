"""The JSON schema for editors."""

import json
from pathlib import Path

from kolla_iac.model import schema
from kolla_iac.model.releases import RELEASES
from kolla_iac.model.service import services

COMMITTED = Path(__file__).resolve().parents[3] / "stacks" / schema.FILE


def test_the_committed_copy_is_current() -> None:
    assert COMMITTED.read_text() == schema.text(), "kolla-iac schema > stacks/environment.schema.json"


def test_editors_learn_releases_services_and_what_is_unknown() -> None:
    definitions = json.loads(schema.text())["$defs"]
    environment = definitions["Environment"]
    assert environment["additionalProperties"] is False
    assert environment["properties"]["release"]["enum"] == list(RELEASES)
    assert environment["required"] == ["release"]
    assert set(definitions["Services"]["properties"]) == {*services(), "database"}
    assert definitions["KeystoneSettings"]["properties"]["token_expiration"]["minimum"] == 60


def test_every_reference_leads_somewhere() -> None:
    text = schema.text()
    definitions = json.loads(text)["$defs"]
    names = {part.split('"')[0] for part in text.split('"#/$defs/')[1:]}
    assert names
    assert names <= set(definitions)
