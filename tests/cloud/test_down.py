"""Two environments at once; one of them down, up again with its data, and gone."""

from __future__ import annotations

import re
from pathlib import Path

from .probing import probing
from .support import Cloud, Home


def test_down_leaves_the_other_alone_and_up_finds_the_data(cloud: Cloud, beside: Cloud) -> None:
    before = cloud.ids()
    with probing(cloud, rate=10, slow_seconds=0) as probe:
        beside.openstack("user", "create", "--domain", "default", "somebody")

        down = beside.kolla("down")
        assert beside.containers() == []
        assert beside.docker.networks.list(filters={"label": f"kolla_iac.environment={beside.name}"}) == []
        assert "The data is kept" in down.text

        beside.kolla("up")
        beside.whole()
        # not looked for in a list, which Keystone cuts at 1,000
        assert "somebody" in beside.openstack("user", "show", "--domain", "default", "somebody").text
    assert cloud.ids() == before
    probe.none_failed()
    assert "somebody" not in cloud.openstack("user", "list").text


def test_what_is_purged_comes_back_from_a_backup_on_a_machine_that_has_nothing_of_it(
    cloud: Cloud, beside: Cloud, tmp_path: Path
) -> None:
    """The drill: another passphrase, no state, no settings, no volume; only a repository and its password."""
    others = cloud.ids()
    repository = tmp_path / "repository"
    repository.mkdir()
    beside.keep({"backup": {"target": {"directory": str(repository)}}})
    beside.write()
    beside.kolla("secrets", "generate")
    beside.openstack("project", "create", "--domain", "default", "of-before")
    beside.openstack("credential", "create", "--type", "ec2", "admin", '{"access": "a", "secret": "b"}')
    identity = beside.identity()
    token = identity.issue(identity.connection())
    rows, password = _rows(beside), beside.secret("backup_repository_password")
    made = beside.kolla("backup", "create").text
    assert "a new repository of backups was made" in made

    asked = beside.kolla("purge", fails=True, stdin="no\n")
    assert "nothing was touched" in asked.text
    beside.whole()
    beside.kolla("purge", stdin=f"{beside.name}\n")
    assert beside.containers() == []
    left = beside.docker.volumes.list(filters={"label": f"kolla_iac.environment={beside.name}"})
    assert left == []
    assert cloud.ids() == others

    empty = Cloud(Home(tmp_path / "empty"), beside.name)
    (empty.home.data / "passphrase").write_text("of the new machine\n")
    empty.port = beside.port
    words = ["kolla-iac", "restore-cloud", str(repository), beside.name]
    try:
        assert "does not open" in empty.home.run(*words, stdin="wrong\n", fails=True).text
        assert not empty.file.exists()
        restored = empty.home.run(*words, stdin=f"{password}\n{beside.name}\n")
        print(restored)
        assert re.search(r"\b[1-9]\d* stored credentials open with its keys", restored.text), str(restored)
        assert "is there already" in empty.home.run(*words, stdin=f"{password}\n", fails=True).text
        empty.kolla("up")
        empty.whole()
        empty.pulumi("preview", "--expect-no-changes")
        assert empty.planned() == []
        assert _rows(empty) == rows
        empty.identity().validate(empty.identity().connection(), token)
        _none_of([*empty.said, str(restored), made], [password, token, empty.password()])
        empty.kolla("purge", "--yes")
    finally:
        empty.remove()


def _rows(cloud: Cloud) -> str:
    """All that Keystone's schema holds, as SQL, a row a line."""
    line = [
        "mariadb-dump",
        "--protocol=socket",
        "--skip-comments",
        "--order-by-primary",
        "--skip-extended-insert",
    ]
    done = cloud.containers("mariadb")[0].exec_run([*line, "keystone"])
    assert done.exit_code == 0, done.output.decode()
    return str(done.output.decode())


def _none_of(texts: list[str], secrets: list[str]) -> None:
    assert not [secret[:4] for secret in secrets if any(secret in text for text in texts)]
