"""``kolla-iac preview``: the engine's preview of an environment, and its report."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from kolla_iac.cli.report import FailOn, Format, Output, approvals, show
from kolla_iac.errors import KollaError

POLICY = "policy.yaml"
"""Beside the environments' files: which findings need which label."""


def preview(
    environment: Annotated[str, typer.Argument(metavar="ENV", help="Name of the environment.")],
    form: Format = "text",
    fail_on: FailOn = "",
    output: Output = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Look at the hosts first: drift is seen then.")
    ] = False,
    opened: Annotated[bool, typer.Option("--open", help="Open the HTML in a browser.")] = False,
) -> None:
    """Preview an update and say what it would do: what happens, what clients feel, where it cannot be undone.

    The same as `pulumi preview --json` and `kolla-iac report`; changes nothing. Where stacks/policy.yaml is there,
    findings say which label they need.
    """
    from kolla_iac.cli.engine import previewed
    from kolla_iac.cli.project import existing, root, stacks
    from kolla_iac.preview import Beside, read

    project = root()
    existing(project, environment)
    done = previewed(project, environment, *(["--refresh"] if refresh else []))
    if done.returncode and not done.stdout.strip():
        raise KollaError(f"the preview of {environment} failed", {"said": done.stderr.strip()})
    if opened:
        form, output = "html", output or Path.cwd() / f"preview-{environment}.html"
    policy = stacks(project) / POLICY
    beside = Beside(approvals=approvals(policy if policy.exists() else None))
    try:
        show(read(done.stdout, f"the preview of {environment}"), form, fail_on, output, beside)
    finally:
        if opened and output is not None and output.exists():
            webbrowser.open(output.resolve().as_uri())
    if done.returncode:
        sys.exit(done.returncode)
