"""A server of somebody else's: settings, secrets, what is judged, what is printed for its DBA."""

from __future__ import annotations

import doctest
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from kolla_iac.components.database import clients, judge, login, sql, variables
from kolla_iac.components.database.external import seen_from_here
from kolla_iac.components.database.orders import Demand
from kolla_iac.components.database.server import DatabaseServer, tls_files
from kolla_iac.components.database.user import GRANTS
from kolla_iac.components.keystone import stages as keystone
from kolla_iac.components.rollouts import rollouts
from kolla_iac.components.schemas import of_all, schemas
from kolla_iac.errors import KollaError, SettingsError
from kolla_iac.model.database import SUPPORTED, ExternalSettings, TlsSettings
from kolla_iac.model.derived import derived
from kolla_iac.model.environment import Environment, load_environment
from kolla_iac.model.secrets import fault, generate, missing, required

PEM = """-----BEGIN CERTIFICATE-----
MIIBbzCCARWgAwIBAgIUEwIzPTCSqOhEvBUVxygVZCGnlNEwCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCY2EwHhcNMjYxMTI2MTEzMjE1WhcNMjYxMTI4MTEzMjE1WjAN
MQswCQYDVQQDDAJjYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABE/cW4RGBW7T
t8kAX5fmOxCYgA03NVcIANWb28tIVPoOqGZ9JbkGyeic3Axicfh8yCAlBnpBdPil
oJsiQRreUyijUzBRMB0GA1UdDgQWBBS6RDd1nHkBS64MlPWfc9U2C5krfDAfBgNV
HSMEGDAWgBS6RDd1nHkBS64MlPWfc9U2C5krfDAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0gAMEUCIGAU2hC82Tm+QLqsyjAarNImLdKmjdvcxliCJ5AwK89C
AiEA/eLPZ9+Qb3hEpe+anNxHGkS8EoBTV461cNI9TAzcshA=
-----END CERTIFICATE-----
"""
KEY = "-----BEGIN PRIVATE KEY-----\nMAo=\n-----END PRIVATE KEY-----"
ORDERS: judge.Orders = {
    "host": "db.example",
    "port": 3306,
    "tls": None,
    "admin": None,
    "schemas": [{"schema": "keystone", "user": "keystone", "password": "x"}],
    "grants": GRANTS,
    "supported": SUPPORTED,
    "connections": 80,
    "recycle": 280,
}
GOOD = {
    "version": "11.8.3-MariaDB",
    "read_only": "OFF",
    "default_storage_engine": "InnoDB",
    "enforce_storage_engine": "",
    "innodb_default_row_format": "dynamic",
    "innodb_force_recovery": "0",
    "wait_timeout": "28800",
    "max_connections": "151",
    "max_user_connections": "0",
    "max_allowed_packet": "16777216",
    "transaction_isolation": "REPEATABLE-READ",
    "tx_isolation": "REPEATABLE-READ",
    "log_bin": "OFF",
    "log_bin_trust_function_creators": "OFF",
    "sql_mode": "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION",
}


def env(**external: Any) -> Environment:
    database = {"external": {"host": "db.example", **external}}
    return load_environment({"release": "2025.2", "services": {"database": database}}, "settings")


@pytest.mark.parametrize("module", [clients, judge, login, sql, variables])
def test_examples(module: Any) -> None:
    assert doctest.testmod(module).failed == 0


# settings and secrets


def test_it_takes_mariadbs_place() -> None:
    with_it = env(admin={"user": "kolla"}, tls={"ca": PEM, "certificate": PEM})
    assert "mariadb" not in with_it.enabled()
    assert [one.service for one in rollouts(with_it)][-1] == "keystone"
    names = set(required(with_it))
    assert {"database_admin_password", "database_client_key"} <= names
    assert "mariadb_root_password" not in names
    assert "database_admin_password" not in required(env())
    keystone_rollout = rollouts(with_it)[-1]
    assert [act.name for act in keystone_rollout.before][:4] == [
        "keys-staged",
        "keys-promoted",
        "database",
        "schema",
    ]


@pytest.mark.parametrize(
    ("external", "where", "words"),
    [
        ({"host": "localhost"}, "host", "a loopback of its own"),
        ({"host": "127.0.0.1"}, "host", "a loopback of its own"),
        ({"host": "::1"}, "host", "a loopback of its own"),
        ({"host": "a b"}, "host", ""),
        ({"port": 0}, "port", ""),
        ({"tls": {}}, "tls.ca", "is required by verify: full"),
        ({"tls": {"verify": "ca"}}, "tls.ca", "is required by verify: ca"),
        ({"tls": {"ca": "/etc/ca.pem"}}, "tls.ca", "in PEM"),
        ({"tls": {"ca": PEM[:200] + PEM[204:]}}, "tls.ca", "in PEM"),
        ({"admin": {}}, "admin.user", ""),
    ],
)
def test_what_is_wrong_is_named(external: dict[str, Any], where: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        env(**external)
    assert f"services.database.external.{where}" in str(caught.value)
    assert words in str(caught.value)


def test_what_others_made_is_told_and_never_made() -> None:
    needed = required(env(admin={"user": "kolla"}, tls={"ca": PEM, "certificate": PEM}))
    given = [name for name, secret in needed.items() if secret.given]
    assert given == ["database_admin_password", "database_client_key"]
    for name in given:
        with pytest.raises(KollaError):
            generate(needed[name])
    hints = {one.path: one.hint for one in missing(env(admin={"user": "kolla"}), [], "dev")}
    assert hints["secrets.database_admin_password"] == "kolla-iac secrets set dev database_admin_password"
    assert hints["secrets.keystone_database_password"] == "kolla-iac secrets generate dev"
    assert set(derived(env(admin={"user": "kolla"}), "seed")) & set(given) == set()
    assert fault(needed["database_client_key"], "a password")
    assert not fault(needed["database_client_key"], KEY)


# what clients get


def test_url_and_option_file_say_the_same_of_tls() -> None:
    for verify, ca in (("full", True), ("ca", True), ("none", False)):
        server = DatabaseServer("db", 3306, tls=TlsSettings(ca=PEM if ca else None, verify=verify))  # type: ignore[arg-type]
        tls = server.login["tls"]
        url = clients.connection_url("k", "p", "db", 3306, "keystone", tls)
        assert ("ssl_ca=/etc/kolla-iac/database/ca.pem" in url) == ca
        assert f"ssl_check_hostname={str(verify == 'full').lower()}" in url
        text = clients.option_file("db", 3306, "k", "p", tls)
        assert f"ssl-verify-server-cert={'on' if verify == 'full' else 'off'}" in text
        assert login.encryption(tls)["ssl"]["check_hostname"] == (verify == "full")
    assert "ssl" not in clients.connection_url("k", "p", "db", 3306, "keystone")
    assert "@[2001:db8::1]:3306/" in clients.connection_url("k", "p", "2001:db8::1", 3306, "keystone")


def test_certificates_and_key_are_files_of_the_services_user() -> None:
    files = tls_files(TlsSettings(ca=PEM, certificate=PEM), KEY, "keystone")
    assert [(one.dest, one.owner, one.perm) for one in files] == [
        (path, "keystone", "0600") for path in (clients.CA, clients.CERTIFICATE, clients.KEY)
    ]
    assert [one.dest for one in tls_files(TlsSettings(ca=PEM), "", "root")] == [clients.CA]
    assert tls_files(None, KEY, "root") == []


def test_the_demand_is_that_of_both_generations() -> None:
    settings = {
        "release": "2025.2",
        "services": {"keystone": {"replicas": 3, "workers": 4}},
        "overrides": {"keystone.conf": {"database": {"max_pool_size": 5, "max_overflow": None}}},
    }
    assert keystone.demand(load_environment(settings, "")) == Demand(2 * 3 * 4 * (5 + 50), 280)
    assert of_all([]) == Demand(0, 0)


# what is judged


def test_a_good_server_has_no_findings() -> None:
    assert list(variables.of_server(GOOD, ORDERS)) == []
    mysql = {
        **GOOD,
        "version": "8.0.36",
        "version_comment": "MySQL Community Server",
        "super_read_only": "OFF",
    }
    del mysql["tx_isolation"]
    assert list(variables.of_server(mysql, ORDERS)) == []


@pytest.mark.parametrize(
    ("option", "value", "name"),
    [
        ("version", "10.5.9-MariaDB", "version"),
        ("version", "5.7.44-log", "version"),
        ("read_only", "ON", "read-only"),
        ("super_read_only", "ON", "read-only"),
        ("innodb_read_only", "ON", "read-only"),
        ("innodb_force_recovery", "4", "read-only"),
        ("default_storage_engine", "MyISAM", "engine"),
        ("enforce_storage_engine", "Aria", "engine"),
        ("innodb_default_row_format", "compact", "row-format"),
        ("wait_timeout", "280", "wait-timeout"),
        ("max_connections", "79", "connections"),
        ("max_user_connections", "79", "connections"),
        ("max_allowed_packet", "1048576", "packet"),
        ("transaction_isolation", "READ-UNCOMMITTED", "isolation"),
        ("log_bin", "ON", "triggers"),
        ("sql_mode", "ANSI_QUOTES,STRICT_TRANS_TABLES", "sql-mode"),
        ("sql_mode", "", "sql-mode"),
    ],
)
def test_each_setting_is_named_with_what_mends_it(option: str, value: str, name: str) -> None:
    (found,) = variables.of_server({**GOOD, option: value}, ORDERS)
    assert found.name == name
    assert found.mend
    assert "{" not in found.saw + found.mend


def test_grants_through_patterns_and_for_all() -> None:
    everything = ["GRANT ALL PRIVILEGES ON *.* TO `k`@`%` WITH GRANT OPTION"]
    assert list(judge.of_grants({"keystone": everything}, ORDERS)) == []
    pattern = [f"GRANT {', '.join(GRANTS)} ON `key%`.* TO `keystone`@`%`"]
    assert list(judge.of_grants({"keystone": pattern}, ORDERS)) == []
    (found,) = judge.of_grants({"keystone": ["GRANT USAGE ON *.* TO `keystone`@`%`"]}, ORDERS)
    assert found.mend == f"GRANT {', '.join(GRANTS)} ON `keystone`.* TO 'keystone'@'%';"


def test_an_administrator_must_be_able_to_give_on() -> None:
    orders = {**ORDERS, "admin": {"user": "kolla", "password": "x"}}
    lines = ["GRANT CREATE USER ON *.* TO `kolla`@`%`", "GRANT SELECT ON `mysql`.`user` TO `kolla`@`%`"]
    ours = f"GRANT {', '.join(GRANTS)} ON `keystone`.* TO `kolla`@`%`"
    (found,) = judge.of_grants({"kolla": [*lines, ours]}, orders)
    assert "may not give on" in found.saw
    assert list(judge.of_grants({"kolla": [*lines, f"{ours} WITH GRANT OPTION"]}, orders)) == []
    assert len(list(judge.of_grants({"kolla": []}, orders))) == 3


def test_schemas_clock_and_space() -> None:
    (none,) = judge.of_schemas({}, ORDERS)
    assert none.name == "schema"
    assert list(judge.of_schemas({}, {**ORDERS, "admin": {"user": "kolla"}})) == []
    for charset, collation, name in (
        ("latin1", "latin1_swedish_ci", "character-set"),
        ("utf8mb4", "utf8mb4_bin", "collation"),
        ("utf8mb4", "utf8mb4_0900_as_cs", "collation"),
    ):
        (found,) = judge.of_schemas({"keystone": (charset, collation)}, ORDERS)
        assert found.name == name
    assert list(judge.of_schemas({"keystone": ("utf8mb3", "utf8mb3_general_ci")}, ORDERS)) == []
    assert [one.name for one in judge.of_clock(-61)] == ["clock"]
    assert list(judge.of_clock(1)) == []
    assert [one.name for one in judge.of_space(2**20, 0)] == ["space"]
    assert list(judge.of_space(None, 0)) == list(judge.of_space(2**40, 0)) == []


@pytest.mark.parametrize(
    ("number", "said", "words"),
    [
        (1040, "Too many connections", "too many connections"),
        (1045, "Access denied", "another password"),
        (1129, "Host is blocked", "blocked"),
        (1130, "Host is not allowed", "nobody may log in"),
        (1820, "You must SET PASSWORD", "expired"),
        (3118, "Account is locked", "locked"),
        (3159, "Connections using insecure transport are prohibited", "encrypted connections alone"),
        (1234, "something new", "error 1234: something new"),
    ],
)
def test_a_refused_login_says_why(number: int, said: str, words: str) -> None:
    found = judge.of_login(number, said, "keystone", "keystone", ORDERS)
    assert words in found.saw
    assert found.mend


def test_of_tls_by_openssls_own_code() -> None:
    def verified(code: int, message: str) -> ssl.SSLCertVerificationError:
        error = ssl.SSLCertVerificationError(1, message)
        error.verify_code, error.verify_message = code, message
        return error

    assert "db.example" in judge.of_tls(verified(62, "Hostname mismatch"), ORDERS).mend
    assert "tls.ca" in judge.of_tls(verified(20, "unable to get local issuer certificate"), ORDERS).saw
    assert "new certificate" in judge.of_tls(verified(10, "certificate has expired"), ORDERS).mend
    assert "refused" in judge.of_tls(verified(92, "CA cert does not include key usage extension"), ORDERS).saw
    error = ssl.SSLError(1, "[SSL: UNSUPPORTED_PROTOCOL] unsupported protocol")
    assert "TLSv1.2" in judge.of_tls(error, ORDERS).mend


# what is printed for a DBA


def test_the_script_makes_what_is_checked() -> None:
    made = sql.script("dev", ExternalSettings(host="db"), schemas(env()))
    assert "CREATE DATABASE IF NOT EXISTS `keystone` CHARACTER SET utf8mb4" in made
    assert "IDENTIFIED BY '<keystone_database_password>'" in made
    assert "REQUIRE SSL" not in made
    tls = sql.script(
        "dev",
        ExternalSettings(host="db", tls=TlsSettings(ca=PEM)),
        schemas(env(), {"keystone_database_password": 2}),
        {"keystone_database_password": "it's"},
    )
    assert "'keystone_2'@'%' IDENTIFIED BY 'it''s' REQUIRE SSL" in tls
    admin = ExternalSettings.model_validate({"host": "db", "admin": {"user": "kolla"}})
    assert "WITH GRANT OPTION" in sql.script("dev", admin, schemas(env()))
    assert "CREATE DATABASE" not in sql.script("dev", admin, schemas(env()))


# what a server says to everybody


@contextmanager
def saying(packet: bytes) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            opened, _ = server.accept()
            with opened:
                opened.sendall(packet)

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def _packet(body: bytes) -> bytes:
    return len(body).to_bytes(3, "little") + b"\0" + body


def test_greetings() -> None:
    hello = b"\x0a11.8.3-MariaDB\0" + b"\x01\0\0\0" + b"12345678" + b"\0"
    external = ExternalSettings.model_validate({"host": "db", "tls": {"ca": PEM}})

    def seen(packet: bytes, tls: bool = True) -> str:
        with saying(packet) as port:
            here = external.model_copy(update={"host": "127.0.0.1", "port": port})
            return seen_from_here(here if tls else here.model_copy(update={"tls": None}))

    encrypted, plain = hello + b"\xff\xff" + b"\0" * 20, hello + b"\xff\xf7" + b"\0" * 20
    assert seen(_packet(encrypted)) == ""
    assert "offers no TLS" in seen(_packet(plain))
    assert seen(_packet(plain), tls=False) == ""
    assert "Host is blocked" in seen(_packet(b"\xff\x69\x04Host is blocked"))
    assert "another protocol" in seen(b"SSH-2.0-OpenSSH_9.6\r\n" + b" " * 8_000_000)
    assert "another protocol" in seen(b"")
    assert "no greeting" in seen_from_here(external.model_copy(update={"host": "127.0.0.1", "port": 1}))
