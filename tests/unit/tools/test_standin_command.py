"""The stand-in for local.Command, on real processes."""

import threading
import time

import pytest
from kolla_standin.calls import Call, Calls, current
from kolla_standin.command import Command
from kolla_standin.resource import ResourceError

URN = "urn:pulumi:t::p::command:local:Command::stage"


def test_lines_are_shown_as_they_come() -> None:
    shown: list[tuple[str, str]] = []
    created = Command(lambda urn, line: shown.append((urn, line))).create(
        URN, {"create": "echo a; cat", "stdin": "b\nc"}
    )
    assert shown == [(URN, "a"), (URN, "b"), (URN, "c")]
    assert created.outputs["stdout"] == "a\nb\nc" and created.outputs["stderr"] == ""


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(ResourceError, match=r"no-such-program.*running"):
        Command(lambda *_: None).create(URN, {"create": "x", "interpreter": ["no-such-program"]})


def test_stdin_that_nobody_reads() -> None:
    created = Command(lambda *_: None).create(URN, {"create": "exit 0", "stdin": "x" * 1_000_000})
    assert created.outputs["stdout"] == ""


@pytest.mark.parametrize("how", ["stop", "abandon"])
def test_a_call_that_is_over_ends_its_process(how: str) -> None:
    calls = Calls()
    seen: list[Call] = []
    failures: list[str] = []

    def serve() -> None:
        with calls.running():
            seen.append(current())
            try:
                Command(lambda *_: None).create(URN, {"create": "exec sleep 60"})
            except ResourceError as error:
                failures.append(str(error))

    thread = threading.Thread(target=serve)
    began = time.monotonic()
    thread.start()
    while not seen:
        time.sleep(0.01)
    if how == "stop":
        calls.stop()
    else:
        seen[0].abandon()
    thread.join(timeout=10)
    assert not thread.is_alive() and time.monotonic() - began < 10
    assert failures and failures[0].startswith("signal: killed: running")
    assert calls.count == 0
