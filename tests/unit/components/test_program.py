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
        "entrance-1": "kolla-t-mocks-entrance-1",
        "loadbalancer-1": None,
        "mariadb-1": "kolla-t-mocks-mariadb-1",
        "memcached-1": "kolla-t-mocks-memcached-1",
        "keystone-1": None,
        "keystone-2": None,
    }


def test_every_containers_log_is_limited(usual: Program) -> None:
    for one in usual.of_type(CONTAINER):
        assert one.inputs["logDriver"] == "json-file", one.name
        assert one.inputs["logOpts"] == {"max-size": "10m", "max-file": "3"}, one.name


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


def test_every_replica_reads_its_host_s_keys_and_cannot_write_them(usual: Program) -> None:
    for name in ("keystone-1", "keystone-2"):
        (mount,) = usual.inputs(name)["volumes"]
        assert mount == {
            "volumeName": "kolla-t-mocks-keystone-keys",
            "containerPath": "/etc/keystone/keys",
            "readOnly": True,
        }


def test_a_rotation_of_keys_touches_no_container(usual: Program) -> None:
    after = program(rotations={"keystone_fernet_keys": 1, "keystone_credential_keys": 1})
    shown = {
        one.name
        for one in after.of_type(COMMAND)
        if usual.inputs(one.name)["environment"] != after.inputs(one.name)["environment"]
    }
    assert shown == {"keystone-keys-staged", "keystone-keys-promoted", "keystone-credentials"}


def test_a_rotated_database_password_comes_with_another_user() -> None:
    after = program(rotations={"keystone_database_password": 3})
    assert after.inputs("keystone-schema")["environment"]["USER"] == "keystone_3"
    assert after.inputs("keystone-users")["environment"]["USER"] == "keystone_3"
    (conf,) = [
        one["content"]
        for one in after.inputs("keystone-1")["uploads"]
        if one["file"].endswith("/keystone.conf")
    ]
    assert "mysql+pymysql://keystone_3:" in conf
    assert "/keystone?charset=utf8mb4" in conf


def test_what_needs_a_rotated_password_to_be_set_comes_after_it(usual: Program) -> None:
    """The administrator of the database, its user, the replicas, and only then the old users go."""
    names = [one.name for one in usual.of_type(COMMAND)]
    wanted = ["mariadb-administrator", "keystone-schema", "keystone-2-handover", "keystone-users"]
    assert sorted(names.index(name) for name in wanted) == [names.index(name) for name in wanted]


def test_a_handover_is_given_the_container_it_follows(usual: Program) -> None:
    for replica in (1, 2):
        stage = usual.specification(f"keystone-{replica}-handover")
        assert stage["container"] == f"id of keystone-{replica}"
        assert (stage["replica"], stage["backend"]) == (replica, "keystone")


def test_an_override_changes_the_files_of_keystone_alone() -> None:
    before = program()
    overrides = {"keystone.conf": {"token": {"expiration": 7200}}}
    after = program(secrets=before.secrets, services={"keystone": {"overrides": overrides}})
    every = [(one.name, one.typ) for one in after.resources]
    changed = {one[0] for one in every if before.inputs(*one) != after.inputs(*one)}
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


def test_a_component_says_where_its_dump_will_be_and_what_restores_it(usual: Program) -> None:
    """All that a report of a preview knows of it."""
    said = usual.inputs("keystone", "Keystone")
    assert "volume kolla-t-mocks-keystone-backups of host local" in said["does"]["backup"]
    assert "kolla-iac backup restore t-mocks keystone-..." in said["no_way_back"]["contract"]
