"""More replicas and fewer."""

from .probing import probing
from .support import Cloud


def _replicas(number: int) -> dict[str, object]:
    return {"services": {"keystone": {"replicas": number}}}


def test_two_to_three_to_one_fails_nothing(cloud: Cloud) -> None:
    before = cloud.ids("keystone")
    with probing(cloud) as probe:
        cloud.up(_replicas(3))
        three = cloud.ids("keystone")
        assert {name: three[name] for name in before} == before
        assert set(three) == {"keystone-1", "keystone-2", "keystone-3"}
        assert list(cloud.balanced().values()) == ["UP"] * 3
        cloud.up(_replicas(1))
        one = cloud.ids("keystone")
        assert one == {"keystone-1": before["keystone-1"]}
        assert list(cloud.balanced().values()) == ["UP"]
    probe.none_failed()
    cloud.up()
    cloud.whole()
