"""`kolla-iac graph`: printed, or written to a file."""

from pathlib import Path

import pytest

from kolla_iac.cli import main

SETTINGS = 'config:\n  kolla-iac:environment: {release: "2025.2"}\n'


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the environment dev, whose secrets have not been made yet; a picture needs none."""
    (tmp_path / "Pulumi.yaml").write_text("name: kolla-iac\nstackConfigDir: stacks\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text(SETTINGS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(*words: str) -> object:
    with pytest.raises(SystemExit) as stopped:
        main(["graph", *words])
    return stopped.value.code


def test_mermaid_is_printed(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("dev") == 0
    assert capsys.readouterr().out.startswith("flowchart LR\n")


def test_an_svg_is_written_to_a_file(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("dev", "--format", "svg", "-o", "dev.svg") == 0
    assert capsys.readouterr().out == ""
    assert (checkout / "dev.svg").read_text().startswith("<svg ")


def test_a_place_that_cannot_be_written_is_named(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("dev", "-o", "nowhere/dev.svg") == 1
    assert capsys.readouterr().err == (
        "nowhere/dev.svg cannot be written\n  saw  No such file or directory\n"
    )


def test_wrong_settings_are_named(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = checkout / "stacks" / "Pulumi.dev.yaml"
    file.write_text(SETTINGS.replace('"2025.2"', '"2025.3"'))
    assert _run("dev") == 1
    assert "release: is not a release that we know" in capsys.readouterr().err


def test_another_format_is_called_wrongly(checkout: Path) -> None:
    assert _run("dev", "--format", "png") == 2
