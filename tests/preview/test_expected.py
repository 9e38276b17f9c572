"""Recorded previews of real situations, and what is said of them in each format."""

from __future__ import annotations

from pathlib import Path

import pytest

from .expected import EXPECTED, RECORDED, rendered


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda path: path.stem)
def test_a_situation_reads_as_expected(recorded: Path) -> None:
    for ending, text in rendered(recorded).items():
        wanted = (EXPECTED / f"{recorded.stem}.{ending}").read_text()
        assert text == wanted, (
            f"python -m tests.preview.expected, and look at the difference of {recorded.stem}.{ending}"
        )


def test_the_situations_are_there() -> None:
    names = {path.stem for path in RECORDED}
    assert names >= {
        *(
            "first-deployment",
            "nothing",
            "override",
            "scale-up",
            "scale-down",
            "upgrade",
            "upgrade-half-done",
        ),
        *(
            "going-back",
            "image",
            "rotation",
            "volumes-go",
            "destroy",
            "drift",
            "program-error",
            "wrong-setting",
        ),
    }
    assert {path.stem for path in EXPECTED.iterdir()} == names
