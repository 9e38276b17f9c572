"""``kolla-iac report``: a preview's data, said for those who review it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kolla_iac.errors import KollaError

if TYPE_CHECKING:
    from kolla_iac.preview import Beside, Preview, Report

FORMATS = ("text", "markdown", "html", "json")
GATE = 3
"""Exit code where a preview holds what was not to be there."""
LARGEST = 512 * 2**20
"""Bytes of a preview that are read."""
Format = Annotated[str, typer.Option("--format", metavar="|".join(FORMATS), help="What is written.")]
FailOn = Annotated[
    str,
    typer.Option(
        "--fail-on",
        metavar="KIND,...",
        help="data-loss, interruption, irreversible, unknown, drift: end with exit code 3 if one of them is there.",
    ),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Instead of standard output.")
]


Policy = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FILE", help="Which findings need which label: stacks/policy.yaml."),
]


def report(
    preview: Annotated[str, typer.Argument(metavar="PREVIEW", help="The file; - reads standard input.")],
    form: Format = "text",
    fail_on: FailOn = "",
    output: Output = None,
    measured: Annotated[
        Path | None,
        typer.Option(
            "--measured", metavar="FILE", help="A probe's report (JSON) of the change, once it was made."
        ),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option("--settings", metavar="FILE", help="The environment's settings.")
    ] = None,
    base_settings: Annotated[
        Path | None,
        typer.Option(
            "--base-settings",
            metavar="FILE",
            help="The same before the change: their difference is shown. Without --settings: of this project's file.",
        ),
    ] = None,
    base: Annotated[
        str,
        typer.Option(
            "--base",
            metavar="REF",
            help="Git reference that the change is against: says if it has moved since.",
        ),
    ] = "",
    state: Annotated[
        Path | None,
        typer.Option(
            "--state",
            metavar="FILE",
            help="`pulumi stack export` of now: says if the stack has changed since the preview.",
        ),
    ] = None,
    policy: Policy = None,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            metavar="NAME,...",
            help="Labels of the request: end with exit code 3 if one is missing that --policy asks for.",
        ),
    ] = None,
) -> None:
    """Say what a preview holds: what happens, what clients feel, where it cannot be undone.

    PREVIEW is what `pulumi preview --json` printed (also its streaming form, or the engine's events), of any program.
    Reads the files that are named, and nothing else. Markdown fits into a comment of a pull request; HTML is one file.

    Exit code: 0; 2 if it is no preview; 3 if --fail-on names what it holds, or a label is missing.
    """
    from kolla_iac.preview import Beside, beside, read, read_measured

    source, text = _text(preview)
    found = read(text, source)
    against, moved = _against(base) if base else ("", ())
    difference = None
    if base_settings is not None:
        now = settings or _settings(found.stack)
        difference = beside.settings(_text(str(base_settings))[1], _text(str(now))[1], now.name)
    seen = None
    if measured is not None:
        name, said = _text(str(measured))
        seen = read_measured(said, name)
    since = beside.changed_since(found, _text(str(state))[1], str(state)) if state else ()
    besides = Beside(
        measured=seen,
        settings=difference,
        approvals=approvals(policy),
        labels=None if labels is None else frozenset(filter(None, map(str.strip, labels.split(",")))),
        base=against,
        stale=(*moved, *since),
    )
    show(found, form, fail_on, output, besides)


def approvals(policy: Path | None) -> dict[str, str] | None:
    """What a policy file asks for; None where there is none."""
    from kolla_iac.preview import beside

    return None if policy is None else beside.policy(_text(str(policy))[1], str(policy))


def _settings(stack: str) -> Path:
    from kolla_iac.cli.project import existing, root

    return existing(root(), stack)


def _against(ref: str) -> tuple[str, tuple[str, ...]]:
    """What the working tree's commit is based on, and whether the reference has moved since.

    Raises:
        KollaError: git knows no such reference, or no common commit.
    """
    fork = _git("merge-base", "HEAD", ref)
    moved = int(_git("rev-list", "--count", f"{fork}..{ref}"))
    commits = "1 commit" if moved == 1 else f"{moved:,} commits"
    return f"{ref} at {fork[:12]}", (f"{ref} has moved by {commits} since",) if moved else ()


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        error = KollaError(
            f"git {words[0]} of --base failed",
            {
                "said": done.stderr.strip() or "nothing in common",
                "hint": "a clone that is not deep enough? git fetch --unshallow",
            },
        )
        error.exit_code = 2
        raise error
    return done.stdout.strip()


def show(
    preview: Preview, form: str, fail_on: str, output: Path | None, beside: Beside | None = None
) -> None:
    """Writes the report of a preview, and ends with exit code 3 where it holds what was not to be there.

    Raises:
        KollaError: no such format or kind.
    """
    from kolla_iac.preview import report as made
    from kolla_iac.preview.report import GATES

    kinds = [kind.strip() for kind in fail_on.split(",") if kind.strip()]
    for kind in kinds:
        if kind not in GATES:
            raise _called_wrongly(f"--fail-on {kind} is not known", GATES)
    if form not in FORMATS:
        raise _called_wrongly(f"--format {form} is not known", FORMATS)
    found = made(preview, beside)
    text = rendered(found, form, piped=output is not None)
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")
    held = [one for one in found.findings if one.kind in kinds or one.approved is False]
    if held:
        for one in held:
            lacks = f"; the label {one.needs} is missing" if one.approved is False else ""
            print(f"{one.kind}: {one.what}" + (f": {one.why}" if one.why else "") + lacks, file=sys.stderr)
        raise typer.Exit(GATE)


def _called_wrongly(headline: str, known: tuple[str, ...]) -> KollaError:
    error = KollaError(headline, {"known": ", ".join(known)})
    error.exit_code = 2
    return error


def rendered(report: Report, form: str, *, piped: bool = False) -> str:
    """The report in one of ``FORMATS``."""
    from kolla_iac.cli.terminal import coloured
    from kolla_iac.preview.document import document

    if form == "json":
        return json.dumps(report.data(), indent=1) + "\n"
    parts = document(report)
    if form == "markdown":
        from kolla_iac.preview.markdown import markdown

        return markdown(parts)
    if form == "html":
        from kolla_iac.preview.page import page

        return page(parts, f"{report.stack}: preview")
    from kolla_iac.preview.terminal import terminal

    width = min(max(shutil.get_terminal_size((100, 24)).columns, 60), 140)
    return terminal(parts, width, coloured=not piped and coloured())


def _text(preview: str) -> tuple[str, str]:
    """The file's name for errors, and what it holds.

    Raises:
        NotAPreview: it cannot be read, or is no text.
    """
    from kolla_iac.preview import NotAPreview
    from kolla_iac.preview.read import HOW

    try:
        if preview == "-":
            raw = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with Path(preview).open("rb") as file:
                raw = file.read(LARGEST + 1)
        if len(raw) > LARGEST:
            raise NotAPreview(f"{preview} is too large", {"why": f"more than {LARGEST // 2**20} MiB"})
        encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
        return ("standard input" if preview == "-" else preview), raw.decode(encoding)
    except OSError as error:
        raise NotAPreview(f"{preview} cannot be read", {"why": str(error.strerror), "next": HOW}) from None
    except UnicodeDecodeError:
        raise NotAPreview(
            f"{preview} is no preview of Pulumi's", {"why": "it is not text", "next": HOW}
        ) from None
