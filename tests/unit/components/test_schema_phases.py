"""The program that expands and contracts Keystone's schema, as far as the code of its image goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kolla_iac.components.keystone.schema import known, objection, verdict
from kolla_iac.components.keystone.stages import schema_files

BRANCHES = {"27e647": "", "29e87d": "expand", "471471": "expand", "e25ffa": "contract", "c88cdc": "contract"}
"""As of keystone 28.1.0, in short."""


@pytest.mark.parametrize(
    ("at", "found"),
    [
        ([], "run"),
        (["27e647"], "run"),
        (["471471", "c88cdc"], "run"),
        (["29e87d"], "run"),
        (["742c85", "c88cdc"], "ahead"),
        (["742c85"], "ahead"),
        (["742c85", "aaaaaa"], "beyond"),
        (["471471", "aaaaaa"], "beyond"),
    ],
)
def test_what_to_do_with_a_schema(at: list[str], found: str) -> None:
    assert verdict(at, BRANCHES) == found


@pytest.mark.parametrize(
    ("record", "series", "why"),
    [
        ({}, "2026.1", ""),
        ({"expand": "2025.2", "contract": "2025.2"}, "2025.2", ""),
        ({"expand": "2025.2", "contract": "2025.2"}, "2026.1", ""),
        ({"expand": "2026.1", "contract": "2025.2"}, "2026.1", ""),
        ({"expand": "2026.1", "contract": "2025.2"}, "2025.2", ""),
        ({"expand": "2025.2"}, "2026.1", ""),
        (
            {"expand": "2026.1", "contract": "2026.1"},
            "2025.2",
            "no step leads down from 2026.1 to 2025.2; stay on 2026.1, or go on to a later series",
        ),
        (
            {"expand": "2024.2", "contract": "2024.2"},
            "2026.1",
            "no step leads from 2024.2 to 2026.1; first 2025.1, then 2026.1",
        ),
        (
            {"expand": "2025.2", "contract": "2025.1"},
            "2026.1",
            "an upgrade from 2025.1 to 2025.2 is half done; 2025.2 completes it, 2025.1 goes back",
        ),
    ],
)
def test_who_may_expand_a_schema_that_others_worked_on(record: dict[str, str], series: str, why: str) -> None:
    (orders,) = [json.loads(file.content) for file in schema_files(series) if file.dest.endswith(".json")]
    assert orders["series"] == series
    assert objection(record, series, orders["no_step"]) == why


def test_revisions_are_found_by_folder(tmp_path: Path) -> None:
    for branch in ("expand", "contract"):
        (tmp_path / "2025.02" / branch).mkdir(parents=True)
        file = tmp_path / "2025.02" / branch / f"{branch}_it.py"
        file.write_text(f'"""Of {branch}."""\n\nrevision = "of{branch}"\ndown_revision = "first"\n')
    (tmp_path / "first.py").write_text("revision = 'first'\ndown_revision = None\n")
    (tmp_path / "none.py").write_text("down_revision = 'x'\n")
    assert known(tmp_path) == {"first": "", "ofexpand": "expand", "ofcontract": "contract"}
