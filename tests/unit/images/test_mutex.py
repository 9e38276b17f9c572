"""Two at once: the second waits, says so, and goes on when the first is gone, however it went."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kolla_iac import waiting
from kolla_iac.images.mutex import cache_folder, one_at_a_time

HOLD = """
import sys, time
from pathlib import Path
from kolla_iac.images.mutex import one_at_a_time
with one_at_a_time("images", print, Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_the_second_waits_until_the_first_is_killed(tmp_path: Path) -> None:
    first = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    assert first.stdout.readline() == "held\n"
    said: list[str] = []
    told, entered = threading.Event(), threading.Event()

    def second() -> None:
        with one_at_a_time("images", lambda line: (said.append(line), told.set())[0], tmp_path):
            entered.set()

    thread = threading.Thread(target=second)
    thread.start()
    assert told.wait(10)
    assert said == [f"waiting for another kolla-iac that works on images (process {first.pid})"]
    assert not entered.wait(0.3)
    first.send_signal(signal.SIGKILL)
    assert entered.wait(10)
    thread.join()
    first.wait()
    first.stdout.close()


def test_the_second_says_how_long_it_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST", 0.1)
    first = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    assert first.stdout.readline() == "held\n"
    threading.Timer(1, first.kill).start()
    said: list[str] = []
    with one_at_a_time("images", said.append, tmp_path):
        pass
    assert said[1] == "waiting for the lock of images; 0 s"
    first.wait()
    first.stdout.close()


def test_alone_nothing_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    with one_at_a_time("images", said.append, tmp_path):
        pass
    assert said == []


def test_the_cache_is_where_the_user_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "kolla-iac"
    assert cache_folder().is_dir()
