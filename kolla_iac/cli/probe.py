"""`kolla-iac probe`: a cloud asked all the time while a command changes it, and what that cost its clients."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kolla_iac.errors import KollaError

if TYPE_CHECKING:
    from kolla_iac.probe.analysis import Observed, Predicted, Result
    from kolla_iac.probe.process import Probe

MOST = 50.0
"""Requests per second: it measures, it does not test what a cloud bears."""
LONGEST = 3600
"""Seconds that a command is watched."""
WATCH = 30
"""Seconds where there is no command and nothing else is said."""
SLOW = 4.0
"""Seconds over which the body of the slow request is sent."""
TOO_MANY, NOT_VALID = 3, 4
"""Exit codes of the gate."""


class WrongCall(KollaError):
    """It was called wrongly; nothing has been done."""

    exit_code = 2


@dataclass
class Interval:
    """When the command ran, and how it ended."""

    began: float
    ended: float
    exit_code: int | None = None


def probe(
    environment: Annotated[str, typer.Argument(metavar="ENV", help="Name of the environment.")],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="-- COMMAND", help="What changes it, after --.")
    ] = None,
    rate: Annotated[float, typer.Option("--rate", min=0.5, max=MOST, help="Requests per second.")] = 20,
    duration: Annotated[
        int | None,
        typer.Option(
            min=1, max=LONGEST, help=f"Seconds, without COMMAND ({WATCH}); with one: at most ({LONGEST})."
        ),
    ] = None,
    around: Annotated[
        int, typer.Option("--around", min=0, max=600, help="Seconds before and after COMMAND.")
    ] = 5,
    slow: Annotated[
        float,
        typer.Option(
            "--slow", min=0, max=600, help="Seconds that the body of the slow request takes; 0: none."
        ),
    ] = SLOW,
    max_failed: Annotated[
        int | None,
        typer.Option("--max-failed", min=0, help="A gate: fail if more fail, or if it is not valid."),
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option("-o", "--output", help="A file for the report: .html, .md, .txt, .json. Repeatable."),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="What is printed: text, markdown, html, json.")
    ] = "text",
    samples: Annotated[
        Path | None, typer.Option("--samples", help="The file that gets a JSON line a request.")
    ] = None,
) -> None:
    """Ask an environment all the time while COMMAND changes it, and report what its clients felt of each stage.

    Issues and validates tokens at a fixed rate, from a process of its own, and compares what was felt with what the
    plan announces. Exit code: that of COMMAND; if it is 0, and --max-failed is given: 3 too many failed, 4 the
    result is not valid.
    """
    from kolla_iac.probe.analysis import analyse

    words = tuple(command or ())
    _check(words, form, output or [])
    seen = watch(environment, words, rate, duration, around, slow, samples or _file(environment))
    result = analyse(seen)
    print(_printed(result, form), end="")
    for file in output or []:
        _write(file, result)
    sys.exit(exit_code(result, max_failed))


def exit_code(result: Result, max_failed: int | None) -> int:
    """The command's, else the gate's."""
    if result.observed.exit_code:
        return result.observed.exit_code
    if max_failed is None:
        return 0
    if result.failed > max_failed:
        return TOO_MANY
    return NOT_VALID if result.invalid else 0


def watch(
    environment: str,
    command: tuple[str, ...],
    rate: float,
    duration: int | None,
    around: int,
    slow: float,
    file: Path,
) -> Observed:
    """Runs the command under the probe, from before it until after it, and gathers all that was seen."""
    from kolla_iac.probe.analysis import Observed
    from kolla_iac.probe.identity import Identity
    from kolla_iac.probe.load import KINDS, Load, now
    from kolla_iac.probe.process import Probe, read_samples
    from kolla_iac.probe.stages import read
    from kolla_iac.runtime import timeline

    outputs = _outputs(environment)
    admin = outputs["admin"]
    identity = Identity(outputs["keystone"], admin["username"], admin["project"], admin["password"])
    state = _export(environment) if command else ""
    seconds = float(duration or (LONGEST if command else WATCH))
    load = Load(rate, seconds, round(rate * seconds) + 1, slow)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("", encoding="utf-8")
    from_here = _size(timeline.path(environment))
    _tell(f"probe: {rate:g} requests/s to {identity.url}; every one of them in {file}")
    with _interrupts() as interrupted:
        running = Probe(identity, load, file)
        running.wait_for_first_answer()
        began = now()
        if command:
            span, ended_early = _run(command, running, around, interrupted)
        else:
            _sleep(seconds, running, interrupted)
            span, ended_early = Interval(began, now()), False
        _tell("probe: waiting for the last answers")
        report, trouble = running.stop()
    every = read_samples(file)
    if report is not None:
        began = report.started
    # while the last answers are waited for, nobody asks any more: that is no gap
    last = max((sample.due for sample in every if sample.kind in KINDS), default=span.ended) + 1 / rate
    last = max(last, span.ended) if command else min(last, span.ended)
    if not command:
        span = Interval(began, last)
    troubles = [trouble] if trouble else []
    if ended_early and not trouble:
        troubles.append(f"the probe ended after {load.seconds:.0f} s, before the command did")
    lines = _lines_from(timeline.path(environment), from_here)
    return Observed(
        environment,
        command,
        span.exit_code,
        rate,
        began,
        last,
        span.began,
        span.ended,
        tuple(every),
        read(lines, began, last, span.ended),
        _predicted(environment, state) if command else {},
        tuple(troubles),
    )


def _run(
    command: tuple[str, ...], running: Probe, around: int, interrupted: list[int]
) -> tuple[Interval, bool]:
    """The command, on this terminal and in its process group; and whether the probe was over before it."""
    from kolla_iac.probe.load import now

    _sleep(around, running, interrupted)
    if interrupted:
        raise KollaError("interrupted before the command was begun", {"next": "nothing was changed"})
    began = now()
    try:
        process = subprocess.Popen(command)
    except OSError as error:
        raise KollaError(f"{command[0]} cannot be run", {"saw": str(error)}) from None
    with _passed_on(process):
        status = process.wait()
    ended = now()
    early = not running.runs
    _sleep(around, running, [])
    # as a shell says it: 128 and the signal's number
    return Interval(began, ended, status if status >= 0 else 128 - status), early


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Notes SIGINT and goes on: a terminal sends it to the command too, whose end is then waited for."""
    noted: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: noted.append(number))
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _passed_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Passes on what ends a job, which no terminal sends to the command itself."""
    before = signal.signal(signal.SIGTERM, lambda number, _: process.send_signal(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _sleep(seconds: float, running: Probe, interrupted: list[int]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and running.runs and not interrupted:
        time.sleep(0.05)


def _check(command: tuple[str, ...], form: str, output: list[Path]) -> None:
    """What would be found only after the command has run."""
    import shutil

    from kolla_iac.probe.forms import ENDINGS, FORMS

    if form not in FORMS:
        raise WrongCall(f"--format {form}: no such form", {"there are": ", ".join(FORMS)})
    for file in output:
        if file.suffix not in ENDINGS:
            raise WrongCall(
                f"{file}: the name does not say which form", {"wanted": f"one of {', '.join(ENDINGS)}"}
            )
        if not file.absolute().parent.is_dir():
            raise WrongCall(f"{file}: there is no such folder")
    if command and shutil.which(command[0]) is None:
        raise WrongCall(f"{command[0]}: no such command", {"wanted": "kolla-iac probe ENV -- COMMAND"})


def _outputs(environment: str) -> dict[str, Any]:
    """Of the stack, secrets in clear; for this process and the probe's alone."""
    import json

    from kolla_iac.cli.engine import pulumi
    from kolla_iac.cli.project import existing, root

    existing(root(), environment)
    printed = pulumi(root(), ["stack", "output", "--json", "--show-secrets", "--stack", environment])
    outputs: dict[str, Any] = json.loads(printed)
    if not {"keystone", "admin"} <= set(outputs):
        raise KollaError(
            f"{environment} has no identity service to ask", {"next": f"kolla-iac up {environment}"}
        )
    return outputs


def _export(environment: str) -> str:
    from kolla_iac.cli.engine import pulumi
    from kolla_iac.cli.project import root

    return pulumi(root(), ["stack", "export", "--stack", environment])


def _predicted(environment: str, state: str) -> dict[str, Predicted] | None:
    """None where there is none: what was measured is reported all the same."""
    from kolla_iac.cli.prediction import of_settings

    try:
        return of_settings(environment, state)
    except KollaError as error:
        _tell(f"probe: no prediction: {error}")
    except (LookupError, TypeError, ValueError) as error:
        _tell(f"probe: no prediction: the state is not as this version writes it ({error!r})")
    return None


def _printed(result: Result, form: str) -> str:
    from kolla_iac.cli.terminal import coloured, paint
    from kolla_iac.probe.forms import FORMS, terminal

    if form == "text":
        colours = coloured()
        return "\n" + terminal(result, lambda text, colour: paint(text, colour, wanted=colours))
    return FORMS[form](result)


def _write(file: Path, result: Result) -> None:
    from kolla_iac.probe.forms import ENDINGS, FORMS

    try:
        file.write_text(FORMS[ENDINGS[file.suffix]](result), encoding="utf-8")
    except OSError as error:
        raise KollaError("the report cannot be written", {"saw": str(error)}) from None
    _tell(f"probe: report in {file}")


def _file(environment: str) -> Path:
    from kolla_iac.home import home

    return home() / "probe" / f"{environment}-{time.strftime('%Y%m%d-%H%M%S')}.jsonl"


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _lines_from(file: Path, offset: int) -> list[str]:
    """Lines that were added since; all, if the file was made anew."""
    if not file.exists():
        return []
    with file.open("rb") as opened:
        opened.seek(offset if _size(file) >= offset else 0)
        return opened.read().decode(errors="replace").splitlines()


def _tell(line: str) -> None:
    """Beside the report, which alone is on standard output."""
    print(line, file=sys.stderr, flush=True)
