"""The program that brings a host's keys to those of the settings, on real folders."""

from __future__ import annotations

import getpass
import os
import time
from pathlib import Path

import pytest

from kolla_iac.components.keystone import keys

DAY = 86_400
A, B, C = ("A" * 43 + "=", "B" * 43 + "=", "C" * 43 + "=")


@pytest.fixture(autouse=True)
def _user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "USER", getpass.getuser())


def there(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def read(folder: Path) -> list[str]:
    """As Keystone reads them, the one that signs first. Source: keystone.common.fernet_utils.load_keys."""
    found = {int(path.name): path.read_text() for path in folder.iterdir()}
    return [found[number] for number in sorted(found, reverse=True)]


def test_a_new_key_is_read_before_it_signs(tmp_path: Path) -> None:
    keys.promote(tmp_path, {1: A})
    said = keys.stage(tmp_path, {1: A, 2: B})
    assert there(tmp_path) == {"1": A, "-2": B}
    assert read(tmp_path) == [A, B]
    assert said == "1 new: readable, signing nothing yet"
    assert keys.promote(tmp_path, {1: A, 2: B}) == "2 signs; 2 are read"
    assert read(tmp_path)[0] == B
    keys.tidy(tmp_path, {1: A, 2: B})
    assert there(tmp_path) == {"1": A, "2": B}


def test_every_phase_may_run_again(tmp_path: Path) -> None:
    wanted = {1: A, 2: B}
    for phase in (keys.stage, keys.stage, keys.promote, keys.promote, keys.stage, keys.tidy, keys.tidy):
        phase(tmp_path, wanted)
    assert there(tmp_path) == {"1": A, "2": B}


def test_a_rotation_that_was_cut_off_is_followed_by_another(tmp_path: Path) -> None:
    """One host had promoted key 2, the other had only staged it; then the settings hold key 3."""
    one, other = tmp_path / "one", tmp_path / "other"
    for host in (one, other):
        host.mkdir()
        keys.promote(host, {1: A})
        keys.stage(host, {1: A, 2: B})
    keys.promote(one, {1: A, 2: B})
    wanted = {1: A, 2: B, 3: C}
    for phase in (keys.stage, keys.promote):
        for host in (one, other):
            signs = [read(each)[0] for each in (one, other)]
            assert all(key in read(each) for key in signs for each in (one, other))
            phase(host, wanted)
    signs = [read(each)[0] for each in (one, other)]
    assert signs == [C, C]


def test_an_old_key_goes_when_nothing_signed_by_it_can_live(tmp_path: Path) -> None:
    """The settings dropped key 1 at 3: 9 days after 2 was made, so tokens live 8 days at most; and 2 came here late."""
    now = round(time.time())
    first, second, third = now - 30 * DAY, now - 9 * DAY, now
    keys.promote(tmp_path, {first: A, second: B})
    keys.promote(tmp_path, {second: B, third: C})

    os.utime(tmp_path / str(second), (now - 7 * DAY, now - 7 * DAY))
    assert keys.tidy(tmp_path, {second: B, third: C}).startswith(f"{first} stays until ")
    assert str(first) in there(tmp_path)

    os.utime(tmp_path / str(second), (now - 8.1 * DAY, now - 8.1 * DAY))
    assert keys.tidy(tmp_path, {second: B, third: C}) == f"{first} goes"
    assert set(there(tmp_path)) == {str(second), str(third)}


def test_a_key_newer_than_the_settings_stays_and_signs(tmp_path: Path) -> None:
    """The settings were put back; what the newer key signed is still valid."""
    keys.promote(tmp_path, {1: A, 2: B})
    keys.stage(tmp_path, {1: A})
    assert "2 signs, a newer one than the settings hold" in keys.promote(tmp_path, {1: A})
    assert keys.tidy(tmp_path, {1: A}) == "nothing to take out"
    assert read(tmp_path) == [B, A]


@pytest.mark.parametrize("name", ["1", "-1"])
def test_another_key_of_the_same_number_is_never_written_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(A)
    with pytest.raises(SystemExit) as ended:
        keys.check(tmp_path, {1: B})
    assert "another key than the settings hold" in str(ended.value)
    assert A not in str(ended.value)
    assert B not in str(ended.value)
    assert there(tmp_path) == {name: A}


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "README").write_text("x")
    keys.promote(tmp_path, {1: A})
    keys.tidy(tmp_path, {1: A})
    assert set(there(tmp_path)) == {"README", "1"}


def test_only_its_user_reads_a_key(tmp_path: Path) -> None:
    keys.promote(tmp_path, {1: A})
    assert (tmp_path / "1").stat().st_mode & 0o777 == 0o600
