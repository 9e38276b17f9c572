"""What the program registers."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from cloud_of_mocks import COMMAND, CONTAINER, Program, is_secret, program

from kolla_iac.resources.stage import COMMAND as RUN_A_STAGE


@pytest.fixture(scope="module")
def usual() -> Program:
    return program()


def test_rolled_containers_have_no_name_and_singletons_have_one(usual: Program) -> None:
    names = {one.name: one.inputs.get("name") for one in usual.of_type(CONTAINER)}
    assert names == {
        "loadbalancer-1": "kolla-t-mocks-loadbalancer-1",
        "mariadb-1": "kolla-t-mocks-mariadb-1",
        "memcached-1": "kolla-t-mocks-memcached-1",
        "keystone-1": None,
        "keystone-2": None,
    }


def test_every_stage_runs_one_constant_command(usual: Program) -> None:
    stages = usual.of_type(COMMAND)
    assert len(stages) > 12
    for stage in stages:
        assert stage.inputs["create"] == RUN_A_STAGE, stage.name
        assert stage.inputs["addPreviousOutputInEnv"] is False, stage.name
        assert not {"update", "delete", "triggers", "interpreter", "dir"} & set(stage.inputs), stage.name


def test_nothing_that_differs_between_machines_is_an_input(usual: Program) -> None:
    text = json.dumps([one.inputs for one in usual.resources])
    for local in (str(Path(__file__).parents[3]), str(Path.home()), os.uname().nodename):
        assert local not in text or len(local) < 4, local


def test_secrets_are_in_files_and_on_standard_input_only(usual: Program) -> None:
    keys = [
        key
        for name in usual.secrets
        if name.endswith("keys")
        for key in json.loads(usual.secrets[name]).values()
    ]
    values = keys + [value for name, value in usual.secrets.items() if not name.endswith("keys")]
    hidden = 0
    for one in usual.resources:
        open_to_all = {name: value for name, value in one.inputs.items() if not is_secret(value)}
        hidden += len(one.inputs) - len(open_to_all)
        assert set(one.inputs) - set(open_to_all) <= {"uploads", "stdin"}, one.name
        shown = json.dumps(open_to_all)
        assert not [value for value in values if value in shown], one.name
    assert hidden > 8


def test_containers_may_do_little(usual: Program) -> None:
    for one in usual.of_type(CONTAINER):
        assert one.inputs["capabilities"]["drops"] == ["ALL"], one.name
        assert one.inputs["securityOpts"] == ["no-new-privileges:true"], one.name
        assert "privileged" not in one.inputs, one.name
        assert one.inputs["restart"] == "unless-stopped", one.name
        assert one.inputs["healthcheck"]["tests"][0] in ("CMD", "CMD-SHELL"), one.name


def test_every_replica_is_given_the_same_keys(usual: Program) -> None:
    def files(name: str) -> dict[str, str]:
        return {
            one["file"]: one["content"] for one in usual.inputs(name)["uploads"] if "-keys/" in one["file"]
        }

    assert files("keystone-1") == files("keystone-2")
    assert len(files("keystone-1")) == 4


def test_a_handover_is_given_the_container_it_follows(usual: Program) -> None:
    for replica in (1, 2):
        stage = usual.specification(f"keystone-{replica}-handover")
        assert stage["container"] == f"id of keystone-{replica}"
        assert (stage["replica"], stage["backend"]) == (replica, "keystone")


def test_an_override_changes_the_files_of_keystone_alone() -> None:
    before = program()
    after = program(services={"keystone": {"overrides": {"keystone.conf": {"token": {"expiration": 7200}}}}})

    def without_secrets(given: Program, name: str, kind: str) -> str:
        text = json.dumps(given.inputs(name, kind), sort_keys=True)
        for number, value in enumerate(given.secrets.values()):
            for part in json.loads(value).values() if value.startswith("{") else (value,):
                text = text.replace(part, f"<{number}>")
        return text

    every = [(one.name, one.typ) for one in after.resources]
    changed = {one[0] for one in every if without_secrets(before, *one) != without_secrets(after, *one)}
    # the handovers follow by the containers' ids, which mocks do not change
    assert changed == {"keystone", "keystone-1", "keystone-2"}
    conf = after.inputs("keystone", "Keystone")["configuration"]["keystone.conf"]
    assert conf["token"]["expiration"] == "7200"


def test_fewer_replicas_are_a_stage_of_their_own() -> None:
    one = program(services={"keystone": {"replicas": 1}})
    assert one.specification("keystone-retire")["replicas"] == 1
    assert [each.name for each in one.of_type(CONTAINER) if each.name.startswith("keystone")] == [
        "keystone-1"
    ]


def test_several_clouds_in_one_program_share_no_name(usual: Program) -> None:
    both = program("t-other")
    names = [(one.typ, one.name) for one in both.resources]
    assert len(names) == len(set(names)) == 2 * len(usual.resources)
    assert {(one.typ, one.name) for one in usual.resources} < set(names), "the stack's own keeps its names"
    physical = [(one.typ, one.inputs["name"]) for one in both.resources if one.inputs.get("name")]
    assert len(physical) == len(set(physical))


def test_a_program_with_wrong_settings_registers_nothing() -> None:
    with pytest.raises(Exception, match=r"services\.keystone\.replicas: must be at least 1"):
        program(services={"keystone": {"replicas": 0}})
