"""`kolla-iac up` around an engine that fails: what is said before the error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kolla_iac.cli import main
from kolla_iac.cli.took import BEGAN_VARIABLE

ENGINE = """#!/bin/sh
echo "$@"
line='{"stage": "keystone-1-handover", "pid": 7, "start": '$(date +%s.%N)', "outcome": '
file=$KOLLA_IAC_HOME/timeline/dev.jsonl
echo "$line\\"running\\"}" >> $file
sleep 0.3
echo "$line\\"failed\\", \\"end\\": $(date +%s.%N)}" >> $file
exit 255
"""


def test_a_failing_up_says_what_took_how_long_until_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    timeline = tmp_path / "timeline" / "dev.jsonl"
    timeline.parent.mkdir()
    timeline.write_text('{"stage": "of-an-earlier-run", "pid": 1, "start": 1, "outcome": "running"}\n')
    engine = tmp_path / "pulumi"
    engine.write_text(ENGINE)
    engine.chmod(0o755)
    monkeypatch.setenv("KOLLA_IAC_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv(BEGAN_VARIABLE, raising=False)
    with pytest.raises(SystemExit) as stopped:
        main(["up", "dev"])
    said = capfd.readouterr()
    assert stopped.value.code == 1
    assert "up --stack dev --non-interactive --yes --suppress-progress\n" in said.out
    table = said.out.partition("What took how long, until it failed:\n")[2].splitlines()
    assert [line.rpartition(" s  ")[2].strip() for line in table[1:]] == [
        "pulumi up --stack dev",
        "keystone-1-handover   <- failed, the slowest",
        "preview, containers, the engine itself",
        "all",
    ]
    assert said.err.startswith("pulumi up --stack dev --non-interactive --yes failed (exit code 255)\n")
