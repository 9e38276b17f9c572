"""From what packages say to what becomes of options."""

from __future__ import annotations

from typing import Any

from tools.options.fates import fates


def _option(deprecated: bool = False, reason: str = "", earlier: Any = ()) -> Any:
    return {"deprecated": deprecated, "reason": reason, "earlier": list(earlier)}


def test_renamed_deprecated_and_removed_options() -> None:
    old = {
        "cache": {"timeout": _option(), "kept": _option()},
        "DEFAULT": {"watch": _option(deprecated=True, reason="broken")},
    }
    new = {"cache": {"socket_timeout": _option(earlier=[["cache", "timeout"]]), "kept": _option()}}
    assert fates({"1": old, "2": new}) == {
        "1": {"deprecated": {"DEFAULT": {"watch": {"reason": "broken"}}}, "removed": {}},
        "2": {
            "deprecated": {"cache": {"timeout": {"successor": "[cache] socket_timeout"}}},
            "removed": {"DEFAULT": {"watch": {"reason": "broken"}}},
        },
    }


def test_an_old_name_that_is_not_read_any_more_is_gone_and_its_successor_still_known() -> None:
    old = {"a": {"new": _option(earlier=[["a", "old"]])}}
    new = {"a": {"new": _option()}}
    assert fates({"1": old, "2": new})["2"]["removed"] == {"a": {"old": {"successor": "[a] new"}}}


def test_what_is_gone_once_stays_gone() -> None:
    there, none = {"a": {"b": _option(), "c": _option()}}, {"a": {"c": _option()}}
    assert fates({"1": there, "2": none, "3": none})["3"]["removed"] == {"a": {"b": {}}}
