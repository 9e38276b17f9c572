"""Two environments at once; one of them down, up again with its data, and gone."""

from __future__ import annotations

from .probing import probing
from .support import Cloud


def test_down_leaves_the_other_alone_and_up_finds_the_data(cloud: Cloud, beside: Cloud) -> None:
    before = cloud.ids()
    with probing(cloud, rate=10, slow_seconds=0) as probe:
        beside.openstack("user", "create", "--domain", "default", "somebody")

        down = beside.kolla("down")
        assert beside.containers() == []
        assert beside.docker.networks.list(filters={"label": f"kolla_iac.environment={beside.name}"}) == []
        assert "The data is kept" in down.text

        beside.kolla("up")
        beside.whole()
        # not looked for in a list, which Keystone cuts at 1,000
        assert "somebody" in beside.openstack("user", "show", "--domain", "default", "somebody").text
    assert cloud.ids() == before
    probe.none_failed()
    assert "somebody" not in cloud.openstack("user", "list").text

    asked = beside.kolla("purge", fails=True, stdin="no\n")
    assert "nothing was touched" in asked.text
    beside.whole()
    beside.kolla("purge", stdin=f"{beside.name}\n")
    assert beside.containers() == []
    left = beside.docker.volumes.list(filters={"label": f"kolla_iac.environment={beside.name}"})
    assert left == []
    assert cloud.ids() == before
