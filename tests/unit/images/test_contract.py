"""Kolla's user table and scripts, as its package has them."""

from __future__ import annotations

import pytest

from kolla_iac.errors import KollaError
from kolla_iac.images import contract


def test_the_table_has_kollas_numbers() -> None:
    table = {user.name: (user.uid, user.gid, user.group) for user in contract.users()}
    assert len(table) >= 80
    assert table["kolla"] == (42400, 42400, "kolla")
    assert table["keystone"] == (42425, 42425, "keystone")
    assert table["mysql"] == (42434, 42434, "mysql")
    assert table["hacluster"] == (42486, 42486, "haclient")


def test_no_number_twice() -> None:
    lines = [line.split(":") for line in contract.passwd().splitlines()]
    assert len({line[2] for line in lines}) == len(lines) == len(contract.users())
    groups = [line.split(":") for line in contract.group().splitlines()]
    assert len({line[2] for line in groups}) == len({line[0] for line in groups}) == len(groups)
    assert {line[3] for line in lines} == {line[2] for line in groups}


def test_scripts_come_from_the_package() -> None:
    assert contract.script("base/start.sh").startswith(b"#!/bin/bash")
    with pytest.raises(KollaError, match="has no file base/none"):
        contract.script("base/none")
