"""A job that must not run beside another release looks at every host itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kolla_iac.model.stage import JobStage
from kolla_iac.runtime.failure import StageFailed

from .runtime_support import Small, haproxy_image


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Small]:
    monkeypatch.setenv("KOLLA_IAC_HOME", str(tmp_path))
    environment = Small(haproxy_image())
    try:
        yield environment
    finally:
        environment.close()


def _contract(small: Small, **hosts: str) -> JobStage:
    about = small.about("api-contract")
    return JobStage(
        **{**about, "hosts": {**about["hosts"], **hosts}},
        host="here",
        image=small.image,
        command=("echo", "note: contracted"),
        network=small.name,
        only_release="new",
    )


def test_it_runs_where_all_are_of_its_release(small: Small) -> None:
    small.serve(1, "new")
    small.serve(2, "new")
    small.serve(1, "old", service="another")
    done = small.do(_contract(small))
    assert "no api of another release than new on here" in done
    assert "contracted" in done


@pytest.mark.parametrize("stopped", [False, True])
def test_it_does_not_run_beside_an_older_replica(small: Small, stopped: bool) -> None:
    small.serve(1, "new")
    old = small.serve(2, "old")
    if stopped:
        old.stop(timeout=0)
    with pytest.raises(StageFailed) as failed:
        small.do(_contract(small))
    assert f"{old.name} (old, {'exited' if stopped else 'running'}) on here" in str(failed.value)
    assert "contracted" not in "\n".join(small.lines)


def test_a_host_that_cannot_be_asked_is_not_safe(small: Small) -> None:
    small.serve(1, "new")
    with pytest.raises(StageFailed) as failed:
        small.do(_contract(small, away="tcp://127.0.0.1:9"))
    assert "not safe: host away cannot be asked whether an older api runs there" in str(failed.value)
    assert "contracted" not in "\n".join(small.lines)


@pytest.mark.parametrize("by", ["name", "id"])
def test_one_started_by_hand_counts_on_the_environments_network_alone(small: Small, by: str) -> None:
    small.client.images.get(small.image).tag("t-older/haproxy", small.name)
    older = f"t-older/haproxy:{small.name}"
    network = small.name if by == "name" else str(small.network.id)
    try:
        for where in ("none", network):
            one = small.client.containers.run(older, command=["sleep", "60"], network=where, detach=True)
            try:
                if where == "none":
                    assert "contracted" in small.do(_contract(small))
                else:
                    with pytest.raises(StageFailed, match=f"{one.name} .t-older/haproxy:.* on here"):
                        small.do(_contract(small))
            finally:
                one.remove(force=True)
    finally:
        small.client.images.remove(older)
