"""BuildKit's plain progress, condensed: one line per finished step, and what a failing step said."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

LINE = re.compile(r"^#(?P<number>\d+) (?P<rest>.*)$")
STEP = re.compile(r"^\[(?P<where>[^]]+)\] (?P<what>.*)$")
DONE = re.compile(r"^DONE (?P<seconds>[0-9.]+)s$")
OUTPUT = re.compile(r"^[0-9]+\.[0-9]+ (?P<text>.*)$")
MOUNT = re.compile(r"--mount=\S+\s+")
WORTH_TELLING = 0.5
"""Seconds; a step that took less is not shown."""
KEPT = 25
"""Last lines of a step that are kept for the report of its failure."""


@dataclass
class _Vertex:
    name: str = ""
    output: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT))


@dataclass
class Progress:
    """Reads ``docker build --progress=plain`` line by line."""

    width: int = 96
    """Longest text of a step."""
    failed: str = ""
    """The failing step, once one failed."""
    reason: str = ""
    """What BuildKit says of the failure."""
    _vertices: dict[str, _Vertex] = field(default_factory=dict)
    now: str = ""
    """The step that last said something."""
    _failing: str = ""
    _loose: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT))

    def read(self, line: str) -> str | None:
        """Takes one line; returns what to tell people, if anything."""
        line = line.rstrip()
        match = LINE.match(line)
        if match is None:
            if line:
                self._loose.append(line)
            return None
        vertex = self._vertices.setdefault(match["number"], _Vertex())
        rest = match["rest"]
        if named := STEP.match(rest):
            vertex.name = self._name(named["where"], named["what"])
            self.now = vertex.name
            return None
        if done := DONE.match(rest):
            seconds = float(done["seconds"])
            step = vertex.name and not vertex.name.startswith("[internal") and " FROM " not in vertex.name
            return f"{vertex.name}  {seconds:.1f} s" if step and seconds >= WORTH_TELLING else None
        if rest.startswith("ERROR"):
            self.failed = vertex.name or f"step {match['number']}"
            self.reason = _short(rest.removeprefix("ERROR").lstrip(": "))
            self._failing = match["number"]
        elif output := OUTPUT.match(rest):
            vertex.output.append(output["text"])
            self.now = vertex.name
        return None

    def _name(self, where: str, what: str) -> str:
        text = " ".join(MOUNT.sub("", what).split())
        text = f"[{where}] {text}"
        return text if len(text) <= self.width else text[: self.width - 1] + "…"

    @property
    def last_lines(self) -> list[str]:
        """What the failing step said last; what the client said, if no step failed."""
        return list(self._vertices[self._failing].output if self._failing else self._loose)


def _short(reason: str) -> str:
    """BuildKit repeats the whole command before the exit code, which is what is new."""
    code = re.search(r"exit code: [0-9]+", reason)
    return code[0] if code else reason
