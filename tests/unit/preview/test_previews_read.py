"""What is read as a preview, and what is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kolla_iac.cli import main
from kolla_iac.preview import NotAPreview, read, report
from tests.unit.preview.steps import digest, step


def events(*steps: dict[str, Any], whole: bool = True) -> str:
    lines: list[dict[str, Any]] = []
    for one in steps:
        metadata = {**one, "old": one.get("oldState"), "new": one.get("newState")}
        lines.append({"sequence": 1, "timestamp": 1_795_000_000, "resourcePreEvent": {"metadata": metadata}})
    if whole:
        lines.append({"sequence": 2, "timestamp": 1_795_000_002, "summaryEvent": {"durationSeconds": 2}})
    return "\n".join(json.dumps(line) for line in lines)


STEPS = (
    step("same", "pulumi:pulumi:Stack", "web-dev"),
    step("delete", "aws:s3/bucket:Bucket", "pictures"),
    step("create-replacement", "kubernetes:apps/v1:Deployment", "web", replaceReasons=["spec"]),
    step("replace", "kubernetes:apps/v1:Deployment", "web", replaceReasons=["spec"]),
    step("delete-replaced", "kubernetes:apps/v1:Deployment", "web"),
    step("create", "random:index/randomId:RandomId", "id"),
    step("update", "aws:ec2/instance:Instance", "one", detailedDiff={"tags.Name": {"kind": "update"}}),
)


@pytest.mark.parametrize(
    "text", [digest(*STEPS), events(*STEPS), json.dumps([json.loads(x) for x in events(*STEPS).splitlines()])]
)
def test_each_form_of_another_programs_preview(text: str) -> None:
    found = report(read(text, "x"))
    assert found.tally == {"created": 1, "updated": 1, "replaced": 1, "deleted": 1, "unchanged": 1}
    assert found.verdict == "1 created, 1 updated, 1 replaced, 1 deleted, 1 unchanged."
    assert [(one.op, one.name) for one in found.resources[:2]] == [
        ("deleted", "pictures"),
        ("replaced", "web"),
    ]
    assert found.resources[1].why == "spec changed"
    assert found.resources[3].changed == ("tags",)
    assert [one.kind for one in found.findings] == ["unknown", "unknown"]
    assert (found.stack, found.project, found.seconds) == ("dev", "web", 2)


@pytest.mark.parametrize("form", [digest, events])
def test_a_component_of_another_program_is_no_finding(form: Callable[..., str]) -> None:
    state = {"inputs": {}} if form is events else {"custom": False, "inputs": {}}
    found = report(read(form(step("delete", "aws:s3:BucketEventSubscription", "x", oldState=state)), "x"))
    assert found.findings == ()
    assert found.tally == {"deleted": 1}


def test_what_a_program_prints_before_it_is_passed_over() -> None:
    assert read("Previewing ...\n" + events(*STEPS), "x").stack == "dev"


def test_a_failed_preview_says_so() -> None:
    text = digest(*STEPS, diagnostics=[{"severity": "error", "message": "update failed\n"}])
    found = report(read(text, "x"))
    assert found.verdict.startswith("This preview failed")
    assert found.errors == ("update failed",)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("  \n", "it is empty"),
        (digest(*STEPS)[:200], "it ends in the middle"),
        (events(*STEPS)[:-9], "it ends in the middle"),
        (events(*STEPS, whole=False), "cut off"),
        ('{"resource_changes": []}', "a plan of Terraform's"),
        ('{"version": 3, "deployment": {}}', "an exported state"),
        ('{"a": 1}', "JSON with a and no steps"),
        ("{}", "no steps"),
        ("[]", "it holds no event"),
        ("[1]", "neither a preview nor an engine's events"),
        ('"text"', "neither a preview nor an engine's events"),
        ("Not JSON at all", "it is no JSON"),
        ("PK\x03\x04\x00", "it is no JSON"),
        (digest({"op": "update"}), "no urn"),
        (digest(step("teleport", "a:b:C", "x")), "operation teleport is not known"),
        (digest("x"), "no urn"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_preview_is_said(text: str, why: str) -> None:
    with pytest.raises(NotAPreview) as error:
        read(text, "preview.json")
    assert why in str(error.value)
    assert "preview.json is no preview" in str(error.value)
    assert "pulumi preview --json > preview.json" in str(error.value)


@pytest.mark.parametrize("content", [None, b"", b"\xff\x00\x01", b"{}", "directory"])
def test_the_command_ends_with_2_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | str | None
) -> None:
    file = tmp_path / "preview.json"
    if content == "directory":
        file.mkdir()
    elif isinstance(content, bytes):
        file.write_bytes(content)
    out = tmp_path / "comment.md"
    with pytest.raises(SystemExit) as ended:
        main(["report", str(file), "--format", "markdown", "-o", str(out)])
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert (said.out, out.exists()) == ("", False)
    assert str(file) in said.err
    assert "Traceback" not in said.err


def test_a_gate_ends_with_3_and_says_for_what(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "preview.json"
    file.write_text(digest(step("delete", "docker:index/volume:Volume", "data")))
    with pytest.raises(SystemExit) as ended:
        main(["report", str(file), "--fail-on", "data-loss,drift"])
    said = capsys.readouterr()
    assert ended.value.code == 3
    assert "data-loss: docker:index/volume:Volume data is deleted" in said.err
    assert "data is deleted" in said.out
    with pytest.raises(SystemExit) as ended:
        main(["report", str(file), "--fail-on", "drift"])
    assert ended.value.code == 0
    with pytest.raises(SystemExit) as ended:
        main(["report", str(file), "--fail-on", "everything"])
    assert ended.value.code == 2
