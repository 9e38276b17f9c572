"""What people see of a build."""

from __future__ import annotations

from kolla_iac.images.progress import Progress

FINE = """\
#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 1.2kB done
#1 DONE 0.7s

#5 [work 1/3] FROM docker.io/kolla-iac/rootfs:trixie
#5 DONE 3.0s

#6 [work 2/3] RUN --mount=type=cache,id=a,target=/b,sharing=locked     apt-get update     && apt-get install x
#6 0.431 Get:1 http://mirror.example/debian trixie InRelease
#6 DONE 9.4s

#7 [work 3/3] COPY a /b
#7 DONE 0.0s

#8 [stage-1 1/1] COPY --from=work / /
#8 CACHED
"""

FAILING = """\
#4 [python 4/4] RUN sh /tmp/venv.sh /tmp/2025.2.lock
#4 1.100 first
#4 1.200 error: hashes do not match
#4 ERROR: executor failed running [/bin/sh -c sh /tmp/venv.sh /tmp/2025.2.lock]: exit code: 1
------
 > [python 4/4] RUN sh /tmp/venv.sh /tmp/2025.2.lock:
------
"""


def test_one_line_for_each_step_that_took_time() -> None:
    progress = Progress()
    told = [text for line in FINE.splitlines() if (text := progress.read(line))]
    assert told == ["[work 2/3] RUN apt-get update && apt-get install x  9.4 s"]
    assert progress.failed == ""


def test_a_failure_keeps_its_step_and_what_it_said() -> None:
    progress = Progress()
    for line in FAILING.splitlines():
        progress.read(line)
    assert progress.failed == "[python 4/4] RUN sh /tmp/venv.sh /tmp/2025.2.lock"
    assert progress.reason == "exit code: 1"
    assert progress.last_lines == ["first", "error: hashes do not match"]


def test_a_client_that_never_began_is_quoted() -> None:
    progress = Progress()
    progress.read("Cannot connect to the Docker daemon at unix:///nowhere. Is the docker daemon running?")
    assert "Cannot connect" in progress.last_lines[0]


def test_the_step_under_way_is_known() -> None:
    progress = Progress()
    assert progress.now == ""
    for line in FINE.splitlines()[:9]:
        progress.read(line)
    assert progress.now == "[work 2/3] RUN apt-get update && apt-get install x"


def test_long_steps_are_cut() -> None:
    progress = Progress(width=30)
    progress.read("#1 [a 1/1] RUN " + "x" * 100)
    assert len((progress.read("#1 DONE 1.0s") or "").split("  ")[0]) == 30
