"""`kolla-iac up` around an engine that fails or is interrupted: what is said, and that the engine ends by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kolla_iac.cli import main
from kolla_iac.cli.took import BEGAN_VARIABLE

PROJECT = "name: kolla-iac\nstackConfigDir: .\n"
ENGINE = """#!/bin/sh
[ "$1" = up ] || exit 0
echo "$@"
line='{"stage": "keystone-1-handover", "pid": 7, "start": '$(date +%s.%N)', "outcome": '
file=$KOLLA_IAC_HOME/timeline/dev.jsonl
echo "$line\\"running\\"}" >> $file
sleep 0.3
echo "$line\\"failed\\", \\"end\\": $(date +%s.%N)}" >> $file
exit 255
"""


def project(folder: Path) -> None:
    """A project with an environment dev."""
    (folder / "Pulumi.yaml").write_text(PROJECT)
    (folder / "Pulumi.dev.yaml").write_text(
        'config: {kolla-iac:environment: {release: "2025.2", endpoints: [{name: keystone, port: 1}]}}'
    )


def test_a_failing_up_says_what_took_how_long_until_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    timeline = tmp_path / "timeline" / "dev.jsonl"
    timeline.parent.mkdir()
    timeline.write_text('{"stage": "of-an-earlier-run", "pid": 1, "start": 1, "outcome": "running"}\n')
    engine = tmp_path / "pulumi"
    engine.write_text(ENGINE)
    engine.chmod(0o755)
    project(tmp_path)
    monkeypatch.chdir(tmp_path)
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


SLOW_ENGINE = """#!/bin/sh
[ "$1" = up ] || exit 0
trap 'sleep 1; echo the engine has ended by itself; exit 4' INT
echo begun
while true; do sleep 0.1; done
"""


def test_ctrl_c_leaves_the_engine_the_time_to_end(tmp_path: Path) -> None:
    engine = tmp_path / "pulumi"
    engine.write_text(SLOW_ENGINE)
    engine.chmod(0o755)
    project(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", "from kolla_iac.cli import main; main()", "up", "dev"],
        cwd=tmp_path,
        env={**os.environ, "KOLLA_IAC_HOME": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    while "begun" not in process.stdout.readline():
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert "the engine has ended by itself\n" in output
    assert "What took how long, until it failed:" in output
    assert "failed (exit code 4)" in errors
    assert process.returncode == 1
