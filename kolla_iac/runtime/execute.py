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
from kolla_iac.runtime.containers import Found, log_lines, tidy

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
    """Sends standard input, closes it, and reads both output streams to their end."""
    if stdin:
        sock._sock.settimeout(max(deadline - time.monotonic(), 0.1))
        sock._sock.sendall(stdin)
        sock._sock.shutdown(1)
    streams = {1: bytearray(), 2: bytearray()}
    frames = Frames(sock)
    while frame := frames.next(deadline):
        stream, data = frame
        streams.setdefault(stream, bytearray()).extend(data)
    return streams


class Frames:
    """What a container writes, as it comes.

    Docker frames it: stream (1 or 2), three zeros, length as 4 bytes, then the data.
    """

    def __init__(self, sock: Any) -> None:
        self._raw = sock._sock
        # What came together with the answer's headers lies in this buffer, so it must be read through it.
        self._reader = sock._response.raw._fp.fp
        self._pending = bytearray()

    def next(self, deadline: float) -> tuple[int, bytes] | None:
        """The next piece, and its stream; None when there will be no more.

        Raises:
            TimeoutError: none came before the deadline, in seconds of the monotonic clock.
        """
        while True:
            if len(self._pending) >= 8:
                stream, length = struct.unpack(">BxxxL", self._pending[:8])
                if len(self._pending) >= 8 + length:
                    data = bytes(self._pending[8 : 8 + length])
                    del self._pending[: 8 + length]
                    return stream, data
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            self._raw.settimeout(remaining)
            received = self._reader.read1(65536)
            if not received:
                return None
            self._pending += received


class Conversation:
    """With a container's own command: a line on its standard input, a line of JSON in answer.

    When it is closed, or this process ends, the command's standard input ends too.
    """

    def __init__(self, found: Found) -> None:
        """
        Args:
            found: made with an open standard input, and not yet started.
        """
        api = found.client.api
        parameters = {"stdin": 1, "stdout": 1, "stderr": 0, "stream": 1}
        self.found = found
        self._sock: Any = api.attach_socket(found.id, params=parameters)
        self._frames = Frames(self._sock)
        self._text = b""

    def close(self) -> None:
        self._sock.close()

    def ask(self, order: str, seconds: float) -> dict[str, Any]:
        """Gives an order and waits for its answer.

        Raises:
            KollaError: the answer is trouble, none comes in time, or the container has ended.
        """
        try:
            if order:
                self._sock._sock.sendall(order.encode() + b"\n")
            answer: dict[str, Any] = json.loads(self._line(time.monotonic() + seconds))
        except TimeoutError:
            raise KollaError(f"{self.found.name} did not answer '{order}' within {seconds:.0f} s") from None
        except OSError as error:
            raise CannotRun(f"{self.found.name} cannot be asked", {"saw": str(error)}) from error
        if "trouble" in answer:
            raise KollaError(answer["trouble"])
        return answer

    def _line(self, deadline: float) -> bytes:
        """The next line that is an answer: what else is written comes before the command has begun."""
        while True:
            line, newline, rest = self._text.partition(b"\n")
            if newline:
                self._text = rest
                if line.startswith(b"{"):
                    return line
                continue
            frame = self._frames.next(deadline)
            if frame is None:
                raise CannotRun(f"{self.found.name} has ended", {"log": log_lines(self.found) or ["empty"]})
            self._text += frame[1]


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
