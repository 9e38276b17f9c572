"""A database server that somebody else runs: what is wrong with it is found before anything is done on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import eventually

from .database_server import TLS, Authority, Server
from .support import LABEL, Cloud, image, merged

STRICT = "--sql-mode=STRICT_TRANS_TABLES"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Not yet started; in MariaDB's image."""
    made = Server(image("mariadb-server", "2025.2"), tmp_path)
    yield made
    made.remove()


class Site:
    """An environment on a server of somebody else's."""

    def __init__(self, cloud: Cloud, server: Server, **settings: Any) -> None:
        self.cloud, self.server = cloud, server
        self.use(host=server.address, port=server.port, **settings)
        cloud.make()

    def use(self, **settings: Any) -> None:
        """Other settings of the server."""
        self.cloud.keep({"services": {"database": {"external": settings}}})
        self.cloud.write()

    def check(self) -> list[dict[str, str]]:
        """What `kolla-iac database check` finds; its exit code says the same."""
        said = self.cloud.home.run("kolla-iac", "database", "check", self.cloud.name, "--json", fails=None)
        assert "{" in said.text, str(said)
        found: list[dict[str, str]] = json.loads(said.text[said.text.index("{") :])["findings"]
        assert said.status == (1 if any(one["level"] == "error" for one in found) else 0), str(said)
        return found

    def named(self) -> list[str]:
        return sorted(one["name"] for one in self.check())

    def sql(self, *options: str) -> str:
        """What `kolla-iac database sql` prints."""
        return self.cloud.kolla("database", "sql", *options).text


def mended(server: Server, found: list[dict[str, str]], secrets: dict[str, str]) -> None:
    """The DBA runs what findings say, each as it stands, with passwords in the places of <...>."""
    for one in found:
        sql = one["mend"].partition("; or")[0]
        for name, value in secrets.items():
            sql = sql.replace(f"<{name}>", value)
        server.sql(sql + ("" if sql.rstrip().endswith(";") or "--" in sql else ";"))


PLANTED = """
SET GLOBAL log_bin_trust_function_creators = OFF;
SET GLOBAL read_only = ON;
SET GLOBAL default_storage_engine = Aria;
SET GLOBAL enforce_storage_engine = Aria;
SET GLOBAL innodb_default_row_format = compact;
SET GLOBAL wait_timeout = 60;
SET GLOBAL max_connections = 30;
SET GLOBAL max_allowed_packet = 1048576;
SET GLOBAL tx_isolation = 'READ-UNCOMMITTED';
SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT';
ALTER DATABASE keystone CHARACTER SET latin1;
REVOKE TRIGGER, ALTER, INDEX, REFERENCES ON keystone.* FROM keystone@'%';
"""
FOUND = [
    *(
        "triggers",
        "read-only",
        "engine",
        "engine",
        "row-format",
        "wait-timeout",
        "connections",
        "connections",
    ),
    *("packet", "isolation", "sql-mode", "character-set", "grants"),
]


def test_everything_is_found_at_once_and_mended_by_the_sql_that_is_said(
    another: Callable[[], Cloud], server: Server
) -> None:
    """Schemas and users are made by the DBA."""
    server.start("--max-user-connections=10")
    site = Site(another(), server)
    passwords = {"keystone_database_password": site.cloud.secret("keystone_database_password")}
    first = site.check()
    assert [one["name"] for one in first] == ["login"], first
    shown = site.sql()
    assert passwords["keystone_database_password"] not in shown
    assert "<keystone_database_password>" in shown
    server.sql(site.sql("--show-passwords"))
    server.sql("SET GLOBAL max_user_connections = 500;")
    assert site.check() == []

    server.sql("SET GLOBAL max_user_connections = 10;")
    server.sql(PLANTED)
    found = site.check()
    assert sorted(one["name"] for one in found) == sorted(FOUND), found
    (grants,) = [one for one in found if one["name"] == "grants"]
    assert "REFERENCES, INDEX, ALTER, TRIGGER" in grants["saw"]
    assert (
        site.server.sql("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'keystone'")
        == "0\n"
    )
    mended(server, found, passwords)
    assert site.check() == []

    for statement, name, words in (
        ("ALTER USER keystone@'%' ACCOUNT LOCK", "login", "locked"),
        ("ALTER USER keystone@'%' PASSWORD EXPIRE", "login", "expired"),
        ("ALTER USER keystone@'%' IDENTIFIED BY 'other'", "login", "another password"),
        ("ALTER DATABASE keystone COLLATE utf8mb4_bin", "collation", "utf8mb4_bin"),
        ("DROP DATABASE keystone", "schema", "no schema keystone"),
    ):
        server.sql(statement)
        (one,) = site.check()
        assert (one["name"], words in one["saw"]) == (name, True), one
        mended(server, [one], passwords)
    assert site.check() == []


@pytest.mark.long
def test_an_administrator_who_may_too_little(another: Callable[[], Cloud], server: Server) -> None:
    server.start(
        STRICT, "--version=10.4.1-MariaDB", "--plugin-load-add=disks", "--plugin-maturity=alpha", disk="600m"
    )
    site = Site(another(), server, admin={"user": "kolla"})
    missing = site.cloud.home.run("kolla-iac", "database", "check", site.cloud.name, fails=True)
    assert f"kolla-iac secrets set {site.cloud.name} database_admin_password" in missing.text
    line = ("kolla-iac", "secrets", "set", site.cloud.name, "database_admin_password")
    site.cloud.home.run(*line, stdin="as the DBA said\n")
    server.sql("CREATE USER kolla@'%' IDENTIFIED BY 'as the DBA said'; GRANT FILE ON *.* TO kolla@'%';")
    server.sql("SET GLOBAL init_connect = 'SET timestamp = UNIX_TIMESTAMP() - 60';")
    found = site.check()
    assert sorted(one["name"] for one in found) == [
        "clock",
        "grants",
        "grants",
        "grants",
        "space",
        "version",
    ], found
    mended(server, [one for one in found if one["name"] == "grants"], {})
    assert site.named() == ["clock", "space", "version"]
    server.start()
    server.sql(site.sql("--show-passwords"))
    assert site.check() == []


def test_tls(another: Callable[[], Cloud], server: Server) -> None:
    folder = server.folder
    ours, theirs = Authority(folder, "ours"), Authority(folder, "theirs")
    ours.sign("good", f"IP:{server.address}")
    ours.sign("over", f"IP:{server.address}", days=0)
    ours.sign("elsewhere", "DNS:db.example")
    ours.use("good")
    server.start(*TLS)
    site = Site(another(), server, tls={"ca": ours.certificate})
    server.sql(site.sql("--show-passwords"))
    assert site.check() == []

    def says(words: str) -> None:
        (one,) = site.check()
        assert (one["name"], words in one["saw"]) == ("tls", True), one

    ours.sign("client", "DNS:keystone")
    server.sql("ALTER USER keystone@'%' REQUIRE X509")
    (one,) = site.check()
    assert (one["name"], "a certificate is asked for" in one["saw"]) == ("login", True), one
    line = ("kolla-iac", "secrets", "set", site.cloud.name, "database_client_key")
    site.use(tls={"certificate": (folder / "client.pem").read_text()})
    site.cloud.home.run(*line, stdin=(folder / "client.key").read_text())
    assert site.check() == []
    server.sql("ALTER USER keystone@'%' REQUIRE SSL")
    site.use(tls={"ca": theirs.certificate})
    says("not signed by tls.ca")
    site.use(tls={"ca": ours.certificate})
    ours.use("over")
    server.sql("FLUSH SSL")
    says("expired")
    ours.use("elsewhere")
    server.sql("FLUSH SSL")
    says("not for this name")
    site.use(tls={"verify": "ca"})
    assert site.check() == []
    site.cloud.base["services"]["database"]["external"].pop("tls")
    server.sql("SET GLOBAL require_secure_transport = ON")
    site.cloud.write()
    (one,) = site.check()
    assert (one["name"], "encrypted connections alone" in one["saw"]) == ("login", True), one
    site.use(tls={"ca": ours.certificate})
    server.start("--skip-ssl")
    server.sql(site.sql("--show-passwords"))
    says("offers none")
    ours.use("good")
    server.start(*TLS, "--tls-version=TLSv1.0", "--ssl-cipher=ALL:@SECLEVEL=0")
    server.sql(site.sql("--show-passwords"))
    says("no version or cipher of TLS in common")


def test_nothing_is_there(another: Callable[[], Cloud], server: Server) -> None:
    site = Site(another(), server)
    (one,) = site.check()
    assert (one["name"], f"{server.address}:{server.port}" in one["saw"]) == ("reachable", True), one
    site.use(host="no-such-host.invalid")
    (one,) = site.check()
    assert (one["name"], "does not resolve" in one["saw"]) == ("name", True), one
    warned = site.cloud.pulumi("preview").text
    assert "gives no greeting here" in warned


def test_a_cloud_on_it(another: Callable[[], Cloud], server: Server) -> None:
    """From a server that is not as it has to be to a token; then a rotation that the DBA takes part in."""
    authority = Authority(server.folder, "ours")
    authority.sign("good", f"IP:{server.address}")
    authority.use("good")
    server.start(*TLS)
    site = Site(another(), server, tls={"ca": authority.certificate})
    cloud = site.cloud
    refused = cloud.up(None, fails=True)
    assert "database" in refused.text and "mend" in refused.text, str(refused)
    assert cloud.containers("keystone") == []
    server.sql(site.sql("--show-passwords"))
    up = cloud.up()
    assert cloud.answers(), str(up)
    assert cloud.containers("mariadb") == []
    assert cloud.up().changes == 0
    used = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{}' AND db = 'keystone'"
    assert server.sql(used.format("keystone")) != "0\n"

    _backed_up_and_given_back(cloud, server)

    cloud.home.run("kolla-iac", "secrets", "rotate", cloud.name, "keystone_database_password")
    server.sql(site.sql("--show-passwords"))
    cloud.up()
    assert cloud.answers()
    assert server.sql(used.format("keystone")) == "0\n"
    assert server.sql(used.format("keystone_1")) != "0\n"

    away = cloud.base
    cloud.base = merged(away, {"services": {"database": {"external": {"host": "192.0.2.1"}}}})
    cloud.write()
    moved = cloud.pulumi("preview", fails=True)
    assert "its data do not move by themselves" in moved.text, str(moved)
    cloud.base = away


def _backed_up_and_given_back(cloud: Cloud, server: Server) -> None:
    """With nothing but what Keystone may do there; the administrator of the cloud is nobody on that server."""
    volume = f"kolla-{cloud.name}-repository"
    cloud.docker.volumes.create(volume, labels={LABEL: cloud.name})
    cloud.keep({"backup": {"target": {"volume": volume}}})
    cloud.write()
    cloud.kolla("secrets", "generate")
    made = cloud.kolla("backup", "create").text
    assert "of a server of somebody else's: schemas alone" in made, made
    assert "is verified: restored, checked and compared" in cloud.kolla("backup", "verify").text
    refused = cloud.kolla("backup", "logs", fails=True).text
    assert f"the binary logs of {server.address}:{server.port} are its owner's" in refused
    schema = "SELECT COUNT(*) FROM keystone.project WHERE name = 'since'"
    server.sql("INSERT INTO keystone.project (id, name, domain_id) VALUES ('1', 'since', 'default')")
    name = next(word for word in cloud.kolla("backup", "list").text.split() if word.startswith("schemas-"))
    given = cloud.home.run("kolla-iac", "backup", "restore", cloud.name, name, "--yes").text
    print(given)
    assert server.sql(schema) == "0\n"
    eventually(cloud.answers, 60, "the cloud serves again")
    assert cloud.kolla("backup", "list").text.count("schemas-") == 2
