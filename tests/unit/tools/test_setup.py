"""Set-up: what is kept, what a cut-off leaves, one at a time, and what it says when something is missing."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kolla_iac.home import make_home
from tools.setup import cache, pins
from tools.setup.environment import locked, version_of
from tools.setup.errors import SetupError
from tools.setup.report import Report
from tools.setup.shell import run

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("KOLLA_IAC_HOME", str(tmp_path / "data"))
    return tmp_path


def test_what_is_built_is_found_again() -> None:
    def build(folder: Path) -> None:
        (folder / "thing").write_text("whole")

    first, was_there = cache.kept("kind", "name", build)
    again, is_there = cache.kept("kind", "name", build)
    assert (first, was_there, is_there) == (again, False, True)
    assert (again / "thing").read_text() == "whole"


def test_a_build_that_is_cut_off_leaves_nothing_that_counts() -> None:
    def cut_off(folder: Path) -> None:
        (folder / "half").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.kept("kind", "name", cut_off)
    assert list((cache.cache_root() / "kind").iterdir()) == []

    killed = cache.cache_root() / "kind" / ".name.left-by-a-kill"
    killed.mkdir()
    folder, was_there = cache.kept("kind", "name", lambda new: (new / "thing").touch())
    assert not was_there and (folder / "thing").exists() and not killed.exists()


def test_the_key_changes_with_content_and_with_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "a.py").write_text("1")
    before = cache.key([folder, "x"])
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.pyc").write_text("compiled")
    os.utime(folder / "a.py", (0, 0))
    assert cache.key([folder, "x"]) == before
    (folder / "a.py").write_text("2")
    assert cache.key([folder, "x"]) != before
    assert cache.key(["ab", "c"]) != cache.key(["a", "bc"])


def test_a_second_set_up_waits_and_says_so(homes: Path) -> None:
    lock = homes / "setup.lock"
    script = (
        "import sys, time; from pathlib import Path; from tools.setup.cache import only_one;"
        "from tools.setup.report import Report\n"
        "with only_one(Path(sys.argv[1]), Report()): print('in', flush=True); time.sleep(float(sys.argv[2]))"
    )
    command = [sys.executable, "-c", script, str(lock)]
    first = subprocess.Popen([*command, "1.5"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None and first.stdout.readline() == "in\n"
    began = time.monotonic()
    second = subprocess.run([*command, "0"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert time.monotonic() - began > 0.5
    assert f"another set-up is running (process {first.pid})" in second.stderr
    assert first.wait() == 0


def test_the_lock_s_entries_are_taken_with_their_hashes() -> None:
    lock = ROOT / "requirements.lock"
    chosen = locked(lock, pins.STANDIN_PACKAGES)
    names = re.findall(r"^([a-z0-9-]+)==", chosen, re.MULTILINE)
    assert tuple(names) == pins.STANDIN_PACKAGES
    assert chosen.count("==") == len(names) and chosen.count("--hash=sha256:") >= len(names)
    with pytest.raises(SetupError, match="no-such-package missing"):
        locked(lock, ("no-such-package",))


def test_the_lock_names_no_host_and_every_package_has_hashes() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    for entry in re.split(r"\n(?=\S)", text.strip()):
        assert "--hash=sha256:" in entry, entry
    for package in pins.PLUGINS.values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version_of(ROOT / "requirements.lock", package))


def test_state_is_private_and_the_passphrase_is_made_once() -> None:
    home = make_home()
    passphrase = (home / "passphrase").read_text()
    assert home.stat().st_mode & 0o777 == 0o700
    assert (home / "passphrase").stat().st_mode & 0o777 == 0o600
    assert len(passphrase.strip()) >= 32
    make_home()
    assert (home / "passphrase").read_text() == passphrase
    assert sorted(item.name for item in home.iterdir()) == ["passphrase", "state"]


def test_a_command_that_fails_shows_its_last_lines_and_what_to_type() -> None:
    with pytest.raises(SetupError) as caught:
        run(["sh", "-c", "echo first; echo why >&2; exit 4"], need="a thing")
    said = str(caught.value)
    assert said.splitlines()[0] == "set-up stopped: a thing"
    assert "status 4" in said and "why" in said and "  type     sh -c" in said


def test_without_engine_and_go_it_says_what_to_install(homes: Path) -> None:
    """On PATH nothing but a shell's basics; the download site named by nobody."""
    tools = homes / "bin"
    tools.mkdir()
    script = (
        "from pathlib import Path; from tools.setup import pins\n"
        "pins.GO_PLACES = (); pins.ENGINE_URL = 'http://127.0.0.1:9/{name}'\n"
        "from tools.setup.engine import find_engine; from tools.setup.report import Report\n"
        "from tools.setup.errors import SetupError\n"
        "try: find_engine(Path('.').resolve(), Report(), retry=False)\n"
        "except SetupError as error: print(error)"
    )
    environment = {"PATH": str(tools), "XDG_CACHE_HOME": str(homes / "none"), "HOME": str(homes)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert "no Pulumi engine, and no Go 1.26" in done.stdout
    assert "Connection refused" in done.stderr and "make setup" in done.stdout


def test_what_took_how_long() -> None:
    report = Report()
    with report.step("python") as outcome:
        outcome.append("as locked already")
    with pytest.raises(ValueError, match="x"), report.step("docker"):
        raise ValueError("x")
    lines = report.table().splitlines()
    assert (
        lines[0].endswith("as locked already") and lines[1].endswith("failed") and lines[2].startswith("all")
    )


def entered(tmp_path: Path, **given: str) -> dict[str, str]:
    """The variables after ``source .envrc`` in a checkout whose set-up chose stand-ins."""
    checkout = tmp_path / "check out"
    (checkout / ".venv" / "bin").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / ".envrc", checkout / ".envrc")
    home = f"{tmp_path}/cache/kolla-iac/standins/1/home"
    (checkout / ".venv" / "kolla-iac.pulumi-home").write_text(home + "\n")
    done = subprocess.run(
        ["bash", "-euc", 'cd /; source "$0/.envrc"; source "$0/.envrc"; env -0', checkout],
        env={"PATH": os.environ["PATH"], "HOME": "/h", **given},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(item.split("=", 1) for item in done.stdout.split("\0") if item)


def test_entering_sets_what_is_missing(tmp_path: Path) -> None:
    seen = entered(tmp_path)
    assert seen["PATH"].startswith(f"{tmp_path}/check out/.venv/bin:")
    assert seen["PATH"].count("check out") == 1
    assert seen["KOLLA_IAC_HOME"] == "/h/.local/share/kolla-iac"
    assert seen["PULUMI_BACKEND_URL"] == "file:///h/.local/share/kolla-iac/state?metadata=skip"
    assert seen["PULUMI_CONFIG_PASSPHRASE_FILE"] == "/h/.local/share/kolla-iac/passphrase"
    assert seen["PULUMI_HOME"] == f"{tmp_path}/cache/kolla-iac/standins/1/home"


def test_entering_leaves_what_is_set(tmp_path: Path) -> None:
    given = {
        "PULUMI_BACKEND_URL": "s3://states",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_HOME": "/mine",
        "OS_CLIENT_CONFIG_FILE": "/clouds.yaml",
        "KOLLA_IAC_HOME": "/srv/kolla",
    }
    seen = entered(tmp_path, **given)
    assert {key: seen[key] for key in given} == given
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in seen
    old = {"PULUMI_HOME": "/somewhere/kolla-iac/standins/0/home"}
    assert entered(tmp_path, **old)["PULUMI_HOME"].endswith("/standins/1/home"), "one of an earlier set-up"


def test_make_lists_its_targets_and_parts_stop_at_the_first_failure(tmp_path: Path) -> None:
    listed = subprocess.run(["make", "-C", ROOT, "help"], capture_output=True, text=True, check=True).stdout
    for target in ("setup", "up", "down", "purge", "test", "bench", "lint"):
        assert re.search(rf"^{target} +\S", listed, re.MULTILINE), target
    (tmp_path / "Makefile").write_text("good:\n\t@true\nbad:\n\t@false\nlast:\n\t@echo ran\n")
    done = subprocess.run(
        [sys.executable, "-m", "tools.parts", "good", "bad", "last"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0 and "not run: last" in done.stdout
    assert re.search(r"good +\d+\.\d s  passed", done.stdout) and "bad" in done.stdout
