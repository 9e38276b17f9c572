"""`kolla-iac stage`: carries out the stage whose specification comes on standard input."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from kolla_iac.errors import KollaError

if TYPE_CHECKING:
    from kolla_iac.model.stage import ImagesStage, Stage
    from kolla_iac.runtime.context import Context

PR_SET_PDEATHSIG = 1
"""Source: prctl(2)."""


class BadSpecification(KollaError):
    """What came on standard input is no stage."""

    exit_code = 2


def stage() -> None:
    """Carry out one stage; its specification is read from standard input as JSON.

    Pulumi calls this. It prints one line per step with seconds, and may be run again at any time.
    """
    if sys.stdin.isatty():
        raise BadSpecification(
            "kolla-iac stage reads a specification on standard input", {"hint": "`pulumi up` calls it"}
        )
    end_with_parent()
    specification = parse(sys.stdin.read())

    from kolla_iac.runtime.stage import carry_out

    carry_out(specification, context(specification.hosts, write))


def context(hosts: Mapping[str, str], say: Callable[[str], None]) -> Context:
    """What a stage is carried out with.

    Args:
        hosts: name -> Docker endpoint.
    """
    from kolla_iac.render import haproxy
    from kolla_iac.runtime.context import Context, Tools
    from kolla_iac.runtime.hosts import Hosts

    tools = Tools(
        render=haproxy.render, describe=haproxy.description, beside=haproxy.beside, images=ensure_images
    )
    return Context(Hosts(hosts), tools, say)


def end_with_parent() -> None:
    """Has the kernel send SIGTERM when the process that started us ends: it was cut off, and so are we.

    Linux only; elsewhere a stage outlives its engine, which does no harm but goes on unseen.
    """
    if sys.platform != "linux":
        return
    import ctypes

    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise KollaError(
            "stopped before it began: the engine has gone", {"next": "pulumi up goes on from here"}
        )


def write(line: str) -> None:
    """A line that is seen at once, also through a pipe."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def ensure_images(specification: ImagesStage, say: Callable[[str], None]) -> None:
    """Brings the images; imported only when a stage asks for it."""
    from kolla_iac.images import ensure

    ensure(specification, say)


def parse(text: str) -> Stage:
    """The stage in a JSON text.

    Raises:
        BadSpecification: with the place of every problem, and never with what stands there: it may be secret.
    """
    from pydantic import ValidationError

    from kolla_iac.model.stage import stage_adapter

    try:
        return stage_adapter.validate_json(text)
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}".removeprefix(": ")
            for problem in error.errors(include_input=False, include_url=False, include_context=False)
        ]
        raise BadSpecification("standard input holds no stage", {"problems": problems[:20]}) from None
