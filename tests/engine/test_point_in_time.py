"""Rows written at known times, and a real server restored to moments between them."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kolla_iac.cli.moment import FORM
from kolla_iac.cli.restoring import plan, restore, told
from kolla_iac.components.mariadb import stages
from kolla_iac.errors import KollaError

from .backed_up import Repository, Server

MICROSECONDS = "%Y-%m-%d %H:%M:%S.%f"
LONG_TRANSACTION = 1000
"""Its row; it is begun before several moments and ends after them."""


class History:
    """A server with a backup, and rows of which it is known when each was committed."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(folder)
        self.server.sql("CREATE DATABASE k; CREATE TABLE k.r (id INT PRIMARY KEY)")
        self.repository = Repository(self.server)
        self.backup = self.repository.create()
        self.committed: dict[int, datetime] = {}

    def clock(self) -> datetime:
        return datetime.strptime(self.server.sql("SELECT UTC_TIMESTAMP(6)").strip(), MICROSECONDS)

    def commit(self, row: int, before: str = "", after: str = "") -> None:
        """One transaction; both sides of its COMMIT must be in one second, or the test knows nothing."""
        said = self.server.sql(
            f"BEGIN; INSERT INTO k.r VALUES ({row}); {before} SELECT UTC_TIMESTAMP(6); COMMIT; "
            f"SELECT UTC_TIMESTAMP(6); {after}"
        )
        begun, ended = (
            datetime.strptime(line, MICROSECONDS) for line in said.splitlines() if line.startswith("20")
        )
        assert begun.replace(microsecond=0) == ended.replace(microsecond=0)
        self.committed[row] = ended

    def moments(self, count: int) -> list[str]:
        """Writes a row in each of so many seconds, over the end of several of which goes another transaction."""
        found = []
        first = len(self.committed)
        long = threading.Thread(
            target=self.commit,
            args=(LONG_TRANSACTION + first, f"SELECT SLEEP({count / 2}); "),
        )
        for row in range(first, first + count):
            self.next_second()
            self.commit(row)
            if row == first:
                long.start()
            self.server.sql(f"CREATE USER u{row}")
            end = self.committed[row].replace(microsecond=0) + timedelta(seconds=1)
            found.append(end.strftime(FORM))
            if row - first == count // 2:
                # what was written until here is in the repository alone
                self.repository.run("logs")
                self.purge()
        long.join()
        self.next_second()
        return found

    def next_second(self) -> None:
        time.sleep(1.05 - self.clock().microsecond / 1e6)

    def logs(self) -> list[str]:
        return [line.split("\t")[0] for line in self.server.sql("SHOW BINARY LOGS").splitlines()]

    def purge(self) -> None:
        """The server's closed logs go; a moment later those that InnoDB may need for recovery."""
        end = time.monotonic() + 20
        while len(names := self.logs()) > 1:
            assert time.monotonic() < end
            self.server.sql(f"PURGE BINARY LOGS TO '{names[-1]}'")

    def expected(self, moment: str) -> set[int]:
        return {row for row, when in self.committed.items() if when.strftime(FORM) < moment}

    def rows(self, container: object = None) -> set[int]:
        server = container or self.server.container
        done = server.exec_run([*stages.LOCAL, "-e", "SELECT id FROM k.r"])  # type: ignore[attr-defined]
        assert done.exit_code == 0, done.output
        return set(map(int, done.output.split()))

    def look(self, moment: str) -> set[int]:
        """The rows of a server on what is restored to a moment."""
        place = self.server.volume(f"at-{moment.lower()}")
        said = self.repository.run("restore-into", "newest", moment, into=place)
        assert re.search(r"\d+ binary logs since mariadb-\w+ are replayed up to 20", said)
        other = self.server.started(place, f"kolla-{self.server.name}-at-{moment.lower()}")
        try:
            return self.rows(other)
        finally:
            other.remove(force=True, v=True)


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    one = History(tmp_path_factory.mktemp("repositories"))
    try:
        yield one
    finally:
        one.server.close()


def test_exactly_what_was_committed_before_is_there(it: History) -> None:
    first, second = it.moments(2)
    it.repository.run("logs")
    assert not it.logs()[0].endswith(".000001")
    assert it.expected(first) == {0}
    assert it.expected(second) == {0, 1, LONG_TRANSACTION}
    assert it.look(first) == it.expected(first)


def test_moments_out_of_reach_are_refused(it: History) -> None:
    """What could be had is said."""
    later = f"{datetime.now(UTC) + timedelta(hours=1):{FORM}}"
    into = it.server.volume("nothing")
    said = it.repository.fails("restore-into", it.backup, later, into=into)
    assert re.search(
        rf"the binary logs that are stored after {it.backup} end at .* UTC; there is: .* UTC to .* UTC$", said
    )


@pytest.mark.long
def test_ten_moments(it: History) -> None:
    moments = it.moments(10)
    it.repository.run("logs")
    for moment in moments:
        assert it.look(moment) == it.expected(moment)


@pytest.mark.long
def test_in_its_place(it: History) -> None:
    """What nobody has stored yet is taken from the running server."""
    moment, *_ = it.moments(3)
    about = it.repository.known()
    made = plan(about, "newest", moment)
    text = "\n".join(told(made, datetime.now(UTC)))
    when = f"{datetime.strptime(moment, FORM):%Y-%m-%d %H:%M:%S} UTC"
    assert f"and      what was committed since it and before {when}, from the binary logs" in text
    assert f"lost     what was written since {when}" in text
    expected = it.expected(moment)
    restore(about, made, print, lambda: None)
    assert it.rows() == expected
    # accounts too
    users = it.server.sql("SELECT user FROM mysql.user WHERE user LIKE 'u%'").split()
    assert sorted(users) == sorted(f"u{row}" for row in expected if row < LONG_TRANSACTION)
    it.committed = {row: when for row, when in it.committed.items() if row in expected}
    with pytest.raises(KollaError, match="cannot be restored: the binary logs that are stored after"):
        plan(about, "newest", f"{datetime.now(UTC):{FORM}}")
    it.repository.create()


@pytest.mark.long
def test_a_gap_is_refused_until_the_next_backup(it: History) -> None:
    it.next_second()
    it.server.sql("INSERT INTO k.r VALUES (2000); FLUSH BINARY LOGS")
    it.purge()
    said = it.repository.run("logs")
    assert "are not there" in said
    moment = f"{it.clock():{FORM}}"
    assert "cannot be restored" in it.repository.fails("show", "newest", moment)
