"""From nothing to a token; and nothing to do when it is asked for again, wherever and by whom."""

import json
import re
import subprocess
from pathlib import Path

from .conftest import First
from .others import another_user, second_checkout, up_as, up_from
from .support import Cloud


def test_ends_in_a_token_and_says_how_to_use_the_cloud(cloud: Cloud, first: First) -> None:
    assert "token of admin in project admin" in first.up.text
    assert f"openstack --os-cloud kolla-{cloud.name} token issue" in first.up.text
    cloud.whole()


def test_ends_with_a_table_of_what_took_how_long(cloud: Cloud, first: First) -> None:
    rows = table(first.up.text)
    names = [name for *_, name in rows]
    assert names[0] == f"pulumi up --stack {cloud.name}", first.up.text
    assert names[-2:] == ["a token, issued and validated", "all"], first.up.text
    assert sum(name.endswith("<- the slowest") for name in names) == 1, first.up.text
    began = [float(after) for after, *_ in rows[1:-2] if after]
    assert len(began) >= 2 and began == sorted(began), first.up.text
    whole, parts = float(rows[0][1]), [float(took) for _, took, _ in rows[1:-2]]
    assert max(parts) < whole <= sum(parts) + 1, "the parts cover the whole"


def test_nothing_is_repainted_where_there_is_no_terminal(cloud: Cloud) -> None:
    cloud.write()
    env = {name: value for name, value in cloud.home.environment.items() if name != "NO_COLOR"}
    line = ["kolla-iac", "up", cloud.name]
    done = subprocess.run(line, cwd=cloud.home.project, env=env, capture_output=True, check=True)
    said = done.stdout + done.stderr
    assert b"\x1b" not in said and b"\r" not in said and b"\b" not in said, said
    assert [name for *_, name in table(done.stdout.decode())] == [
        f"pulumi up --stack {cloud.name}",
        "a token, issued and validated",
        "all",
    ], "nothing has changed, so no stage has run"


def table(text: str) -> list[tuple[str, str, str]]:
    """After (empty where it has none), seconds, name: the rows of the table in what `kolla-iac up` printed."""
    lines = text.partition("What took how long:\n")[2].partition("\n\n")[0].splitlines()
    found = [re.fullmatch(r" +(?:([0-9.]+) s +)?([0-9.]+) s  +(.*)", line) for line in lines[1:]]
    assert lines[0].split() == ["after", "took"] and all(found), text
    return [(one[1] or "", one[2], one[3]) for one in found if one]


def test_nothing_to_change_right_after(cloud: Cloud) -> None:
    again = cloud.up()
    assert again.changes == 0, str(again)
    assert again.counts["unchanged"] > 20, str(again)


def test_nothing_to_change_after_a_refresh(cloud: Cloud) -> None:
    again = cloud.up(None, "--refresh")
    assert again.changes == 0, str(again)


def test_nothing_to_change_from_a_second_checkout(cloud: Cloud, tmp_path: Path) -> None:
    cloud.write()
    again = up_from(second_checkout(tmp_path / "elsewhere", cloud), cloud, "--skip-preview")
    assert again.changes == 0, str(again)
    assert again.counts["unchanged"] > 20, str(again)


def test_nothing_to_change_as_another_user(cloud: Cloud, tmp_path: Path) -> None:
    cloud.write()
    with another_user(cloud.name) as user:
        again = up_as(user, cloud, tmp_path / "home", "--skip-preview")
    assert again.changes == 0, str(again)
    assert again.counts["unchanged"] > 20, str(again)


def test_the_openstack_client_gets_a_token(cloud: Cloud) -> None:
    token = json.loads(cloud.openstack("token", "issue", "-f", "json").text)
    assert set(token) == {"expires", "id", "project_id", "user_id"}
