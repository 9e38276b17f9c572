"""Locks: a hash for every line that is installed, no address, and the versions that the release means."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kolla_iac.errors import KollaError
from kolla_iac.images.locks import HEADER, lock, lockable
from kolla_iac.images.recipe import HERE, folder, locked_releases
from kolla_iac.model.releases import RELEASES

LOCKS = [HERE / "build.lock", *(folder(image) / f"{r}.lock" for image in lockable() for r in RELEASES)]
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
PINNED = re.compile(r"[a-z0-9][a-z0-9._-]*==[0-9][^ ]*( ; [^\\]+)? \\")


@pytest.mark.parametrize("file", LOCKS, ids=lambda file: f"{file.parent.parent.name}-{file.stem}")
def test_every_line_is_a_pin_or_its_hash(file: Path) -> None:
    text = file.read_text()
    assert text.startswith(HEADER)
    lines = text.removeprefix(HEADER).splitlines()
    assert lines
    odd = [line for line in lines if not HASH.fullmatch(line) and not PINNED.fullmatch(line)]
    assert odd == []
    unhashed = [
        line
        for line, following in zip(lines, [*lines[1:], ""], strict=True)
        if PINNED.fullmatch(line) and not HASH.fullmatch(following)
    ]
    assert unhashed == []


@pytest.mark.parametrize("release", RELEASES)
def test_the_release_decides_the_version(release: str) -> None:
    text = (folder("keystone") / f"{release}.lock").read_text()
    assert re.search(rf"^keystone=={re.escape(RELEASES[release].versions['keystone'])} ", text, re.M)


def test_every_release_is_locked_for_every_image_that_has_locks() -> None:
    assert {image: locked_releases(image) for image in lockable()} == {
        image: tuple(sorted(RELEASES)) for image in lockable()
    }


def test_no_test_tools_in_an_image() -> None:
    for file in LOCKS:
        assert not re.search(r"^(testtools|testresources|testscenarios|fixtures)==", file.read_text(), re.M)


def test_constraints_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(KollaError, match="no constraints file"):
        lock("keystone", "2025.2", tmp_path / "none.txt")
    with pytest.raises(KollaError, match=r"unknown release 1\.0[\s\S]*2025\.2"):
        lock("keystone", "1.0", tmp_path / "none.txt")
