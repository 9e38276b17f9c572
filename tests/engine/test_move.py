"""A schema goes from one real server to another: every row, and whatever happens in the middle."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.models.containers import Container

from kolla_iac.components.database.orders import Login, move_files
from kolla_iac.components.database.server import DatabaseServer
from kolla_iac.components.mariadb import stages
from kolla_iac.errors import KollaError
from kolla_iac.model.stage import LABEL_DATABASE, JobStage, SwitchStage
from kolla_iac.model.waits import HttpStep, HttpWait
from kolla_iac.resources.container import KOLLA_START
from kolla_iac.runtime import switch as switching
from kolla_iac.runtime.balancer import Balancer
from kolla_iac.runtime.execute import Conversation
from kolla_iac.runtime.failure import StageFailed
from kolla_iac.runtime.job import conversation, run
from tests.cloud.support import image

from .backed_up import Server
from .runtime_support import PORT, RELEASE, SERVER, Small, answers, haproxy_image, probing, standing

SOURCE, TARGET = DatabaseServer("mariadb.internal", 3306), DatabaseServer("target.internal", 3306)
PASSWORD = "pw1-of-the-schema"
USER = f"CREATE OR REPLACE USER 'api'@'%' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON `api`.* TO 'api'@'%';"
KINDS = """
CREATE DATABASE api CHARACTER SET utf8mb4; USE api; SET time_zone = '+00:00';
CREATE TABLE parent (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(64) UNIQUE, KEY (name)) AUTO_INCREMENT = 500;
INSERT INTO parent (name) SELECT CONCAT('parent ', seq) FROM seq_1_to_5000;
CREATE TABLE child (parent INT, number INT, note TEXT, PRIMARY KEY (parent, number),
    FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE);
INSERT INTO child SELECT id, number.seq, REPEAT('x', 20) FROM parent, seq_1_to_3 AS number;
CREATE TABLE kinds (id CHAR(64) PRIMARY KEY, bin VARBINARY(300), big LONGBLOB, words LONGTEXT,
    number DECIMAL(30, 10), real_one DOUBLE, bits BIT(9), flag TINYINT(1), day DATE, moment DATETIME(6),
    stamp TIMESTAMP NULL, kind ENUM('a', 'b'), some SET('x', 'y'), document JSON,
    doubled INT AS (flag * 2) STORED, virtually INT AS (flag + 1) VIRTUAL,
    latin VARCHAR(20) CHARACTER SET latin1);
INSERT INTO kinds (id, bin, big, words, number, real_one, bits, flag, day, moment, stamp, kind, some, document, latin)
VALUES
    ('nothing', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('empty', '', '', '', 0, 0, 0, 0, '2026-01-01', '2026-01-01', '2026-01-01', 'a', '', '{}', ''),
    ('all', 0x00FF27225C0A, REPEAT(0x00FF, 100000), CONCAT('quote '' back \\\\ new \\n ', 'ÄÖ 🐘'),
     -12345678901234567890.0123456789, 1e-300, b'101010101', -1, '9999-12-31', '2026-11-27 01:02:03.456789',
     '2026-03-29 01:30:00', 'b', 'x,y', '{"a": [1, null, "z"]}', 'grün');
SET sql_mode = '';
INSERT INTO kinds (id, day, moment) VALUES ('zero', '0000-00-00', '0000-00-00 00:00:00');
CREATE TABLE keyless (word VARCHAR(10), number INT);
INSERT INTO keyless VALUES ('a', 1), ('a', 1), ('b', NULL);
CREATE TABLE nothing (id INT PRIMARY KEY AUTO_INCREMENT);
CREATE TRIGGER fill BEFORE INSERT ON child FOR EACH ROW SET NEW.note = COALESCE(NEW.note, 'filled; by a trigger');
"""
CHANGES = """
USE api; SET foreign_key_checks = 0;
DELETE FROM parent WHERE id BETWEEN 700 AND 720;
INSERT INTO parent (name) VALUES ('late 1'), ('late 2');
UPDATE parent SET name = 'swapped' WHERE id = 600;
UPDATE parent SET name = 'parent 101' WHERE id = 601;
UPDATE parent SET name = 'parent 102' WHERE id = 600;
DELETE FROM child WHERE number = 2 AND parent > 5000;
UPDATE kinds SET big = 0x01, words = NULL WHERE id = 'all';
INSERT INTO keyless VALUES ('a', 1), (NULL, 7);
INSERT INTO nothing VALUES (90); DELETE FROM nothing;
"""


class Both:
    """A load balancer with two replicas on the one server, and the other server; what moves between them."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(folder)
        self.small = Small(haproxy_image())
        self.keystone = image("keystone", RELEASE)
        name = f"kolla-{self.server.name}-target"
        self.target = self.server.started(self.server.volume("target"), name)
        self.server.network.disconnect(self.target)
        self.server.network.connect(self.target, aliases=[TARGET.host])
        for container in (self.server.container, self.target):
            self.sql(USER, container)

    def close(self) -> None:
        self.small.close()
        self.server.close()

    def empty(self) -> None:
        """Both servers as they were in the beginning."""
        for container in (self.server.container, self.target):
            self.sql(f"DROP DATABASE IF EXISTS api; {USER}", container)

    def sql(self, text: str, container: Container | None = None) -> str:
        """At the source, or in another server's container; as its administrator."""
        done = (container or self.server.container).exec_run(
            [*stages.LOCAL, "--default-character-set=utf8mb4", "-e", text]
        )
        assert done.exit_code == 0, done.output.decode()
        return str(done.output.decode())

    def job(self, phase: str, *, administrator: bool = True, whose: str = "dev") -> JobStage:
        admin = ("root", self.server.password) if administrator else ("", "")
        source, target = dict(SOURCE.login), dict(TARGET.login)
        return JobStage(
            **self.small.about(f"api-{phase}"),
            host="here",
            image=self.keystone,
            env={"KOLLA_CONFIG_STRATEGY": "COPY_ALWAYS"},
            files=move_files(phase, whose, (source, admin), target, Login("api", "api", PASSWORD), []),
            network=str(self.server.network.name),
            user="root",
            capabilities=KOLLA_START,
            timeout=60,
        )

    def copy(self) -> str:
        self.sql("CREATE DATABASE IF NOT EXISTS api CHARACTER SET utf8mb4", self.target)
        return "\n".join(run(self.job("copy"), "here", self.small.context()))

    def same(self) -> bool:
        """Whether both servers hold the same, as they themselves say."""
        tables = ("child", "keyless", "kinds", "nothing", "parent")
        made = "; ".join(f"SHOW CREATE TABLE {table}" for table in tables)
        triggers = (
            "SELECT trigger_name, action_statement, action_timing, sql_mode FROM information_schema.triggers"
        )
        query = (
            f"USE api; CHECKSUM TABLE {', '.join(tables)}; {made}; {triggers} WHERE trigger_schema = 'api'"
        )
        left, right = (self.sql(query, one) for one in (self.server.container, self.target))
        print(left, right, sep="\n\n")
        return left == right

    def serve(self, replica: int, release: str, database: str) -> Container:
        """A replica that says which server it uses."""
        small = self.small
        return small.client.containers.run(
            small.image,
            command=["python3", "-c", SERVER, "{}"],
            name=f"{small.name}-api-{replica}-{release}",
            hostname=f"api-{replica}-{release}",
            labels={
                **small.labels("api", replica, release),
                **({LABEL_DATABASE: database} if database else {}),
            },
            network=small.name,
            detach=True,
        )

    def stage(self, **more: object) -> SwitchStage:
        return SwitchStage.model_validate(
            {
                **self.small.about("api-switch"),
                "job": self.job("serve").model_dump(),
                "replicas": 2,
                "database": TARGET.address,
                "backend": "api",
                "ready": answers().model_dump(),
                "up_seconds": 10,
                "hold_seconds": 8,
                **more,
            }
        )

    def serving(self) -> set[str]:
        """What answers: ``old`` or ``new``."""
        with probing(self.small.url, rate=20) as probe:
            time.sleep(0.5)
        assert probe.failed == []
        return {outcome.rpartition("-")[2] for outcome, _ in probe.outcomes}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    both = Both(tmp_path_factory.mktemp("repositories"))
    try:
        yield both
    finally:
        both.close()


@pytest.fixture
def both(servers: Both) -> Both:
    servers.empty()
    servers.sql(KINDS)
    return servers


@pytest.fixture
def balanced(both: Both, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Both]:
    """With two replicas on the source, and two that wait for the target."""
    with standing(tmp_path, monkeypatch) as small:
        both.small = small
        for replica in (1, 2):
            small.handover(both.serve(replica, "old", ""), replica)
        both.copy()
        for replica in (1, 2):
            both.serve(replica, "new", TARGET.address)
        yield both


def test_rows_of_every_kind_and_what_changes_meanwhile(both: Both) -> None:
    said = both.copy()
    assert "schema api: 5 tables, " in said, said
    with conversation(both.job("serve"), both.small.context()) as talk:
        assert talk.ask("where", 10) == {"where": "copied"}
        both.sql(CHANGES)
        caught = talk.ask("catch", 30)
        assert caught["passes"] >= 1
        both.sql(
            "USE api; INSERT INTO child (parent, number) VALUES (510, 77); DELETE FROM parent WHERE id = 650"
        )
        last = talk.ask("last", 30)
        assert last["tables"] == 5
        assert 0 < last["changed"] < 20, last
        assert both.same()
        assert talk.ask("back", 10) == {}
    filled = "USE api; SELECT note FROM child WHERE number = 77"
    assert both.sql(filled, both.target) == "filled; by a trigger\n"
    # whatever somebody does to the copy is undone
    both.sql(
        "USE api; DELETE FROM kinds; INSERT INTO parent (name) VALUES ('theirs'); DROP TRIGGER fill",
        both.target,
    )
    both.sql("USE api; DROP TABLE keyless; ALTER TABLE nothing ADD COLUMN more INT", both.target)
    both.copy()
    with conversation(both.job("serve"), both.small.context()) as talk:
        talk.ask("last", 30)
        assert both.same()


def test_nobody_writes_while_the_rest_is_copied(both: Both) -> None:
    both.copy()
    with conversation(both.job("serve"), both.small.context()) as talk:
        talk.ask("last", 30)
        writer = threading.Thread(target=both.sql, args=("INSERT INTO api.keyless VALUES ('waited', 1)",))
        writer.start()
        time.sleep(1)
        assert writer.is_alive()
        assert both.sql("SELECT COUNT(*) FROM api.keyless") == "3\n"
    writer.join(10)
    assert not writer.is_alive()


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("CREATE VIEW seen AS SELECT * FROM parent", "", "what a move does not carry: view seen"),
        ("CREATE PROCEDURE done() SELECT 1", "", "procedure done"),
        ("CREATE EVENT often ON SCHEDULE EVERY 1 DAY DO SELECT 1", "", "event often"),
        ("", "CREATE TABLE theirs (id INT)", "1 tables already, which are no copy of ours"),
        ("", "DROP DATABASE api", "no schema api on target.internal:3306"),
        ("DROP USER api@'%'", "", "cannot log in to mariadb.internal:3306 as api"),
    ],
)
def test_what_cannot_be_copied_is_refused_before_anything_is(
    both: Both, source: str, target: str, words: str
) -> None:
    both.sql("CREATE DATABASE api", both.target)
    both.sql(f"USE api; {source}")
    both.sql(f"USE api; {target}", both.target)
    there = "SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'parent'"
    with pytest.raises(KollaError) as refused:
        run(both.job("copy"), "here", both.small.context())
    assert words in str(refused.value.facts), refused.value.facts
    assert both.sql(there, both.target) == "0\n"


def test_two_environments_do_not_move_into_one_schema(both: Both) -> None:
    both.copy()
    with pytest.raises(KollaError) as refused:
        run(both.job("copy", whose="staging"), "here", both.small.context())
    assert "already (copy, mariadb.internal:3306 of dev)" in str(refused.value.facts), refused.value.facts


def test_all_replicas_change_their_server_at_once(balanced: Both) -> None:
    both = balanced
    with probing(both.small.url) as probe:
        time.sleep(0.5)
        both.sql(CHANGES)
        printed = both.small.do(both.stage())
        time.sleep(0.5)
    assert probe.failed == []
    assert probe.slowest < 5
    kinds = [outcome.rpartition("-")[2] for outcome, _ in probe.outcomes]
    assert set(kinds) == {"old", "new"}
    assert "the schema has moved already" not in printed
    assert "what was left is read-only" in printed
    assert both.same()
    denied = both.server.container.exec_run(
        ["mariadb", "--protocol=tcp", "-uapi", f"-p{PASSWORD}", "-e", "DELETE FROM api.parent"]
    )
    assert b"DELETE command denied" in denied.output
    assert both.sql("USE api; SHOW TABLES LIKE 'kolla_iac_move'", both.target) == ""
    # run again, it finds nothing to do, whatever was written since
    both.sql("USE api; DELETE FROM parent WHERE id < 600", both.target)
    again = both.small.do(both.stage())
    assert "the schema has moved already" in again
    assert both.sql("SELECT COUNT(*) FROM api.parent WHERE id < 600", both.target) == "0\n"
    assert both.serving() == {"new"}


def test_requests_that_do_not_end_hold_nobody_up(balanced: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica that works at one request for long: others wait a while, a few times, and nothing is changed."""
    monkeypatch.setattr(switching, "TRIES", 2)
    both, small = balanced, balanced.small
    slow = small.serve(2, "slow", seconds=15)
    step = HttpStep(url=f"http://{{container}}:{PORT}/healthcheck")
    small.handover(slow, 2, HttpWait(what="it is there", timeout=10, interval=0.1, steps=(step,)))
    both.serve(2, "new", TARGET.address)
    stuck = [threading.Thread(target=probe_once, args=(small.url,)) for _ in range(3)]
    for one in stuck:
        one.start()
    time.sleep(0.5)
    with probing(f"{small.url}healthcheck", rate=5) as probe, pytest.raises(StageFailed) as failed:
        small.do(both.stage(hold_seconds=4))
    assert "do not end" in str(failed.value)
    assert probe.failed == []
    assert probe.slowest < 5
    for one in stuck:
        one.join()


def probe_once(url: str) -> None:
    with probing(url, rate=1):
        time.sleep(0.1)


def killed_at(moment: str) -> None:
    """From here on this process is killed at a moment of the switch, as by the kernel."""

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    ask, exchange = Conversation.ask, Balancer.exchange

    def asked(self: Conversation, order: str, seconds: float) -> dict[str, object]:
        if moment == f"before {order}":
            die()
        answer = ask(self, order, seconds)
        if moment == f"after {order}":
            die()
        return answer

    def exchanged(self: Balancer, backend: str, containers: list[object]) -> None:
        exchange(self, backend, containers)  # type: ignore[arg-type]
        if moment == "after exchange":
            die()

    Conversation.ask = asked  # type: ignore[method-assign]
    Balancer.exchange = exchanged  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("moment", "serves"),
    [
        pytest.param("after where", "old", marks=pytest.mark.long),
        pytest.param("after last", "old", marks=pytest.mark.long),
        ("after leave", "old"),
        ("after exchange", "new"),
        pytest.param("after keep", "new", marks=pytest.mark.long),
    ],
)
def test_killed_in_the_middle_it_goes_on(balanced: Both, moment: str, serves: str) -> None:
    """What is written meanwhile, to the server that is in use then, is there in the end."""
    both = balanced
    child = os.fork()
    if not child:
        killed_at(moment)
        try:
            both.small.do(both.stage())
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert both.serving() == {serves}
    used = both.server.container if serves == "old" else both.target
    both.sql("INSERT INTO api.parent (id, name) VALUES (99999, 'written meanwhile')", used)
    printed = both.small.do(both.stage())
    assert both.serving() == {"new"}
    assert ("the schema has moved already" in printed) == (serves == "new")
    written = "SELECT name FROM api.parent WHERE id = 99999"
    assert both.sql(written, both.target) == "written meanwhile\n"
    assert "what was left is read-only" in printed


@pytest.mark.parametrize("moment", [pytest.param("last", marks=pytest.mark.long), "leave"])
def test_one_that_fails_leaves_everything_as_it_was(
    balanced: Both, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    ask = Conversation.ask

    def asked(self: Conversation, order: str, seconds: float) -> dict[str, object]:
        answer = ask(self, order, seconds)
        if order == moment:
            raise KollaError("the answer was lost")
        return answer

    both = balanced
    with monkeypatch.context() as patched:
        patched.setattr(Conversation, "ask", asked)
        with probing(both.small.url) as probe, pytest.raises(StageFailed):
            both.small.do(both.stage())
    assert probe.failed == []
    assert both.serving() == {"old"}
    both.sql("INSERT INTO api.parent (id, name) VALUES (99999, 'written since')")
    both.small.do(both.stage())
    assert both.serving() == {"new"}
    assert both.same()


def test_a_copy_that_serves_without_a_switch_is_not_touched(balanced: Both) -> None:
    both = balanced
    small = both.small
    new = small.client.containers.get(f"{small.name}-api-1-new")
    small.handover(new, 1)
    with pytest.raises(StageFailed) as failed:
        small.do(both.stage())
    assert "served from a copy that nobody has completed" in str(failed.value)
