"""New replicas that do not come up: what is said, what serves on, and how one gets out of it."""

from __future__ import annotations

import re

from .probing import probing
from .support import Cloud, override


def _serving(cloud: Cloud) -> list[str]:
    """Replicas, of whatever generation, that HAProxy sends traffic to."""
    return sorted(name.rpartition("-")[0] for name, state in cloud.balanced().items() if state == "UP")


def test_a_broken_override_changes_nothing_and_mending_it_is_one_up(cloud: Cloud) -> None:
    before = cloud.ids("keystone")
    with probing(cloud) as probe:
        failed = cloud.up(override("DEFAULT", debug="perhaps"), fails=True)
        assert _serving(cloud) == sorted(before)
        mended = cloud.up(override("DEFAULT", insecure_debug="false"))
        cloud.whole()
    cloud.keep(override("DEFAULT", insecure_debug="false"))
    assert "handover keystone-1 failed" in failed.text, str(failed)
    assert "the container ends again and again" in failed.text, str(failed)
    assert re.search(r"wanted +a token issued and validated", failed.text), str(failed)
    assert "Invalid Boolean value: perhaps" in failed.text, f"the log's reason is missing:\n{failed}"
    assert re.search(r"serves on; nothing was taken from it", failed.text), str(failed)
    assert mended.counts["replaced"] >= 1, str(mended)
    probe.none_failed()


def test_a_second_replica_that_dies_is_named_and_going_back_is_one_up(cloud: Cloud) -> None:
    before = cloud.ids("keystone")
    with probing(cloud) as probe:
        running = cloud.start(override("token", expiration=3600))
        # Docker lists a container that is made and not yet started, and refuses to kill it
        running.until(lambda: [one.status for one in cloud.containers("keystone", 2)] == ["running"] * 2)
        (new,) = [one for one in cloud.containers("keystone", 2) if one.id not in before.values()]
        new.update(restart_policy={"Name": "no"})
        new.kill()
        status = running.join()
        old = cloud.ids("keystone")["keystone-2"]
        back = cloud.up()
        cloud.whole()
    failed = running.text
    assert status != 0, str(failed)
    assert "handover keystone-2 failed" in failed, failed
    assert "the container is exited (exit code 137) and nothing starts it again" in failed, str(failed)
    assert re.search(r"log +\S+", failed), str(failed)
    assert re.search(r"meanwhile +keystone-2-\w+.* serves on", failed), str(failed)
    assert old == before["keystone-2"]
    assert "keystone-verify" not in failed.partition("handover keystone-2 failed")[2], str(failed)
    assert back.changes > 0
    probe.none_failed()


def test_a_wrong_image_ends_before_a_container_is_touched(cloud: Cloud) -> None:
    before = cloud.ids()
    wrong = cloud.containers("memcached")[0].attrs["Config"]["Image"]
    with probing(cloud) as probe:
        failed = cloud.up({"services": {"keystone": {"image": wrong}}}, fails=True)
        assert {name: cloud.ids()[name] for name in before} == before
        back = cloud.up()
        cloud.whole()
    assert "job keystone-keys-staged failed" in failed.text, str(failed)
    assert re.search(r"/var/lib/kolla/venv/bin/python: No such file or directory", failed.text), str(failed)
    assert back.counts.get("replaced", 0) == 0, str(back)
    assert cloud.ids() == before
    probe.none_failed()
