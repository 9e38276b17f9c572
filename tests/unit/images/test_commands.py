"""`kolla-iac images`, as far as it needs no Docker: what is asked for wrongly says what to type."""

from __future__ import annotations

from pathlib import Path

import pytest

from kolla_iac.cli import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int | str | None, str]:
    """Exit code and what was printed."""
    with pytest.raises(SystemExit) as ended:
        main(["images", *arguments])
    printed = capsys.readouterr()
    return ended.value.code, printed.out + printed.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("build", "2019.1"), ("unknown release 2019.1", "2025.2, 2026.1")),
        (("pull", "2025.2"), ("built from our recipes", "kolla-iac images build 2025.2", "--registry")),
        (("lock", "2025.2"), ("--constraints is missing", "upper-constraints.txt of 2025.2")),
        (("lock", "2025.2", "--constraints", "/nowhere"), ("no constraints file /nowhere",)),
        (("list", "nowhere"), ("no environment 'nowhere'", "kolla-iac init nowhere")),
    ],
)
def test_wrong_calls(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: tuple[str, ...]
) -> None:
    code, text = run(capsys, *arguments)
    assert code == 1
    assert [part for part in said if part not in text] == []
    assert "Traceback" not in text


def test_an_environment_of_published_images_is_not_built(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text(
        "config:\n"
        "  kolla-iac:environment:\n"
        '    release: "2025.2"\n'
        "    images: {source: registry, registry: quay.io}\n"
    )
    code, text = run(capsys, "build", "--settings", str(file))
    assert code == 1
    assert "these images come from a registry" in text


def test_wrong_settings_are_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text("config: {kolla-iac:environment: {release: 2025.2}}\n")
    code, text = run(capsys, "list", "--settings", str(file))
    assert code == 1
    assert "release" in text
    assert "Traceback" not in text
