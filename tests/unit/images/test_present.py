"""What is said of an image that is there, and found again in what a stage has printed."""

from __future__ import annotations

import pytest

from kolla_iac.images import ensure
from kolla_iac.images.client import Daemon
from kolla_iac.images.ensure import present
from kolla_iac.model.present import Present, said
from kolla_iac.model.stage import ImagesStage
from kolla_iac.runtime.context import Context, Tools
from kolla_iac.runtime.hosts import Hosts

BUILT = "kolla-iac/keystone:2025.2-f53637f9fddf"
PULLED = "registry.example:5000/openstack.kolla/keystone:2025.2-debian-bookworm"
DIGEST = f"sha256:{'5' * 64}"
OTHER = f"registry.example/openstack.kolla/keystone@sha256:{'6' * 64}"


def answering(monkeypatch: pytest.MonkeyPatch, text: str) -> Daemon:
    """A daemon that has every image, and says this of each."""
    monkeypatch.setattr(Daemon, "run", lambda self, *words, timeout=0: text)
    return Daemon("unix:///nowhere")


@pytest.mark.parametrize(
    ("reference", "text", "digest"),
    [
        (BUILT, "412345678", ""),
        (PULLED, f"412345678 {OTHER} {PULLED.rpartition(':')[0]}@{DIGEST}", DIGEST),
        (f"{PULLED}@{DIGEST}", f"412345678 {PULLED.rpartition(':')[0]}@{DIGEST}", DIGEST),
        ("registry.example:5000/keystone", f"412345678 registry.example:5000/keystone@{DIGEST}", DIGEST),
        (PULLED, f"412345678 {OTHER}", ""),
    ],
    ids=["built", "pulled", "pinned", "no-tag", "other-registry"],
)
def test_size_and_digest_are_asked_of_the_host(
    reference: str, text: str, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert present(answering(monkeypatch, text), reference) == Present(reference, 412, digest)


def test_what_the_stage_prints_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, f"412345678 {PULLED.rpartition(':')[0]}@{DIGEST}")
    stage = ImagesStage(
        name="image-keystone",
        environment="dev",
        service="images",
        release="2025.2",
        hosts={"a": "unix:///a", "b": "unix:///b"},
        images={"keystone": PULLED},
        source="registry",
    )
    printed: list[str] = []
    tools = Tools(render=lambda config, slots: "", describe=lambda config: "", beside=dict, images=ensure)
    context = Context(Hosts({}), tools, printed.append)
    context.tools.images(stage, context.say)
    assert said("\n".join(printed)) == (Present(PULLED, 412, DIGEST),)


@pytest.mark.parametrize(
    "text", ["", "None", "keystone  k:1 is there", "k:1  many MB  is there", "k:1  1 MB  is there not"]
)
def test_nothing_is_found_in_what_earlier_versions_printed(text: str) -> None:
    assert said(text) == ()
