"""``command:local:Command``: runs a program on create, update and delete.

Source of the rules: pulumi-command 1.2.1, provider/pkg/provider/local.
"""

import contextlib
import json
import os
import secrets
import subprocess
import threading
from collections.abc import Callable
from typing import IO, Any

from .calls import current
from .diffing import Rules
from .resource import Created, Failure, Found, ResourceError, unsupported
from .values import Properties

Log = Callable[[str, str], None]
"""Shows one line (second argument) of the resource with a URN (first)."""

_SUPPORTED = frozenset(
    "addPreviousOutputInEnv create delete dir environment interpreter logging stdin triggers update".split()
)


def engine_log(address: str) -> Log:
    """Log lines to the engine at ``address``; nowhere where it is empty."""
    from . import wire

    stub = wire.engine_stub(address) if address else None

    def log(urn: str, line: str) -> None:
        if stub is not None:
            with contextlib.suppress(Exception):  # a line that cannot be shown must not fail the stage
                stub.Log(wire.log_request(urn, line))

    return log


class Command:
    """The resource type. ``log`` shows the output of a running command line by line."""

    rules = Rules(replace=frozenset({"triggers"}))

    def __init__(self, log: Log) -> None:
        self._log = log

    def check(self, name: str, old: Properties, new: Properties) -> tuple[Properties, list[Failure]]:
        inputs = dict(new)
        inputs.setdefault("addPreviousOutputInEnv", True)
        return inputs, unsupported(new, _SUPPORTED, "local.Command")

    def create(self, urn: str, inputs: Properties) -> Created:
        script = inputs.get("create")
        return Created(f"command{secrets.token_hex(4)}", inputs | self._run(urn, script, inputs, {}))

    def update(self, urn: str, id_: str, old: Properties, inputs: Properties) -> Properties:
        script = inputs.get("update") or inputs.get("create")
        return inputs | self._run(urn, script, inputs, old)

    def read(self, id_: str, outputs: Properties, inputs: Properties) -> Found:
        return Found(id_, outputs, inputs)

    def delete(self, urn: str, id_: str, outputs: Properties) -> None:
        if outputs.get("delete"):
            self._run(urn, outputs["delete"], outputs, outputs)

    def _run(self, urn: str, script: str | None, inputs: Properties, before: Properties) -> Properties:
        """Run ``script`` and return stdout and stderr, each without its last newline."""
        if not script:
            return {key: before.get(key, "") for key in ("stdout", "stderr")}
        output = _Output(inputs.get("logging", "stdoutAndStderr"), lambda line: self._log(urn, line))
        stdin = str(inputs.get("stdin") or "")
        try:
            process = subprocess.Popen(
                [*(inputs.get("interpreter") or ["/bin/sh", "-c"]), script],
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=inputs.get("dir") or None,
                env=_environment(inputs, before),
            )
        except OSError as error:
            raise ResourceError(f"{error}: running {json.dumps(script)}:\n") from error
        status = output.collect(process, stdin.encode())
        if status:
            seen = f"exit status {status}" if status > 0 else f"signal: {_signal_name(-status)}"
            raise ResourceError(f"{seen}: running {json.dumps(script, ensure_ascii=False)}:\n{output.both}")
        return {"stdout": output.text("stdout"), "stderr": output.text("stderr")}


def _environment(inputs: Properties, before: Properties) -> dict[str, str]:
    values = {key: str(value) for key, value in (inputs.get("environment") or {}).items()}
    previous = {}
    if inputs.get("addPreviousOutputInEnv", True):
        named = {"PULUMI_COMMAND_STDOUT": before.get("stdout"), "PULUMI_COMMAND_STDERR": before.get("stderr")}
        previous = {key: value for key, value in named.items() if value}
    return {**os.environ, **values, **previous}


def _ended(process: "subprocess.Popen[bytes]") -> int:
    """Wait for the end; kill, as the official plugin does, once nobody waits for the answer."""
    call = current()
    while True:
        try:
            return process.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            if call.over():
                process.kill()


def _signal_name(number: int) -> str:
    import signal

    return (signal.strsignal(number) or str(number)).lower()


class _Output:
    """Collects both streams of a process while showing them line by line."""

    def __init__(self, logging: str, show: Callable[[str], None]) -> None:
        self._shown = {
            "stdoutAndStderr": {"stdout", "stderr"},
            "stdout": {"stdout"},
            "stderr": {"stderr"},
        }.get(logging, set())
        self._show = show
        self._lock = threading.Lock()
        self._streams: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
        self._both: list[bytes] = []

    def _follow(self, name: str, stream: IO[bytes]) -> None:
        for line in stream:
            with self._lock:
                self._streams[name].append(line)
                self._both.append(line)
            if name in self._shown:
                self._show(line.decode(errors="replace").rstrip("\r\n"))

    def collect(self, process: "subprocess.Popen[bytes]", stdin: bytes) -> int:
        """Feed ``stdin``, read everything, and return the exit status (negative: a signal)."""
        streams: list[tuple[str, Any]] = [("stdout", process.stdout), ("stderr", process.stderr)]
        threads = [threading.Thread(target=self._follow, args=pair, daemon=True) for pair in streams]
        for thread in threads:
            thread.start()
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it need not read what it is given
                process.stdin.write(stdin)
                process.stdin.close()
        status = _ended(process)
        for thread in threads:
            thread.join()
        return status

    def text(self, name: str) -> str:
        return b"".join(self._streams[name]).decode(errors="replace").removesuffix("\n")

    @property
    def both(self) -> str:
        return b"".join(self._both).decode(errors="replace")
