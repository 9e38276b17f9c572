"""A backup of the whole server put into the place of what the running one holds: planned, asked, kept, gone on with."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kolla_iac.cli import moment
from kolla_iac.cli.repository import SERVICE, Known, carry_out, logs
from kolla_iac.errors import KollaError
from kolla_iac.model.stage import LABEL_ENVIRONMENT, LABEL_KEPT

if TYPE_CHECKING:
    from kolla_iac.runtime.containers import Found

STOP_SECONDS = 120
START_SECONDS = 180
Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What a restore is going to do."""

    backup: dict[str, Any]
    """What ``show`` of the program says."""
    server: Found
    writers: tuple[Found, ...]
    """Containers of the services that need the database; all of them run in the end."""
    volume: str
    """That of the server."""
    restored: str
    """Volume that is given the backup's data first."""
    kept: str
    """Volume that is given the data which the server has now."""
    goes_on: bool
    """Whether a run that was cut off had begun to exchange them."""
    until: str = ""
    """Up to when what was committed since the backup is restored too; empty: nothing of it."""


def plan(about: Known, backup: str, until: str = "") -> Plan:
    """Looks, and touches nothing; of a running server it stores the binary logs first if they are wanted.

    Raises:
        KollaError: there is no such backup, it does not fit, that moment is not reached from it, or the server has
            no container.
    """
    from kolla_iac.model.service import services
    from kolla_iac.runtime.containers import of_service

    if about.external:  # a server that stands nonetheless was left by a move, and nobody reads it
        raise KollaError(
            f"the schemas of {about.name} are on {about.external}, and this is a backup of the service {SERVICE}",
            {"meanwhile": "nothing was touched", "hint": "for a look at it: --into VOLUME"},
        )
    servers = of_service(about.context.hosts, about.name, SERVICE)
    if not servers:
        raise KollaError(
            f"{about.name} has no database server", {"next": f"pulumi up --refresh --stack {about.name}"}
        )
    there = {str(one.name) for one in servers[0].client.volumes.list()}
    volume = f"kolla-{about.name}-mariadb-1"
    if until:
        restored, kept = _volumes(there, volume, f"until-{until.lower()}")
        if servers[0].running and not {restored, kept} <= there:
            logs(about)
    (line,) = carry_out(about, "show", backup, *[until] * bool(until))
    shown = json.loads(line)
    refuse_release(about, shown)
    if not until:
        restored, kept = _volumes(there, volume, str(shown["backup"]).removeprefix("mariadb-").lower())
    needing = [name for name, service in services().items() if SERVICE in service.needs]
    writers = [one for name in needing for one in of_service(about.context.hosts, about.name, name)]
    goes_on = {restored, kept} <= there
    return Plan(shown, servers[0], tuple(writers), volume, restored, kept, goes_on, until)


def refuse_release(about: Known, shown: dict[str, Any]) -> None:
    """
    Raises:
        KollaError: the backup is of another release than the environment is of.
    """
    if shown["release"] != about.settings.release:
        raise KollaError(
            f"{shown['backup']} is of {shown['release']}, and {about.name} of {about.settings.release}",
            {
                "why": "the services of one release do not work on the schemas of another",
                "next": "restore the dump that the upgrade made, or look at it: --into VOLUME",
            },
        )


def proof(shown: dict[str, Any]) -> str:
    """Whether a backup is known to restore, in a line of a plan."""
    return f"proof    {'verified' if shown['verified'] else 'never verified, so it is verified first'}"


def lost(since: datetime, now: datetime) -> str:
    """What a restore loses, in a line of a plan."""
    from kolla_iac.cli.terminal import ago

    return f"lost     what was written since {since:%Y-%m-%d %H:%M:%S} UTC, {ago(since, now)} ago"


def _volumes(there: set[str], volume: str, stamp: str) -> tuple[str, str]:
    """Names of the volumes for what is restored and what is kept."""
    number = 1
    while True:
        again = f"-{number}" if number > 1 else ""
        restored, kept = f"{volume}-from-{stamp}{again}", f"{volume}-before-{stamp}{again}"
        if kept not in there or restored in there:  # else it was restored before, wholly
            return restored, kept
        number += 1


def told(plan: Plan, now: datetime) -> list[str]:
    """The plan for people."""
    one = plan.backup
    since = moment.read(plan.until) if plan.until else datetime.fromisoformat(one["made"])
    size = f"{one['rows']} rows, {one['bytes'] / 1e6:.1f} MB"
    until = f"what was committed since it and before {since:%Y-%m-%d %H:%M:%S} UTC, from the binary logs"
    return [
        f"restore  {one['backup']}, of MariaDB {one['server']}, {size}",
        *([f"and      {until}"] if plan.until else []),
        proof(one),
        lost(since, now),
        f"stops    {', '.join(each.name for each in (*plan.writers, plan.server))}: every API fails until it is done",
        f"kept     what is replaced, on volume {plan.kept}",
    ]


def restore(about: Known, plan: Plan, say: Say, schema: Callable[[], None]) -> None:
    """Carries the plan out. Up to the first stop nothing that runs is touched.

    Args:
        schema: brings users and passwords in the server to those of the settings.

    Raises:
        KollaError: says what stands still, and that the same command goes on.
    """
    from docker.errors import DockerException

    if not plan.goes_on:
        _prepare(about, plan, say)
    try:
        _exchange(about, plan, say, schema)
    except (KollaError, DockerException) as error:
        facts = error.facts if isinstance(error, KollaError) else {"saw": str(error)}
        again = f"kolla-iac backup restore {about.name} {plan.backup['backup']}"
        again += f" --until {moment.read(plan.until):%Y-%m-%dT%H:%M:%SZ}" if plan.until else ""
        more = {
            "meanwhile": f"stopped; what the server held is on {plan.kept} or in its place still",
            "next": f"mend what it names, then the same again, which goes on: {again}",
        }
        headline = error.headline if isinstance(error, KollaError) else "Docker does not do it"
        raise KollaError(headline, {**facts, **more}) from error


def _exchange(about: Known, plan: Plan, say: Say, schema: Callable[[], None]) -> None:
    server = plan.server
    for one in (*plan.writers, server):
        one.container.stop(timeout=STOP_SECONDS)
        say(f"{one.name} stopped")
    for line in carry_out(about, "swap", **_mounted(plan)):
        say(line)
    server.container.start()
    _answers(server)
    say(f"{server.name} answers")
    _administrator(server, about.secrets["mariadb_root_password"])
    schema()
    # before anybody writes again: as long as it is there, a restore is to be gone on with
    server.client.volumes.get(plan.restored).remove()
    for one in plan.writers:
        one.container.start()
        say(f"{one.name} started")


def _prepare(about: Known, plan: Plan, say: Say) -> None:
    """The backup's data in a volume of its own, with room beside it; what runs serves on."""
    from docker.errors import NotFound

    volumes, name = plan.server.client.volumes, plan.backup["backup"]
    if not plan.backup["verified"]:
        for line in carry_out(about, "verify", name):
            say(line)
    with contextlib.suppress(NotFound):
        volumes.get(plan.restored).remove()  # of a run that was cut off
    labels = {LABEL_ENVIRONMENT: about.name}
    volumes.create(plan.restored, labels=labels)
    try:
        for line in carry_out(
            about, "restore-into", name, *[plan.until] * bool(plan.until), into=plan.restored
        ):
            say(line)
        carry_out(about, "room", **_mounted(plan))
    except KollaError:
        volumes.get(plan.restored).remove()
        raise
    volumes.create(plan.kept, labels={**labels, LABEL_KEPT: name})


def _mounted(plan: Plan) -> dict[str, str]:
    """Those of a restore, and the directory of the host in which all of them lie side by side, if they do."""
    found = [plan.server.client.volumes.get(name).attrs for name in (plan.volume, plan.restored)]
    usual = all(
        one["Driver"] == "local"
        and not one["Options"]
        and one["Mountpoint"].endswith(f"/{one['Name']}/_data")
        for one in found
    )
    parents = {one["Mountpoint"].removesuffix(f"/{one['Name']}/_data") for one in found}
    together = parents.pop() if usual and len(parents) == 1 else ""
    return {"into": plan.restored, "kept": plan.kept, "together": together}


def _answers(server: Found) -> None:
    from kolla_iac.components.mariadb.stages import LOCAL
    from kolla_iac.runtime.containers import log_lines
    from kolla_iac.runtime.execute import CannotRun, run

    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(CannotRun):
            if run(server, [*LOCAL, "-e", "SELECT 1"]).exit_code == 0:
                return
        time.sleep(0.5)
    raise KollaError(f"{server.name} does not answer on what was restored", {"log": log_lines(server)})


def _administrator(server: Found, password: str) -> None:
    """The administrator's password as of the settings, whatever it was at the backup's time."""
    from kolla_iac.components.mariadb.stages import LOCAL, password_sql
    from kolla_iac.runtime.execute import run

    done = run(server, list(LOCAL), stdin=password_sql(password))
    if done.exit_code:
        raise KollaError(f"{server.name} does not take the administrator's password", {"saw": done.errors})


def schema_stages(state: dict[str, Any]) -> list[str]:
    """The specifications of the stages that make schemas and their users, as the state has them."""
    resources = (state.get("deployment") or {}).get("resources") or []
    found = [one for one in resources if str(one["urn"]).endswith("-schema") and one["inputs"].get("stdin")]
    given = [one["inputs"]["stdin"] for one in found]
    return [str(json.loads(text["plaintext"]) if isinstance(text, dict) else text) for text in given]
