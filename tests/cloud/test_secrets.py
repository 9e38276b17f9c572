"""The planted secrets, looked for everywhere but in the files where containers need them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable

import pytest

from .conftest import First
from .support import Cloud, merged, override

EVERYTHING = merged(
    override("token", expiration=1234),
    {
        "services": {
            "keystone": {"workers": 3},
            "mariadb": {"buffer_pool": 80},
            "memcached": {"memory": 80},
        }
    },
)
"""A change that would replace the containers whose files hold secrets."""


def _none(first: First, where: str, text: str, least: int) -> None:
    """None of the planted strings is in the text, which is the one that was meant to be looked at."""
    assert len(text) > least, f"{where} is too short to be it: {text[:300]}"
    for number, needle in enumerate(first.needles):
        at = text.find(needle)
        context = text[max(0, at - 300) : at].replace("\n", "\n    ")
        assert at < 0, f"planted secret {number} is in {where}, after:\n    {context}"


def test_in_no_exported_state(cloud: Cloud, first: First) -> None:
    _none(first, "the exported state", cloud.pulumi("stack", "export").text, 20_000)
    written = [path for path in (cloud.home.data / "state").rglob("*") if path.is_file()]
    _none(first, "the state's files", "".join(path.read_text(errors="replace") for path in written), 20_000)


def test_in_no_preview(cloud: Cloud, first: First) -> None:
    data = json.dumps(cloud.previewed(EVERYTHING))
    _none(first, "preview --json", data, 20_000)
    assert data.count('"op": "replace"') >= 2, data
    _none(first, "preview --diff", cloud.pulumi("preview", "--diff").text, 1_000)


def test_in_no_output_of_a_command(cloud: Cloud, first: First) -> None:
    _none(first, "what `kolla-iac up` printed", first.up.text, 2_000)
    _none(first, "what commands have printed until now", "".join(cloud.said), 2_000)
    timeline = (cloud.home.data / "timeline" / f"{cloud.name}.jsonl").read_text()
    _none(first, "the timeline", timeline, 1_000)


def test_in_no_argument_of_a_process(first: First) -> None:
    seen = first.arguments
    assert {"kolla-iac", "pulumi"} <= seen.processes | {"kolla-iac"}, seen.processes
    assert seen.looks > 30, "too few looks to have seen anything"
    assert seen.processes & {"mariadbd", "uwsgi", "memcached"}, seen.processes
    assert seen.found == []


def test_in_no_inspection_and_no_log(cloud: Cloud, first: First) -> None:
    containers = cloud.containers()
    assert len(containers) == 6
    _none(first, "docker inspect", json.dumps([one.attrs for one in containers]), 10_000)
    _none(
        first, "the containers' logs", "".join(one.logs().decode(errors="replace") for one in containers), 500
    )
    _none(first, "arguments in containers", "".join(str(one.top()) for one in containers), 500)


def test_in_no_history_of_an_image(cloud: Cloud, first: First) -> None:
    images = sorted({one.attrs["Config"]["Image"] for one in cloud.containers()})
    told = [json.dumps(cloud.docker.images.get(name).history()) for name in images]
    kept = [json.dumps(cloud.docker.images.get(name).attrs) for name in images]
    _none(first, "the images' history and configuration", "".join(told + kept), 2_000)


@pytest.mark.long
def test_in_no_layer_of_an_image(cloud: Cloud, first: First) -> None:
    images = sorted({one.attrs["Config"]["Image"] for one in cloud.containers()})
    needles = [needle.encode() for needle in first.needles]
    looked = 0
    with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saved:
        assert saved.stdout is not None
        for piece in _overlapping(iter(lambda: saved.stdout.read(1 << 22), b"")):
            looked += len(piece)
            assert not any(needle in piece for needle in needles)
    assert saved.returncode == 0
    assert looked > 300_000_000, f"{looked} bytes are too few to be {images}"


def _overlapping(pieces: Iterable[bytes], overlap: int = 200) -> Iterable[bytes]:
    last = b""
    for piece in pieces:
        yield last + piece
        last = piece[-overlap:]
