"""`kolla-iac up | down | purge`: a whole environment, with Pulumi doing the work.

They add to plain ``pulumi up`` and ``pulumi destroy`` what stands around them: the entry for the openstack client,
a token issued and validated in the end, and a table of what took how long.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from kolla_iac.cli.terminal import agreed
from kolla_iac.cli.took import Took, before, stages, table
from kolla_iac.errors import KollaError

Name = Annotated[str, typer.Argument(metavar="ENV", help="Name of the environment.")]


@dataclass
class Steps:
    """What took how long, for the table in the end."""

    took: list[Took] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        print(f"== {name}", flush=True)
        start, began = time.time(), time.monotonic()
        try:
            yield
        finally:
            self.took.append(Took(name, start, time.monotonic() - began))

    def table(self, stages: Sequence[Took] = ()) -> str:
        """One line a step and the sum; below a step, its stages."""
        return table(self.took, stages)


def up(environment: Name) -> None:
    """Bring up an environment, and end by issuing and validating a token.

    Prints plain lines, on a terminal too, and in the end what took how long.
    """
    from kolla_iac.cli import client, preflight, project
    from kolla_iac.runtime import timeline

    checkout = project.root()
    settings = os.path.relpath(project.existing(checkout, environment), checkout)
    for warning in preflight.check(environment):
        print(f"warning: {warning}", file=sys.stderr)
    made = before(os.environ, time.time())
    steps = Steps([made] if made else [])
    mark = timeline.size(environment)
    try:
        with steps.step(f"pulumi up --stack {environment}"):
            pulumi("up", environment, "--yes")
        with steps.step("a token, issued and validated"):
            outputs = stack_outputs(environment)
            cloud = client.entry(outputs)
            name = client.write(environment, cloud)
            print(f"   {client.token(cloud)}")
    except KollaError:
        print(f"\nWhat took how long, until it failed:\n{times(steps, environment, mark)}", flush=True)
        raise
    print(f"""
The cloud "{environment}" stands. What took how long:
{times(steps, environment, mark)}

  identity   {outputs["keystone"]}
  use it     source .envrc; openstack --os-cloud {name} token issue
  change it  edit {settings}, then: pulumi preview --stack {environment}
             and: pulumi up --stack {environment}
  stop it    kolla-iac down {environment} (keeps the data)""")


def times(steps: Steps, environment: str, mark: int) -> str:
    """The steps, with the stages that stand in the timeline behind the mark."""
    from kolla_iac.runtime import timeline

    return steps.table(stages(timeline.since(environment, mark), time.time()))


def down(environment: Name) -> None:
    """Take down containers and networks; volumes and what they hold stay."""
    steps = Steps()
    with steps.step(f"pulumi destroy --stack {environment} --exclude-protected"):
        pulumi("destroy", environment, "--yes", "--exclude-protected")
    with steps.step("what cut-off updates left behind"):
        from kolla_iac.runtime.leftovers import remove

        remove(hosts(environment), environment, volumes=False, say=lambda line: print(f"   {line}"))
    print(f"\nThe data is kept; kolla-iac up {environment} finds it again.\n{steps.table()}")


def purge(
    environment: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take down everything, data too. Asks first."""
    from kolla_iac.cli import ports

    agreed(environment, yes=yes, question=f'This deletes all data of "{environment}". Type its name to go on')
    steps = Steps()
    with steps.step(f"pulumi destroy --stack {environment}"):
        pulumi("state", environment, "--yes", "--all", words=("state", "unprotect"))
        pulumi("destroy", environment, "--yes")
    with steps.step("what cut-off updates left behind"):
        from kolla_iac.runtime.leftovers import remove

        remove(hosts(environment), environment, volumes=True, say=lambda line: print(f"   {line}"))
    ports.release(environment)
    print(f'\nNothing of "{environment}" is left but its settings.\n{steps.table()}')


def pulumi(command: str, environment: str, *options: str, words: tuple[str, ...] = ()) -> None:
    """Runs the engine on the environment, its output passed on: plain lines everywhere, none of which is repainted.

    Raises:
        KollaError: it failed; its own output has said why.
    """
    line = ["pulumi", *(words or (command,)), "--stack", environment, "--non-interactive", *options]
    # instead of the engine's dots, stages say what they wait for
    quiet = ["--suppress-progress"]
    if command == "state":
        line.remove("--non-interactive")
        quiet = []
    sys.stdout.flush()
    try:
        status = to_its_end([*line, *quiet])
    except FileNotFoundError:
        raise KollaError("pulumi is not on PATH", {"next": "source .envrc"}) from None
    if status:
        from kolla_iac.cli import preflight

        if cause := preflight.explain(environment):
            raise KollaError(f"{' '.join(line)} failed", cause)
        raise KollaError(
            f"{' '.join(line)} failed (exit code {status})",
            {
                "meanwhile": "what served before serves on",
                "next": f"mend what it names, then: {' '.join(line)}",
            },
        )


def to_its_end(line: Sequence[str]) -> int:
    """Runs a command, also beyond Ctrl-C: the terminal tells it too, and it must end by itself, not be killed.

    Returns:
        its exit code.
    """
    # a handler of Python's own is not inherited: the command takes the signal as it likes
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.run(line, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)


def stack_outputs(environment: str) -> dict[str, Any]:
    """Outputs of the stack, secrets in clear; for this process only."""
    done = subprocess.run(
        ["pulumi", "stack", "output", "--json", "--show-secrets", "--stack", environment],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise KollaError("the stack has no outputs to read", {"saw": done.stderr.strip()})
    outputs: dict[str, Any] = json.loads(done.stdout)
    return outputs


def hosts(environment: str) -> dict[str, str]:
    """Name -> Docker endpoint, from the environment's settings."""
    from kolla_iac.cli.project import settings_of

    return {host.name: host.docker for host in settings_of(environment).hosts}
