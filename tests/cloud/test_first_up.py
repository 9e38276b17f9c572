"""From nothing to a token; and nothing to do when it is asked for again, wherever and by whom."""

import json
from pathlib import Path

from .conftest import First
from .others import another_user, second_checkout, up_as, up_from
from .support import Cloud


def test_ends_in_a_token_and_says_how_to_use_the_cloud(cloud: Cloud, first: First) -> None:
    assert "token of admin in project admin" in first.up.text
    assert "What took how long:" in first.up.text
    assert f"openstack --os-cloud kolla-{cloud.name} token issue" in first.up.text
    cloud.whole()


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
