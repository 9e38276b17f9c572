"""Commands inside containers, with data on standard input: the place for secrets, which are never arguments."""

from __future__ import annotations

import json
import struct
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kolla_iac.errors import KollaError
from kolla_iac.runtime.containers import Found, tidy

_BOOT = "import json,sys;r=json.loads(sys.stdin.readline());exec(compile(r['program'],r['name'],'exec'));"
_BOOT += "print(json.dumps(main(r['request'])))"


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    exit_code: int
    output: str
    """Standard output."""
    errors: str
    """Standard error."""


class CannotRun(KollaError):
    """The command could not be started or did not end: the container is down, or it took too long."""


def run(found: Found, command: list[str], *, stdin: str = "", user: str = "", timeout: float = 60) -> Result:
    """Runs a command in a running container.

    Args:
        command: visible to everyone on the host; never with secrets.
        stdin: given to the command and then closed.
        user: as in `docker exec --user`; empty: the container's own.
        timeout: seconds. The command itself goes on in the container when they are over.

    Raises:
        CannotRun: the container does not run, or the time is over.
    """
    from docker.errors import APIError  # noqa: PLC0415

    api = found.client.api
    try:
        created = api.exec_create(found.id, command, stdin=bool(stdin), user=user)
        sock: Any = api.exec_start(created["Id"], socket=True)
    except APIError as error:
        reason = str(error.explanation or error)
        raise CannotRun(f"{command[0]} cannot run in {found.name}", {"saw": reason}) from error
    try:
        output = _converse(sock, stdin.encode(), time.monotonic() + timeout)
    except TimeoutError:
        raise CannotRun(f"{command[0]} in {found.name} did not end within {timeout:.0f} s") from None
    except OSError as error:
        raise CannotRun(
            f"the connection to {command[0]} in {found.name} broke", {"saw": str(error)}
        ) from error
    finally:
        sock.close()
    code = api.exec_inspect(created["Id"])["ExitCode"]
    return Result(
        -1 if code is None else code, output[1].decode(errors="replace"), output[2].decode(errors="replace")
    )


def _converse(sock: Any, stdin: bytes, deadline: float) -> dict[int, bytearray]:
    """Sends standard input, closes it, and reads both output streams to their end.

    Docker frames them: stream (1 or 2), three zeros, length as 4 bytes, then the data.
    """
    raw = sock._sock
    # What came together with the answer's headers lies in this buffer, so it must be read through it.
    reader = sock._response.raw._fp.fp
    raw.settimeout(max(deadline - time.monotonic(), 0.1))
    if stdin:
        raw.sendall(stdin)
        raw.shutdown(1)
    pending = bytearray()
    streams = {1: bytearray(), 2: bytearray()}
    while True:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        raw.settimeout(remaining)
        data = reader.read1(65536)
        if not data:
            return streams
        pending += data
        while len(pending) >= 8:
            stream, length = struct.unpack(">BxxxL", pending[:8])
            if len(pending) < 8 + length:
                break
            streams.setdefault(stream, bytearray()).extend(pending[8 : 8 + length])
            del pending[: 8 + length]


@cache
def program(name: str) -> str:
    """The text of one of the programs in ``inside``."""
    return (Path(__file__).parent / "inside" / f"{name}.py").read_text()


def call(found: Found, name: str, request: dict[str, Any], timeout: float) -> dict[str, Any]:
    """Runs a program of ``inside`` in a container that has python3; see `call_text`."""
    return call_text(found, name, program(name), request, timeout)


def call_text(
    found: Found, name: str, text: str, request: dict[str, Any], timeout: float, user: str = "0"
) -> dict[str, Any]:
    """Runs a program in a container that has python3: ``main(request)``, JSON both ways.

    Program and request travel on standard input; the arguments are the same for every call.

    Args:
        name: of the program, for messages.

    Raises:
        CannotRun: the container does not run, has no python3, or the program failed.
    """
    line = json.dumps({"program": text, "name": name, "request": request}) + "\n"
    result = run(found, ["python3", "-c", _BOOT], stdin=line, user=user, timeout=timeout)
    if result.exit_code != 0:
        # The last line of a traceback names the error; the lines before it may quote the request.
        last = tidy(result.errors or result.output, 1)
        facts = {"saw": f"exit code {result.exit_code}: {' '.join(last)}"}
        raise CannotRun(f"{name} failed in {found.name}", facts)
    answer: dict[str, Any] = json.loads(result.output)
    return answer
