"""What a report says in words, where the recorded situations do not say it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kolla_iac.cli.report import rendered
from kolla_iac.preview import Report, read, report
from tests.unit.preview.steps import digest, step

KEYSTONE = "kolla:identity:Keystone"
CONTAINER = f"{KEYSTONE}$docker:index/container:Container"
COMMAND = f"{KEYSTONE}$command:local:Command"


def component(op: str, replicas: int = 2) -> dict[str, Any]:
    """A step of a service's component."""
    topology = {str(number): "local" for number in range(1, replicas + 1)}
    inputs = {"topology": topology, "stages": [], "release": "2025.2", "drain_seconds": 90}
    states = {"oldState": {"inputs": inputs}, "newState": {"inputs": inputs}}
    if op in ("create", "delete"):
        del states["oldState" if op == "create" else "newState"]
    return step(op, KEYSTONE, "keystone", **states)


def stage(name: str, old: dict[str, str] | None, new: dict[str, str]) -> dict[str, Any]:
    """A step of one of its stages, by what it shows."""
    states = {
        key: {"inputs": {"environment": shown}}
        for key, shown in (("oldState", old), ("newState", new))
        if shown
    }
    return step("update" if old else "create", COMMAND, f"keystone-{name}", **states)


def said(*steps: dict[str, Any], **more: Any) -> Report:
    return report(read(digest(*steps, **more), "x"))


def test_one_service_that_is_removed_is_not_everything() -> None:
    found = said(component("delete"), changeSummary={"delete": 1, "same": 40})
    assert found.verdict == "Keystone is removed."
    assert said(component("delete")).verdict == "Everything is removed: keystone."
    assert "by setting it up again" in rendered(found, "markdown")


def test_data_that_is_deleted_is_said_first() -> None:
    volume = step("delete", f"{KEYSTONE}$docker:index/volume:Volume", "keystone-backups")
    found = said(component("delete"), volume)
    assert found.verdict == "Data is deleted. Everything is removed: keystone."
    assert "no: its data goes" in rendered(found, "markdown")
    assert said(volume).verdict == "Data is deleted. 1 deleted."
    kept = step("delete", "aws:rds/instance:Instance", "db", oldState={"protect": True})
    assert said(kept).verdict == "Data is at risk. 1 deleted."


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("3", "1", "keystone-2 and keystone-3 are drained and removed"),
        ("2", "1", "keystone-2 is drained and removed"),
        ("2", "2", "replicas beyond the wanted number are removed: there is none"),
        ("", "2", "replicas beyond the wanted number are removed: there is none"),
    ],
)
def test_who_is_retired_is_named(before: str, after: str, words: str) -> None:
    old = {"RELEASE": "2025.2", "REPLICAS": before} if before else None
    (change,) = said(
        component("update"), stage("retire", old, {"RELEASE": "2025.2", "REPLICAS": after})
    ).services
    assert change.stages[0].what == words


def test_a_new_replica_takes_nothing_over() -> None:
    container = step("create", CONTAINER, "keystone-2")
    shown = {"RELEASE": "2025.2", "IMAGE": "k:1"}
    (change,) = said(component("create"), container, stage("2-handover", None, shown)).services
    assert change.stages[1].what == "keystone-2 gets requests once it is ready"
    (change,) = said(component("update"), stage("2-handover", shown, {**shown, "IMAGE": "k:2"})).services
    assert change.stages[0].what.endswith("the old one is drained and removed")


def test_an_image_has_size_and_digest_where_a_stage_has_said_them() -> None:
    before, after = "registry.example/keystone:1", f"registry.example/keystone:2@sha256:{'6' * 64}"
    change = component("update")
    change["oldState"] = {"inputs": {**change["oldState"]["inputs"], "image": before}}
    change["newState"] = {"inputs": {**change["newState"]["inputs"], "image": after}}
    old = {
        "inputs": {"environment": {"STAGE": "images", "IMAGE": before}},
        "outputs": {"stdout": f"   0.2 s  keystone  {before}  1412 MB  sha256:{'5' * 64}  is there"},
    }
    new = {"inputs": {"environment": {"STAGE": "images", "IMAGE": after}}}
    ran = step(
        "update", "kolla:cloud:Cloud$command:local:Command", "image-keystone", oldState=old, newState=new
    )
    replaced = step("replace", CONTAINER, "keystone-1", replaceReasons=["image"])
    (row,) = re.findall(r"(?m)^\| `keystone` \| `reg.*$", rendered(said(change, ran, replaced), "markdown"))
    assert row == f"| `keystone` | `{before}`, 1,412 MB, `sha256:{'5' * 64}` | `{after}` |"
    del old["outputs"]
    assert f"| `{before}` | `{after}` |" in rendered(said(change, ran, replaced), "markdown")


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (["image", "labels"], "image changed"),
        (["labels", "uploads[0].content", "envs"], "its environment changed, its files changed"),
        (["labels"], "its labels changed"),
        (["hostname"], "hostname changed"),
    ],
)
def test_why_a_container_is_replaced(keys: list[str], why: str) -> None:
    found = said(step("replace", CONTAINER, "keystone-1", replaceReasons=keys))
    assert found.resources[0].why == why


def test_the_tally_is_said_once() -> None:
    text = rendered(said(step("create", "random:index/randomId:RandomId", "id")), "text", piped=True)
    assert text.count("1 created") == 1
    assert "Resources: 2 updated.\n" in rendered(
        said(component("update"), stage("x", {"A": "1"}, {"A": "2"})), "text"
    )


def test_the_parts_of_another_programs_component_are_named_and_not_itself() -> None:
    """As pulumi-aws nests them: a component with no provider, below a bucket, with resources of its own below it."""
    bucket, listener = "aws:s3/bucket:Bucket", "aws:s3:BucketEventSubscription"
    own = {"provider": "urn:pulumi:dev::web::pulumi:providers:aws::default::1", "detailedDiff": None}
    found = said(
        step("same", bucket, "uploads", **own),
        step("delete", f"{bucket}${listener}", "on-upload", oldState={"custom": False}, detailedDiff=None),
        step(
            "delete",
            f"{bucket}${listener}$aws:lambda/function:Function",
            "on-upload",
            oldState={"custom": True},
            **own,
        ),
        step("delete", f"{bucket}$aws:s3/bucketNotification:BucketNotification", "on-upload", **own),
        changeSummary={"delete": 3, "same": 1},
    )
    assert found.verdict == "3 deleted, 1 unchanged."
    assert [one.what for one in found.findings] == [
        "aws:lambda/function:Function on-upload is deleted",
        "aws:s3/bucketNotification:BucketNotification on-upload is deleted",
    ]
    assert (found.resources[0].op, found.resources[0].type) == ("deleted", listener)
