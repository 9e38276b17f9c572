"""A MariaDB server outside of every environment, as a site's DBAs run one, and certificates for it."""

from __future__ import annotations

import ipaddress
import json
import secrets
import shutil
import subprocess
from pathlib import Path

from tests.waiting import eventually

from .support import free_port

DATA, SOCKET = "/var/lib/mysql", "/run/mysqld/dba.sock"
START = f"""
mariadb-install-db --no-defaults --user=mysql --datadir={DATA} --skip-test-db > /dev/null
mkdir -p /run/mysqld && chown mysql:mysql /run/mysqld
exec mariadbd --no-defaults --user=mysql --datadir={DATA} --socket={SOCKET} --log-bin=/var/lib/mysql/bin "$@"
"""


class Server:
    """One server; its data go with it."""

    def __init__(self, image: str, folder: Path) -> None:
        self.image, self.folder = image, folder
        self.name = f"kolla-t-dba-{secrets.token_hex(3)}"
        bridge = json.loads(_run("docker", "network", "inspect", "bridge"))
        pool = bridge[0]["IPAM"]["Config"][0]
        # a daemon that has never been restarted does not say which address it took, which is the first
        first = next(ipaddress.ip_network(pool["Subnet"]).hosts())
        self.address = str(pool.get("Gateway") or first)
        """Of this machine, as containers of every network reach it."""
        self.port = free_port()

    def start(self, *options: str, disk: str = "2g") -> None:
        """A new server, empty, with these options of mariadbd.

        Args:
            disk: size of what its data lie on.
        """
        self.remove()
        where = ["--network", "host", "--volume", f"{self.folder}:/certificates:ro"]
        where += ["--tmpfs", f"{DATA}:size={disk}", "--user", "root", "--entrypoint", "bash"]
        line = ["docker", "run", "--detach", "--name", self.name, *where, self.image, "-c", START, "dba"]
        listen = [
            f"--bind-address={self.address}",
            f"--port={self.port}",
            "--log-bin-trust-function-creators",
        ]
        _run(*line, *listen, *options)
        eventually(self._answers, 40, f"{self.name} answers")

    def sql(self, text: str) -> str:
        """Runs statements as the DBA."""
        line = [
            "docker",
            "exec",
            "--interactive",
            self.name,
            "mariadb",
            f"--socket={SOCKET}",
            "--skip-ssl",
            "-N",
            "-B",
        ]
        done = subprocess.run(line, input=text, text=True, capture_output=True, check=False)
        assert done.returncode == 0, f"{text}\n{done.stderr}"
        return done.stdout

    def remove(self) -> None:
        subprocess.run(["docker", "rm", "--force", "--volumes", self.name], capture_output=True, check=False)

    def _answers(self) -> bool:
        line = ["docker", "exec", self.name, "mariadb", f"--socket={SOCKET}", "--skip-ssl", "-e", "SELECT 1"]
        done = subprocess.run(line, capture_output=True, check=False)
        if done.returncode:
            alive = _run("docker", "inspect", "--format", "{{.State.Running}}", self.name).strip()
            logs = subprocess.run(["docker", "logs", self.name], capture_output=True, text=True, check=False)
            assert alive == "true", logs.stdout + logs.stderr
        return done.returncode == 0


class Authority:
    """Makes certificates, below a folder that a server sees as /certificates."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)  # the server reads it as a user of its own
        self._openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
            *("-keyout", f"{name}.key", "-out", f"{name}.pem"),
        )

    @property
    def certificate(self) -> str:
        """In PEM."""
        return (self.folder / f"{self.name}.pem").read_text()

    def sign(self, name: str, alternative: str, days: int = 2) -> None:
        """A key and a certificate: ``name.key``, ``name.pem``.

        Args:
            alternative: who it is for: ``IP:192.0.2.1``, ``DNS:db.example``.
            days: 0: over as soon as it is made.
        """
        request = ("-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}")
        self._openssl("req", *request, "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (self.folder / "extensions").write_text(
            f"subjectAltName={alternative}\nauthorityKeyIdentifier=keyid\nbasicConstraints=CA:FALSE\n"
        )
        by = ("-CA", f"{self.name}.pem", "-CAkey", f"{self.name}.key", "-CAcreateserial", "-days", str(days))
        more = ("-extfile", "extensions", "-in", f"{name}.csr", "-out", f"{name}.pem")
        self._openssl("x509", "-req", *by, *more)
        (self.folder / f"{name}.key").chmod(0o644)

    def use(self, name: str) -> None:
        """Makes a certificate the one that the server has, from its next FLUSH SSL on."""
        for kind in ("key", "pem"):
            shutil.copyfile(self.folder / f"{name}.{kind}", self.folder / f"server.{kind}")
            (self.folder / f"server.{kind}").chmod(0o644)

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)


TLS = (
    "--ssl-cert=/certificates/server.pem",
    "--ssl-key=/certificates/server.key",
    "--ssl-ca=/certificates/ours.pem",
)


def _run(*line: str) -> str:
    return subprocess.run(line, text=True, capture_output=True, check=True).stdout
