"""References: known without building, moved by every input, and by nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import kolla_iac
from kolla_iac.errors import KollaError
from kolla_iac.images import contract, recipe, reference, references
from kolla_iac.model.environment import load_environment
from kolla_iac.model.images import ImagesSettings
from kolla_iac.model.releases import RELEASES

TREE = Path(kolla_iac.__file__).resolve().parent
ASK = """
import sys
from kolla_iac.images.recipe import images, recipe
for name in ["base", *sorted(images())]:
    print(recipe(name, sys.argv[1]).reference)
"""


def here(release: str = "2025.2") -> list[str]:
    return [recipe.recipe(name, release).reference for name in ["base", *sorted(recipe.images())]]


def asked(tree: Path, release: str = "2025.2") -> list[str]:
    """References as a tree elsewhere gives them, in a process of another umask, home and locale."""
    done = subprocess.run(
        [sys.executable, "-c", ASK, release],
        env={
            "PYTHONPATH": str(tree),
            "HOME": str(tree),
            "USER": "somebody",
            "LC_ALL": "C",
            "PATH": "/usr/bin",
        },
        cwd=tree,
        umask=0o077,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.split()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A second checkout."""
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(TREE, tmp_path / "kolla_iac", ignore=skip)
    for folder, _, files in os.walk(tmp_path):
        for file in files:
            (Path(folder) / file).chmod(0o600)
    return tmp_path


def test_the_same_in_another_checkout_as_another_user(tree: Path) -> None:
    assert asked(tree) == here()


def test_readable() -> None:
    text = reference("keystone", "2025.2", ImagesSettings())
    name, tag = text.split(":")
    release, digest = tag.split("-")
    assert (name, release, len(digest)) == ("kolla-iac/keystone", "2025.2", 12)
    assert int(digest, 16) > 0


def test_only_what_depends_on_the_release_names_it() -> None:
    changed = [
        image
        for image in recipe.images()
        if len({reference(image, r, ImagesSettings()) for r in RELEASES}) > 1
    ]
    assert changed == ["keystone"]
    assert "2025.2" not in reference("haproxy", "2025.2", ImagesSettings())


EVERYTHING = ["base", "haproxy", "keystone", "mariadb-server", "memcached"]


@pytest.mark.parametrize(
    ("file", "moved"),
    [
        ("images/base/slim.sh", EVERYTHING),
        ("images/base/Dockerfile.j2", EVERYTHING),
        ("images/base/apt.conf", EVERYTHING),
        ("images/venv.sh", ["keystone"]),
        ("images/build.lock", ["keystone"]),
        ("components/keystone/image/2025.2.lock", ["keystone"]),
        ("components/keystone/image/Dockerfile.j2", ["keystone"]),
        ("components/mariadb/image/Dockerfile.j2", ["mariadb-server"]),
        ("components/keystone/image/2026.1.lock", []),
        ("components/keystone/image/requirements.in", []),
        ("components/keystone/component.py", []),
    ],
)
def test_moved_by_its_inputs_alone(tree: Path, file: str, moved: list[str]) -> None:
    before = asked(tree)
    with (tree / "kolla_iac" / file).open("a") as text:
        text.write("\n# changed\n")
    after = asked(tree)
    assert [name for name, a, b in zip(EVERYTHING, before, after, strict=True) if a != b] == moved


def test_a_new_file_beside_a_recipe_moves_it(tree: Path) -> None:
    before = asked(tree)
    (tree / "kolla_iac/components/memcached/image/motd").write_text("hello\n")
    after = asked(tree)
    assert [name for name, a, b in zip(EVERYTHING, before, after, strict=True) if a != b] == ["memcached"]


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(recipe, "recipe", recipe.recipe.__wrapped__)
    return monkeypatch


def test_moved_by_kollas_files_and_version(fresh: pytest.MonkeyPatch) -> None:
    before = recipe.recipe("keystone", "2025.2").reference
    real = contract.script
    fresh.setattr(contract, "script", lambda path: real(path) + b"\n# patched\n")
    patched = recipe.recipe("keystone", "2025.2").reference
    fresh.setattr(contract, "script", real)
    fresh.setattr(contract, "kolla_version", lambda: "99.0.0")
    newer = recipe.recipe("keystone", "2025.2").reference
    assert len({before, patched, newer}) == 3


def test_moved_by_the_user_table(fresh: pytest.MonkeyPatch) -> None:
    before = recipe.recipe("memcached", "2025.2").reference
    fresh.setattr(contract, "users", lambda: (contract.User("memcached", 42457, "memcached", 42457),))
    assert recipe.recipe("memcached", "2025.2").reference != before


def test_published_ones_by_tag_and_by_digest() -> None:
    digest = "sha256:" + "a" * 64
    quay = ImagesSettings(source="registry", registry="quay.io", digests={"haproxy": digest})
    assert reference("keystone", "2025.2", quay) == "quay.io/openstack.kolla/keystone:2025.2-debian-bookworm"
    assert reference("keystone", "2026.1", quay) == "quay.io/openstack.kolla/keystone:2026.1-debian-trixie"
    assert (
        reference("haproxy", "2026.1", quay)
        == f"quay.io/openstack.kolla/haproxy:2026.1-debian-trixie@{digest}"
    )
    mine = ImagesSettings(
        source="registry", registry="registry.example:5000/cloud", namespace="kolla", tag="7"
    )
    assert reference("keystone", "2025.2", mine) == "registry.example:5000/cloud/kolla/keystone:7"


def test_an_environment_names_the_images_of_its_enabled_services() -> None:
    own = {"release": "2025.2", "services": {"memcached": {"image": "registry.example/memcached:1"}}}
    wanted = references(load_environment(own, "test"))
    assert sorted(wanted) == EVERYTHING[1:]
    assert wanted["memcached"] == "registry.example/memcached:1"
    assert wanted["keystone"] == reference("keystone", "2025.2", ImagesSettings())


def test_unknown_image_and_release_say_what_there_is() -> None:
    with pytest.raises(KollaError, match=r"no recipe for the image nova[\s\S]*keystone"):
        reference("nova", "2025.2", ImagesSettings())
    with pytest.raises(KollaError, match=r"no lock for 2024\.2[\s\S]*2025\.2, 2026\.1"):
        reference("keystone", "2024.2", ImagesSettings())


def test_a_recipe_that_asks_for_what_kolla_does_not_have(tree: Path) -> None:
    file = tree / "kolla_iac/components/memcached/image/Dockerfile.j2"
    file.write_text(file.read_text() + "COPY {{ kolla('memcached/no.sh') }} /\n")
    with pytest.raises(subprocess.CalledProcessError) as failure:
        asked(tree)
    assert "has no file memcached/no.sh" in failure.value.stderr
