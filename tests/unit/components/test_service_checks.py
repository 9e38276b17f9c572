"""What the services' checks conclude from what they are told inside containers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kolla_iac.components.keystone import checks as keystone
from kolla_iac.components.keystone import inside
from kolla_iac.components.loadbalancer import checks as balancer
from kolla_iac.components.mariadb import checks as mariadb
from kolla_iac.model.balancer import Backend, BalancerConfig
from kolla_iac.model.environment import load_environment
from kolla_iac.render.haproxy import render
from kolla_iac.runtime.checks import Bounds, Look
from kolla_iac.runtime.containers import Found

NOW = datetime(2026, 5, 4, 3, 10, tzinfo=UTC)
FERNET = "/etc/keystone/keys/fernet"
VOLUME = {"Destination": "/etc/keystone/keys", "Name": "kolla-dev-keystone-keys", "RW": False}


def look(*found: Found, **silent: str) -> Look:
    settings = load_environment({"release": "2025.2"}, "the test")
    return Look("dev", settings, {}, silent, found, Bounds(), NOW)


def replica(number: int, *mounts: dict[str, Any], service: str = "keystone") -> Found:
    labels = {"kolla_iac.service": service, "kolla_iac.replica": str(number)}
    attrs = {"Mounts": list(mounts), "Config": {"Image": "kolla-iac/keystone:1"}}
    one: Any = SimpleNamespace(
        name=f"{service}-{number}-a", id=str(number), status="running", labels=labels, attrs=attrs
    )
    return Found("local", one, one)


# keystone: keys


def keys(mode: int = 0o700, age_days: float = 1, **prints: str) -> dict[str, Any]:
    """A folder; ``k1="x"`` is the key 1 with the fingerprint x, ``m3`` the key -3."""
    written = (NOW - timedelta(days=age_days)).timestamp()
    return {
        "path": FERNET,
        "mode": mode,
        "keys": {
            name.replace("k", "").replace("m", "-"): {"print": text, "mode": 0o600, "written": written}
            for name, text in prints.items()
        },
    }


def differing(*mounts: dict[str, Any], **sets: dict[str, Any]) -> list[tuple[str, str]]:
    replicas = {name: replica(int(name[1:]), *mounts) for name in sets}
    told = keystone.differing("fernet", sets, replicas, look())
    return [(one.saw, one.mend) for one in told]


def test_keys_that_are_only_staged_may_differ() -> None:
    assert differing(r1=keys(k0="a", k1="x"), r2=keys(k0="b", k1="x", m3="c")) == []


def test_where_two_differ_both_are_in_doubt() -> None:
    ((saw, mend),) = differing(r1=keys(k0="a", k1="x"), r2=keys(k0="a", k1="y"))
    assert saw == "fernet keys: r1, r2 differ in 1; what one signs, others refuse"
    assert mend == "pulumi up --replace '**::keystone-1' --replace '**::keystone-2' --stack dev"


def test_what_most_have_is_right() -> None:
    ((saw, mend),) = differing(r1=keys(k1="x", k2="z"), r2=keys(k1="x"), r3=keys(k1="x", k2="z"))
    assert saw.startswith("fernet keys: r2 differ in 2;")
    assert mend == "pulumi up --replace '**::keystone-2' --stack dev"


def test_keys_on_volumes_are_brought_back_by_the_stages_that_write_them() -> None:
    ((_, mend),) = differing(VOLUME, r1=keys(k1="x"), r2=keys(k1="y"))
    wanted = "--replace '**::keystone-keys-staged' --replace '**::keystone-keys-promoted'"
    assert mend == f"pulumi up {wanted} --stack dev"


@pytest.mark.parametrize(
    ("folder", "saw"),
    [
        (keys(k0="a", k1="x"), []),
        (keys(k0="a"), [f"{FERNET} has no key that signs: it can issue nothing"]),
        (keys(), [f"{FERNET} has no key that signs: it can issue nothing"]),
        (keys(0o755, k1="x"), [f"others may read {FERNET} (mode 0755)"]),
    ],
)
def test_a_replica_has_a_key_that_signs_which_nobody_else_reads(folder: Any, saw: list[str]) -> None:
    assert [one.saw for one in keystone.sound(folder, replica(1), look())] == saw


def test_a_mode_is_set_in_the_replica_or_where_the_volume_may_be_written() -> None:
    path = f"{FERNET}/1"
    assert keystone.as_root("chmod 0600", path, replica(1), look()) == (
        f"docker exec --user root keystone-1-a chmod 0600 {path}"
    )
    assert keystone.as_root("chmod 0600", path, replica(1, VOLUME), look()) == (
        "docker run --rm --user root --entrypoint chmod --volume kolla-dev-keystone-keys:/keys "
        "kolla-iac/keystone:1 0600 /keys/fernet/1"
    )


@pytest.mark.parametrize(("days", "told"), [(89, 0), (91, 1)])
def test_the_age_that_counts_is_that_of_the_key_that_signs(days: float, told: int) -> None:
    folder = keys(age_days=days, k0="a", k2="x", m3="c")
    assert keystone.primary(folder) == 2
    found = list(keystone.old("fernet", keystone.age(folder, look()), look()))
    assert len(found) == told
    assert all(one.mend.startswith("kolla-iac secrets rotate dev fernet") for one in found)


@pytest.mark.parametrize(
    "named", [True, False], ids=["as the configuration says", "where Keystone looks else"]
)
def test_no_key_leaves_the_replica(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool) -> None:
    monkeypatch.setattr(inside, "CONFIG", tmp_path / "keystone.conf")
    folder = tmp_path / "there" / "fernet" if named else tmp_path / "fernet-keys"
    folder.mkdir(mode=0o700, parents=True)
    if named:
        inside.CONFIG.write_text(f"[fernet_tokens]\nkey_repository = {folder}/\n")
    for name in ("0", "1", "-2", "notes"):
        (folder / name).write_text(f"the secret key {name}\n")
    said = inside.main({"look": "keys"})
    assert "secret" not in json.dumps(said)
    assert said["credential"]["keys"] == {}
    assert said["fernet"]["path"] == str(folder)
    assert said["fernet"]["keys"].keys() == {"0", "1", "-2"}
    prints = {one["print"] for one in said["fernet"]["keys"].values()}
    assert len(prints) == 3 and all(len(one) == 12 for one in prints)
    (folder / "1").write_text("the secret key 1")
    assert inside.key(folder / "1")["print"] in prints, "a line end is no part of a key"


def test_a_schema_that_cannot_be_seen_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "CONFIG", tmp_path / "keystone.conf")
    assert "trouble" in inside.main({"look": "schema"})


@pytest.mark.parametrize(
    ("seen", "mend"),
    [
        (["a", "b"], None),
        (
            ["a", "old"],
            "pulumi up --replace '**::keystone-expand' --replace '**::keystone-contract' --stack dev",
        ),
        (["a", "new"], "the release that made it, in Pulumi.dev.yaml; then: pulumi up --stack dev"),
    ],
)
def test_a_schema_behind_is_migrated_and_one_ahead_is_not(
    monkeypatch: pytest.MonkeyPatch, seen: list[str], mend: str | None
) -> None:
    answer = {"seen": seen, "wanted": ["a", "b"], "known": ["a", "b", "old"]}
    monkeypatch.setattr(keystone, "ask", lambda found, what: answer)
    one = replica(1)
    one.labels["kolla_iac.release"] = "2025.2"  # type: ignore[index]
    told = [getattr(said, "mend", None) for said in keystone.Schema().run(look(one))]
    assert told == [mend]


# load balancer

CONFIG = BalancerConfig(backends=(Backend(name="keystone", port=5000, slots=3),))
SLOTS = {"keystone": {"s1": "keystone-1-a", "s2": "keystone-2-a"}}
TEXT = render(CONFIG, SLOTS)


def running(**slots: tuple[str, bool]) -> list[dict[str, Any]]:
    return [
        {"backend": "keystone", "slot": slot, "container": name, "open": is_open}
        for slot, (name, is_open) in slots.items()
    ]


RUNS = running(s1=("keystone-1-a", True), s2=("keystone-2-a", True))


def differences(
    slots: Mapping[str, Mapping[str, str]] = SLOTS, text: str = TEXT, runs: list[dict[str, Any]] = RUNS
) -> dict[str, str]:
    listed, written = balancer.of_file(json.dumps(slots)), balancer.of_text(text)
    return {slot: saw for (_, slot), saw in balancer.differences(listed, written, runs).items()}


def test_slots_that_agree_in_all_places_are_no_finding() -> None:
    assert differences() == {}
    left = running(s1=("keystone-1-a", True), s2=("keystone-2-a", True), s3=("keystone-1-old", False))
    assert differences(runs=left) == {}, "a slot that was closed keeps the name of the one before"


@pytest.mark.parametrize(
    ("change", "saw"),
    [
        (
            {"runs": running(s1=("keystone-1-a", False), s2=("keystone-2-a", True))},
            "slots.json says keystone-1-a, its configuration keystone-1-a, the running worker closed",
        ),
        (
            {"runs": running(s1=("other", True), s2=("keystone-2-a", True))},
            "slots.json says keystone-1-a, its configuration keystone-1-a, the running worker other",
        ),
        (
            {"slots": {"keystone": {"s2": "keystone-2-a"}}},
            "slots.json says nothing, its configuration keystone-1-a, the running worker keystone-1-a",
        ),
        (
            {"text": render(CONFIG, {"keystone": {"s2": "keystone-2-a"}})},
            "slots.json says keystone-1-a, its configuration nothing, the running worker keystone-1-a",
        ),
    ],
)
def test_each_place_is_held_against_the_others(change: dict[str, Any], saw: str) -> None:
    assert differences(**change) == {"s1": saw}


def test_slots_of_nobody_and_replicas_without_a_slot() -> None:
    seen = look(replica(1), replica(2))
    slots = {("keystone", "s1"): "keystone-1-a", ("keystone", "s4"): "gone"}
    told = {one.severity: one.saw for one in balancer.strangers("lb", slots, seen)}
    assert told == {
        "warning": "keystone/s4 holds gone, which is not there",
        "error": "keystone-2-a stands in no slot: it gets no requests",
    }
    away = look(replica(1), replica(2), b="refused")
    assert [one.severity for one in balancer.strangers("lb", slots, away)] == ["error"], (
        "it may stand on host b"
    )


def test_a_configuration_that_nobody_serves() -> None:
    one = replica(1, service="loadbalancer")
    seen = {"text": TEXT, "description": "cloud-other"}
    (told,) = balancer.reloads("lb", seen, look(one), one)
    assert told.mend == "docker exec --user root loadbalancer-1-a pkill -USR2 -o -x haproxy"
    description = TEXT.split("description ")[1].split()[0]
    assert list(balancer.reloads("lb", {"text": TEXT, "description": description}, look(one), one)) == []


# mariadb


def test_how_long_a_start_took_is_read_from_the_log() -> None:
    began = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
    log = (
        "2026-05-04T03:00:01.000000000Z Note InnoDB: Starting crash recovery from checkpoint LSN=1\n"
        "2026-05-04T03:01:30.000000000Z Note /usr/sbin/mariadbd: ready for connections.\n"
    )
    assert mariadb.seconds_to_start(log, began) == 90
    assert mariadb.seconds_to_start("2026-05-04T03:00:01.000000000Z Note starting\n", began) is None


@pytest.mark.parametrize(("ready", "findings"), [("03:00:59", 0), ("03:01:30", 1)])
def test_a_slow_start_is_a_finding_and_a_recovery_is_told(ready: str, findings: int) -> None:
    log = (
        "2026-05-04T03:00:01.000000000Z Note InnoDB: Starting crash recovery from checkpoint LSN=1\n"
        f"2026-05-04T{ready}.000000000Z Note mariadbd: ready for connections.\n"
    )
    one = replica(1, service="mariadb")
    one.container.attrs["State"] = {"StartedAt": "2026-05-04T03:00:00.000000000Z"}
    one.container.logs = lambda **_: log.encode()  # type: ignore[method-assign]
    fact, *told = mariadb.SlowStart().run(look(one))
    assert "after a crash" in str(fact)
    assert len(told) == findings


def answers(monkeypatch: pytest.MonkeyPatch, *rows: list[list[str]]) -> None:
    told = iter(rows)
    monkeypatch.setattr(mariadb, "ask", lambda found, sql: next(told))


def saw(check: Any, *found: Found) -> list[str]:
    return [one.saw for one in check.run(look(*found)) if hasattr(one, "saw")]


def test_connections_that_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    one = replica(1, service="mariadb")
    answers(monkeypatch, [["11.8", "0", "500"], ["Threads_connected", "426"]])
    assert saw(mariadb.Server(), one) == ["426 of 500 connections are in use; further ones are refused"]
    answers(monkeypatch, [["11.8", "0", "500"], ["Threads_connected", "424"]])
    assert saw(mariadb.Server(), one) == []


def test_binary_logs_that_are_off_or_take_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    one = replica(1, service="mariadb")
    answers(monkeypatch, [["0", "604800"]])
    assert saw(mariadb.BinaryLog(), one) == ["logs no changes: nothing can be restored to a moment"]
    answers(monkeypatch, [["1", "604800"]], [["member-bin.000001", "11000000000"]])
    assert saw(mariadb.BinaryLog(), one) == ["binary logs take 11.0 GB"]


def test_a_server_that_does_not_answer_has_not_been_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    from kolla_iac.runtime.checks import CannotLook
    from kolla_iac.runtime.execute import Result

    refused = Result(1, "", "ERROR 2002 (HY000): Can't connect to local server")
    monkeypatch.setattr(mariadb, "run", lambda *_, **__: refused)
    with pytest.raises(CannotLook, match="does not answer"):
        list(mariadb.Server().run(look(replica(1, service="mariadb"))))
