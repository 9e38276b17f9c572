"""The program that expands and contracts Keystone's schema, as far as the code of its image goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from kolla_iac.components.keystone.schema import known, verdict

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


def test_revisions_are_found_by_folder(tmp_path: Path) -> None:
    for branch in ("expand", "contract"):
        (tmp_path / "2025.02" / branch).mkdir(parents=True)
        file = tmp_path / "2025.02" / branch / f"{branch}_it.py"
        file.write_text(f'"""Of {branch}."""\n\nrevision = "of{branch}"\ndown_revision = "first"\n')
    (tmp_path / "first.py").write_text("revision = 'first'\ndown_revision = None\n")
    (tmp_path / "none.py").write_text("down_revision = 'x'\n")
    assert known(tmp_path) == {"first": "", "ofexpand": "expand", "ofcontract": "contract"}
