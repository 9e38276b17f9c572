"""What `kolla-iac doctor` asks the scheduled backups."""

from __future__ import annotations

from collections.abc import Iterator

from kolla_iac.components.backups.stages import schedule
from kolla_iac.components.backups.status import NAMES, age, ask, failures, overdue, parse
from kolla_iac.runtime.checks import Check, Fact, Finding, Look, Said

SERVICE = "backups"
BY_HAND = {"look": "list", "backup": "create", "verify": "verify", "logs": "logs"}
"""What the container tries -> the command of `kolla-iac backup` that does the same, and says more."""


class Scheduled(Check):
    """Whether backups are made and verified as the settings say. The container is asked, not the repository."""

    name = "backups"
    title = "the last scheduled backup succeeded, and one was verified lately"

    def run(self, look: Look) -> Iterator[Said]:
        when = schedule(look.settings)
        for one in look.running(SERVICE):
            where, last = f"{one.name} on {one.host}", parse(ask(one))
            for failed in failures(last):
                saw = f"{NAMES[failed.what]} failed, {age(look.now - failed.at)} ago: {failed.said}"
                yield Finding("error", where, saw, by_hand(failed.what, look))
            for what, missing in overdue(last, when, look.now):
                if what == "backup":
                    saw = f"no good backup for {age(missing)}, and one is wanted every {when.every}"
                    yield Finding("error", where, saw, by_hand(what, look))
                elif last.newest:
                    saw = f"no backup was verified for {age(missing)}, and one is wanted every {when.verify}"
                    yield Finding("warning", where, saw, by_hand(what, look))
            made = f"{last.newest} is {age(look.now - last.made)} old" if last.made else "no backup yet"
            proof = (
                f"the last was verified {age(look.now - last.verified)} ago"
                if last.verified
                else "none verified"
            )
            yield Fact(f"{one.name}: {made}, {proof}")


def by_hand(what: str, look: Look) -> str:
    """The command that does it now, and says more."""
    return f"kolla-iac backup {BY_HAND[what]} {look.environment}"
