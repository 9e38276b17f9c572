"""What may go: neither meant, nor used, nor beneath one that is."""

from __future__ import annotations

from kolla_iac.images.prune import Found, superfluous
from kolla_iac.images.recipe import ROOTFS

OLD_BASE = Found("kolla-iac/base:1", 134, ("a",))
BASE = Found("kolla-iac/base:2", 134, ("b",))
OLD = Found("kolla-iac/keystone:2025.2-1", 256, ("a", "k1"))
NEW = Found("kolla-iac/keystone:2025.2-2", 256, ("b", "k2"))
DISTRIBUTION = Found(ROOTFS, 120, ("r",))
ALL = [OLD_BASE, BASE, OLD, NEW, DISTRIBUTION]


def test_what_stands_beneath_a_kept_one_stays() -> None:
    assert superfluous(ALL, {NEW.reference}) == [OLD_BASE, OLD]


def test_everything_goes_when_nothing_is_meant() -> None:
    assert superfluous(ALL, {"registry.example/other:1"}) == ALL


def test_nothing_goes_when_all_are_meant() -> None:
    assert superfluous(ALL, {OLD.reference, NEW.reference}) == []
