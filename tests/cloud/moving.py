"""A cloud whose schema moves, the server to which it goes, and somebody who writes meanwhile."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import yaml

from .api import Api
from .database_server import TLS, Authority, Server
from .kept import Kept
from .probing import probing
from .support import Cloud, Outcome, Settings, image


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    """A server of a DBA, with TLS and nothing in it."""
    made = Server(image("mariadb-server", "2025.2"), folder)
    authority = Authority(folder, "ours")
    authority.sign("good", f"IP:{made.address}")
    authority.use("good")
    try:
        made.start(*TLS)
        yield made
    finally:
        made.remove()


class Writer:
    """Makes users through the load balancer, one after the other, as long as the block lasts."""

    def __init__(self, cloud: Cloud) -> None:
        self._api, self._kept = Api(cloud.url), Kept(Api(cloud.url), cloud)
        self._name = f"written-{secrets.token_hex(3)}-"
        self.made: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Self:
        self._token = self._kept.administrator()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _write(self) -> None:
        while not self._over.wait(0.05):
            user = {"name": f"{self._name}{len(self.made)}", "domain_id": "default"}
            self.made.append(self._api.ask("POST", "/users", self._token, {"user": user})[0]["user"]["id"])

    def missing(self) -> list[str]:
        """Users that were made and are not there."""
        there = {one["id"] for one in self._kept.whole(self._token, "users")}
        return [f"{number}th of {len(self.made)}" for number, one in enumerate(self.made) if one not in there]


class Moving:
    """An environment on its own MariaDB, and the server to which its schema goes."""

    def __init__(self, cloud: Cloud, server: Server) -> None:
        self.cloud, self.server = cloud, server
        self.there: Settings = {
            "host": server.address,
            "port": server.port,
            "tls": {"ca": (server.folder / "ours.pem").read_text()},
        }
        self.forth: Settings = {"services": {"database": {"external": self.there, "move": True}}}
        self.back: Settings = {"services": {"database": {"source": self.there, "move": True}}}
        # the DBA makes what the cloud asks for
        cloud.write(self.forth)
        server.sql(cloud.kolla("database", "sql", "--show-passwords").text)

    def logins(self) -> int:
        """Connections of Keystone to the DBA's server."""
        query = "SELECT COUNT(*) FROM information_schema.processlist WHERE user LIKE 'keystone%'"
        return int(self.server.sql(query))

    def moved(self, change: Settings) -> Outcome:
        """An update in which tokens are issued and validated and users made all the time; nothing of it is lost."""
        cloud = self.cloud
        with probing(cloud) as probe, Writer(cloud) as writer:
            up = cloud.up(change)
        print(up)
        probe.none_failed()
        assert len(writer.made) > 50
        assert writer.missing() == []
        assert cloud.planned() == []
        assert cloud.up(change).changes == 0
        return up

    def settings(self) -> dict[str, Any]:
        """What the environment's file says of the database."""
        read = yaml.safe_load(self.cloud.file.read_text())
        found: dict[str, Any] = read["config"]["kolla-iac:environment"]["services"]["database"]
        return found
