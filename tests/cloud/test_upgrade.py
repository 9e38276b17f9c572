"""Keystone from 2025.2 to 2026.1: cut off, gone back from, completed; and no way back from then on.

Under load, with tokens in use that were issued before and in every stage, and with a domain whose 2,000 users and all
that is theirs are compared with what they were, row by row.
"""

from __future__ import annotations

import re
import signal
import time

from . import tokens
from .api import Api
from .kept import GROUPS, OWNERS, PROJECTS, USERS, Kept, Rows, counts, differences
from .probing import agreed, probed, probing
from .support import Cloud

NEW = {"release": "2026.1"}
STAGES = {
    f"keystone-{stage}"
    for stage in ("backup", "preflight", "expand", "1-handover", "2-handover", "contract", "verify")
}
"""Of a whole upgrade, among others."""


def _filled(cloud: Cloud) -> Kept:
    began = time.monotonic()
    kept = Kept(Api(cloud.url), cloud)
    kept.fill()
    print(f"a domain with {USERS} users and {PROJECTS} projects made in {time.monotonic() - began:.0f} s")
    return kept


def _planted(kept: Kept, before: Rows) -> None:
    """The comparison finds what differs: a user, an assignment, a member, a trust and an application credential."""
    token, user, group = kept.administrator(), kept.users[7], kept.groups[5]
    owner = kept.owners[3]
    member = next(key for key in before if key.startswith(f"members/{group}/"))
    (role,) = (one["id"] for one in owner.trust["roles"])
    ask = kept.api.ask
    ask("PATCH", f"/users/{user}", token, {"user": {"enabled": False, "email": "other@kept.example"}})
    ask("DELETE", f"/groups/{group}/users/{member.rpartition('/')[2]}", token)
    ask("DELETE", f"/projects/{kept.projects[50]}/users/{kept.users[500]}/roles/{role}", token)
    ask("DELETE", f"/credentials/{next(key for key in before if key.startswith('credentials/'))[12:]}", token)
    ask("DELETE", f"/OS-TRUST/trusts/{owner.trust['id']}", kept.token_of(owner))
    ask(
        "DELETE",
        f"/users/{owner.user}/application_credentials/{owner.application['id']}",
        kept.token_of(owner),
    )
    ask("POST", "/users", token, {"user": {"name": "another", "domain_id": kept.domain}})
    found = differences(before, kept.rows())
    print("\n".join(found))
    kinds = sorted(re.sub(r"/.*?: ", ": ", line) for line in found)
    assert kinds == [
        "application_credentials: gone",
        "credentials: gone",
        "members: gone",
        "role_assignments: gone",
        "trusts: gone",
        "users: email: 'missing' -> 'other@kept.example'",
        "users: enabled: True -> False",
        "users: new",
    ]


def test_cut_off_back_and_completed(beside: Cloud) -> None:
    cloud = beside
    assert cloud.releases() == {"2025.2"}
    assert cloud.planned() == []
    kept = _filled(cloud)
    before = kept.rows()
    print(counts(before))
    assert counts(before)["users"] == USERS + 1
    assert counts(before)["projects"] > PROJECTS  # those of tests before this one among them
    assert counts(before)["role_assignments"] > PROJECTS + GROUPS
    assert counts(before)["trusts"] == counts(before)["application_credentials"] == OWNERS
    with tokens.in_use(kept) as use, probing(cloud) as probe:
        running = cloud.start(NEW)
        running.until(running.says(r"keystone-1-handover updated"))
        assert running.end(signal.SIGINT, group=True) != 0, running.text

        # the plan goes on from where it was cut off
        (left,) = cloud.planned()
        assert left["headline"] == "keystone 2025.2 -> 2026.1"
        assert {"expand", "handover keystone-1"} <= set(left["done"])
        assert left["reversible_until"] == "contract"
        names = [step["name"] for step in left["steps"]]
        assert "start" not in names
        assert names[-4:] == ["contract", "verify", "users", "credentials"]

        # back: an older expansion meets the newer schema and does nothing
        cloud.write()
        (back,) = cloud.planned()
        assert back["headline"] == "keystone 2026.1 -> 2025.2 (back)"
        gone_back = cloud.up()
        print(gone_back)
        assert "the schema is expanded for a later release already" in gone_back.text
        assert cloud.releases() == {"2025.2"}
        cloud.whole()
        assert cloud.planned() == []
    use.all_good()
    probe.none_failed()
    assert differences(before, kept.rows()) == []

    # and to the end
    cloud.write(NEW)
    with tokens.in_use(kept) as later:
        done, report = probed(cloud)
    assert cloud.releases() == {"2026.1"}
    cloud.whole()
    assert cloud.planned() == []
    assert report["failed"] == 0, str(done)
    assert report["total"] >= 200
    assert (done.status, report["verdict"]) == ((0, "as predicted") if report["valid"] else (4, "invalid"))
    assert set(agreed(report)) >= STAGES, agreed(report)
    use.all_good()
    later.all_good()
    assert differences(before, kept.rows()) == []
    kept.sign_in()
    _planted(kept, before)

    cloud.write()
    refused = cloud.kolla("plan", fails=True)
    assert "keystone 2026.1 -> 2025.2 is refused" in refused.text
    there = cloud.ids("keystone")
    down = cloud.up(fails=True)
    assert "refused: no step leads down from 2026.1 to 2025.2" in down.text
    assert cloud.ids("keystone") == there
    cloud.keep(NEW)
    cloud.up()
    assert cloud.ids("keystone") == there
