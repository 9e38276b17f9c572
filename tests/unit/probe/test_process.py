"""The probe's process from the side of whoever starts it; what it is told and what it leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs_of_paper import observed, samples

from kolla_iac.cli.probe import NOT_VALID, TOO_MANY, exit_code
from kolla_iac.errors import KollaError
from kolla_iac.probe.analysis import analyse
from kolla_iac.probe.identity import Identity
from kolla_iac.probe.load import Load
from kolla_iac.probe.process import Probe, read_samples


def test_it_says_why_it_cannot_begin(tmp_path: Path) -> None:
    probe = Probe(Identity("http://127.0.0.1:9/v3", "admin", "admin", "x"), Load(), tmp_path / "samples")
    with pytest.raises(KollaError, match="could not begin") as raised:
        probe.wait_for_first_answer()
    assert "refused" in raised.value.facts["saw"]
    assert not probe.runs


def test_a_file_that_cannot_be_written_is_said_before_the_first_request(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere" / "samples"
    probe = Probe(Identity("http://127.0.0.1:9/v3", "admin", "admin", "x"), Load(), nowhere)
    with pytest.raises(KollaError) as raised:
        probe.wait_for_first_answer()
    assert "nowhere" in raised.value.facts["saw"]


def test_a_sample_that_is_half_written_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "samples"
    whole = '{"kind": "issue new", "due": 1.0, "waited": 0.0, "seconds": 0.1, "failure": ""}\n'
    file.write_text(whole * 2 + whole[:30])
    assert len(read_samples(file)) == 2


@pytest.mark.parametrize(
    ("failed", "waited", "command", "gate", "code"),
    [
        (0, 0.0, 0, 0, 0),
        (3, 0.0, 0, None, 0),
        (3, 0.0, 0, 3, 0),
        (3, 0.0, 0, 2, TOO_MANY),
        (0, 0.5, 0, 0, NOT_VALID),
        (3, 0.5, 0, 0, TOO_MANY),
        (0, 0.5, 0, None, 0),
        (3, 0.5, 7, 0, 7),
    ],
)
def test_the_exit_code_is_the_command_s_and_then_the_gate_s(
    failed: int, waited: float, command: int, gate: int | None, code: int
) -> None:
    failing = {(20.0, 20.0 + failed / 10): "HTTP 500"}
    result = analyse(observed(samples(60, failing=failing, waited=waited), exit_code=command))
    assert result.failed == failed
    assert exit_code(result, gate) == code
