"""Backups of schemas with nothing but the rights that services have there, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kolla_iac.components.database.clients import option_file
from kolla_iac.components.database.user import GRANTS

from .backed_up import Repository, Server

PASSWORD = "pw2-of-the-schemas"
ROWS = """
CREATE DATABASE {0} CHARACTER SET utf8mb4; USE {0};
CREATE USER '{0}'@'%' IDENTIFIED BY '{1}'; GRANT {2} ON {0}.* TO '{0}'@'%';
CREATE TABLE user (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(64), extra VARBINARY(200));
CREATE TABLE alembic_version (version_num VARCHAR(32));
INSERT INTO user (name, extra) SELECT
    CONVERT(CONCAT(MD5(seq), UNHEX('270A5CF09F9098')) USING utf8mb4), UNHEX(SHA2(seq, 512)) FROM seq_1_to_2000;
INSERT INTO alembic_version VALUES ('11c3b243b4cb');
CREATE TRIGGER named BEFORE INSERT ON user FOR EACH ROW SET NEW.name = COALESCE(NEW.name, 'nobody');
"""
SUMS = "CHECKSUM TABLE keystone.user, cinder.user, keystone.alembic_version, cinder.alembic_version"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    one = Server(tmp_path_factory.mktemp("repositories"))
    try:
        for schema in ("keystone", "cinder"):
            one.sql(ROWS.format(schema, PASSWORD, ", ".join(GRANTS)))
        one.sql(
            "CREATE DATABASE theirs; CREATE TABLE theirs.secret (id INT); INSERT INTO theirs.secret VALUES (7)"
        )
        yield one
    finally:
        one.close()


class Schemas:
    """Two schemas of the server, and a repository for them."""

    def __init__(self, server: Server) -> None:
        self.server, self.repository = server, Repository(server)
        host = str(server.container.name)
        self.logins = {one: option_file(host, 3306, one, PASSWORD) for one in ("keystone", "cinder")}

    def reaching(self, logins: dict[str, str] | None = None) -> dict[str, Any]:
        return {"schemas": logins or self.logins, "client": "", "network": str(self.server.network.name)}

    def create(self) -> str:
        said = self.repository.run("create", **self.reaching())
        assert "schemas alone, no users" in said
        return self.repository.names()[0]

    def restore(self, name: str) -> str:
        return self.repository.run("restore", name, **self.reaching())


@pytest.fixture
def schemas(server: Server) -> Schemas:
    return Schemas(server)


def test_it_is_proven_and_given_back_whatever_happened_since(schemas: Schemas) -> None:
    server = schemas.server
    before = server.sql(SUMS)
    name = schemas.create()
    assert name.startswith("schemas-")
    proven = schemas.repository.run("verify", name)
    assert "restored, checked and compared, 4 tables, 4002 rows" in proven
    server.sql("DELETE FROM keystone.user; DROP TABLE cinder.user; CREATE TABLE cinder.new (id INT)")
    server.sql("INSERT INTO theirs.secret VALUES (8)")
    said = schemas.restore(name)
    assert "is given back: 4 tables, 4002 rows" in said
    assert server.sql(SUMS) == before
    assert server.sql("SHOW TABLES FROM cinder LIKE 'new'") == ""
    assert server.sql("SELECT COUNT(*) FROM theirs.secret") == "2\n"
    server.sql(
        "INSERT INTO keystone.user (extra) VALUES ('x'); DELETE FROM keystone.user WHERE name = 'nobody'"
    )
    assert server.sql("SELECT ROW_COUNT()").strip() in ("-1", "0", "1")
    # a second one, of which little is new, and both are listed
    second = schemas.create()
    newest, oldest = schemas.repository.listed()["backups"]
    assert (newest["backup"], oldest["backup"]) == (second, name)
    assert oldest["verified"] and not newest["verified"]


def test_its_statements_can_be_looked_at(schemas: Schemas) -> None:
    name, server = schemas.create(), schemas.server
    place = server.volume("look")
    schemas.repository.run("restore-into", name, into=place)
    looked = server.client.containers.run(
        server.image,
        ["grep", "-c", "INSERT INTO", "/look/schemas.sql"],
        entrypoint="",
        remove=True,
        volumes=[f"{place}:/look"],
    )
    assert int(looked) >= 4


def test_what_is_no_whole_dump_counts_for_nothing(schemas: Schemas) -> None:
    """A schema that its user may not read whole; one without a table is a backup like others."""
    server = schemas.server
    wrong = {**schemas.logins, "cinder": schemas.logins["cinder"].replace(PASSWORD, "of-before")}
    refused = schemas.repository.fails("create", **schemas.reaching(wrong))
    assert "Access denied" in refused, refused
    server.sql("REVOKE ALL ON cinder.* FROM cinder@'%'; GRANT SELECT ON cinder.alembic_version TO cinder@'%'")
    try:
        refused = schemas.repository.fails("create", **schemas.reaching())
        assert "SELECT command denied to user" in refused or "cinder" in refused, refused
    finally:
        server.sql(
            f"REVOKE ALL ON cinder.alembic_version FROM cinder@'%'; GRANT {', '.join(GRANTS)} ON cinder.* TO cinder@'%'"
        )
    assert schemas.repository.listed()["backups"] == []


def test_a_backup_of_a_whole_server_is_not_loaded(schemas: Schemas) -> None:
    whole = schemas.repository.create()
    refused = schemas.repository.fails("restore", whole, **schemas.reaching())
    assert "is of a whole server" in refused
    assert schemas.server.sql("SELECT COUNT(*) FROM keystone.user") == "2000\n"
