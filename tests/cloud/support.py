"""Environments of the tests' own: their project folder, state and settings, driven through the real commands."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

import docker
import yaml
from docker.models.containers import Container

from kolla_iac.images import ensure, reference
from kolla_iac.model.images import ImagesSettings
from kolla_iac.model.stage import ImagesStage
from kolla_iac.probe import Identity
from kolla_iac.probe.identity import Wrong

CHECKOUT = Path(__file__).resolve().parents[2]
LABEL = "kolla_iac.environment"
_COUNT = re.compile(r"(\d+) (created|updated|replaced|deleted|unchanged)\b")
_DONE = re.compile(r"^ *[-+~]+ +\S+ (\S+) (?:created|updated|replaced|deleted)\b(?! original)", re.MULTILINE)
_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")

_SLOTS = """
import csv, io, json, socket
admin = socket.socket(socket.AF_UNIX)
admin.connect("/var/lib/haproxy/admin.sock")
admin.sendall(b"show stat\\n")
table = b"".join(iter(lambda: admin.recv(65536), b"")).decode().lstrip("# ")
slots = json.load(open("/var/lib/haproxy/slots.json"))["keystone"]
rows = {row["svname"]: row for row in csv.DictReader(io.StringIO(table)) if row["pxname"] == "keystone"}
print(json.dumps({name: rows[slot]["status"] for slot, name in slots.items()}))
"""

Settings = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What one command came to."""

    command: str
    status: int
    text: str
    """stdout and stderr, as they came."""
    seconds: float

    @property
    def counts(self) -> dict[str, int]:
        """Resources by what was done to them, of the last summary in the text."""
        last = self.text.rpartition("Resources:")[2]
        return {what: int(number) for number, what in _COUNT.findall(last)}

    @property
    def changes(self) -> int:
        """How many resources were touched."""
        return sum(number for what, number in self.counts.items() if what != "unchanged")

    @property
    def touched(self) -> set[str]:
        """Names of the resources to which something was done."""
        return set(_DONE.findall(self.text))

    def __str__(self) -> str:
        return f"$ {self.command}   (status {self.status}, {self.seconds:.1f} s)\n{self.text}"


def free_port() -> int:
    """A port that nothing on this machine has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` laid over ``base``, mapping by mapping."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        result[key] = merged(below, value) if both and below is not None else value
    return result


def override(section: str, **options: Any) -> Settings:
    """Settings that set options of keystone.conf."""
    return {"services": {"keystone": {"overrides": {"keystone.conf": {section: options}}}}}


def image(name: str, release: str) -> str:
    """The project's own image on this machine's Docker, built if it is missing; its reference."""
    wanted = reference(name, release, ImagesSettings())
    about = {"name": "images", "environment": "t-images", "service": "images", "release": release}
    here = {"here": "unix:///var/run/docker.sock"}
    ensure(ImagesStage(**about, hosts=here, images={name: wanted}, source="build"), print)
    return wanted


class Home:
    """State, passphrase and a project folder whose program is the checkout's.

    The project has a ``Pulumi.yaml`` of its own, whose ``main`` is the checkout's ``stacks/`` and whose
    environments' files lie in the test's folder, so that no file of the user is touched.
    """

    def __init__(self, folder: Path, checkout: Path = CHECKOUT) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.data = folder / "home"
        (self.project / "stacks").mkdir(parents=True)
        (self.data / "state").mkdir(parents=True)
        (self.data / "passphrase").write_text("known to the tests alone\n")
        (self.data / "passphrase").chmod(0o600)
        project = yaml.safe_load((checkout / "Pulumi.yaml").read_text())
        project["main"] = str(checkout / "stacks")
        (self.project / "Pulumi.yaml").write_text(yaml.safe_dump(project))
        kept = {name: value for name, value in os.environ.items() if not _ours(name)}
        self.environment = {
            **kept,
            "KOLLA_IAC_HOME": str(self.data),
            "PULUMI_BACKEND_URL": f"file://{self.data / 'state'}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.data / "passphrase"),
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "OS_CLIENT_CONFIG_FILE": str(self.data / "clouds.yaml"),
            "OS_CLIENT_SECURE_FILE": str(self.data / "secure.yaml"),
            "NO_COLOR": "1",
        }

    def run(
        self,
        *words: str,
        fails: bool | None = False,
        cwd: Path | None = None,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 400,
    ) -> Outcome:
        """Runs a command to its end; its success must be as expected (``fails=None``: either will do)."""
        began = time.monotonic()
        done = subprocess.run(
            words,
            cwd=cwd or self.project,
            env=self.environment | dict(env or {}),
            input=stdin if stdin is not None else "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        text = _ESCAPE.sub("", done.stdout)
        outcome = Outcome(" ".join(words), done.returncode, text, time.monotonic() - began)
        as_expected = fails is None or (done.returncode != 0) == fails
        assert as_expected, f"this should {'fail' if fails else 'succeed'}:\n{outcome}"
        return outcome


def _ours(name: str) -> bool:
    return name.startswith(("PULUMI_CONFIG", "PULUMI_BACKEND", "PULUMI_STACK", "OS_"))


@dataclass
class Running:
    """A command that has been started and not yet waited for."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(_ESCAPE.sub("", line))

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def join(self, seconds: float = 200) -> int:
        """Waits for its end; its status."""
        status = self.process.wait(seconds)
        self._reader.join()
        return status

    def until(self, condition: Callable[[], bool], seconds: float = 90) -> None:
        """Waits for a moment during the command; it must come before the command's end."""
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, f"it ended before the moment came:\n{self.text}"
            assert time.monotonic() < end, f"the moment did not come in {seconds} s:\n{self.text}"
            time.sleep(0.05)

    def says(self, pattern: str) -> Callable[[], bool]:
        """A condition: a line matches."""
        return lambda: re.search(pattern, self.text) is not None

    def end(self, number: int, *, group: bool, seconds: float = 120) -> int:
        """Sends a signal, as a terminal does (to the whole group) or to the engine alone; its status."""
        if group:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        status = self.process.wait(seconds)
        if number == signal.SIGKILL:
            # what the killed engine had started dies or ends by itself; the pipe may stay open until then
            self._reader.join(20)
        else:
            self._reader.join()
        return status


class Cloud:
    """One environment of a `Home`.

    Its users' passwords are hashed with 4 rounds instead of 12, so that two cores carry a probe that issues ten
    tokens a second (`[identity] password_hash_rounds`).
    """

    def __init__(self, home: Home, name: str | None = None) -> None:
        self.home = home
        self.name = name or f"t-{secrets.token_hex(3)}"
        self.docker = docker.from_env()
        self.port = free_port()
        self.base: Settings = merged(
            {"release": "2025.2", "endpoints": [{"name": "keystone", "port": self.port}]},
            override("identity", password_hash_rounds=4),
        )
        self.said: list[str] = []
        """Everything that commands on this environment have printed."""

    # settings and commands

    @property
    def file(self) -> Path:
        return self.home.project / "stacks" / f"Pulumi.{self.name}.yaml"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v3"

    def write(self, change: Mapping[str, Any] | None = None) -> None:
        """The environment's settings: the usual ones with a change."""
        written = yaml.safe_load(self.file.read_text()) if self.file.exists() else {}
        written.setdefault("config", {})["kolla-iac:environment"] = merged(self.base, change or {})
        self.file.write_text(yaml.safe_dump(written, sort_keys=False))

    def make(self, planted: Mapping[str, str] | None = None) -> None:
        """Settings, stack and secrets; some of the secrets may be given."""
        self.write()
        self.home.run("pulumi", "stack", "init", self.name, "--no-select")
        for name, value in (planted or {}).items():
            key = f"kolla-iac:secrets.{name}"
            self.home.run(
                *("pulumi", "config", "set", "--path", "--secret", key, "--stack", self.name), stdin=value
            )
        self.home.run("kolla-iac", "secrets", "generate", self.name)

    def kolla(self, *words: str, fails: bool = False, stdin: str | None = None) -> Outcome:
        """``kolla-iac WORD... ENVIRONMENT``."""
        return self._said(self.home.run("kolla-iac", *words, self.name, fails=fails, stdin=stdin))

    def pulumi(self, *words: str, fails: bool | None = False, **options: Any) -> Outcome:
        """``pulumi WORD...`` on this environment's stack."""
        line = ["pulumi", *words, "--stack", self.name]
        if words[0] != "config":
            line += ["--non-interactive", "--color", "never"]
        return self._said(self.home.run(*line, fails=fails, **options))

    def up(self, change: Mapping[str, Any] | None = None, *words: str, fails: bool = False) -> Outcome:
        """Writes the settings and runs ``pulumi up``, exactly as a user does but without its preview."""
        self.write(change)
        return self.pulumi("up", "--yes", "--skip-preview", *words, fails=fails)

    def start(self, change: Mapping[str, Any] | None = None) -> Running:
        """Writes the settings, starts ``pulumi up`` in a process group of its own and returns at once."""
        self.write(change)
        line = ["pulumi", "up", "--yes", "--skip-preview", "--stack", self.name, "--non-interactive"]
        return Running(
            subprocess.Popen(
                [*line, "--color", "never"],
                cwd=self.home.project,
                env=self.home.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        )

    def keep(self, change: Mapping[str, Any]) -> None:
        """Makes a change part of the usual settings, so that nobody need take it back."""
        self.base = merged(self.base, change)

    def previewed(self, change: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The data of ``pulumi preview --json`` with this change."""
        self.write(change)
        text = self.pulumi("preview", "--json").text
        data: dict[str, Any] = json.loads(text[text.index("{") :])
        return data

    def planned(self) -> list[dict[str, Any]]:
        """What the plan for the settings as they stand says of each service."""
        text = self.kolla("plan", "--json").text
        changes: list[dict[str, Any]] = json.loads(text[text.index("{") :])["changes"]
        return changes

    def _said(self, outcome: Outcome) -> Outcome:
        self.said.append(str(outcome))
        return outcome

    # what runs

    def containers(self, service: str | None = None, replica: int | None = None) -> list[Container]:
        """Containers, running or not, in the order of their names."""
        labels = [f"{LABEL}={self.name}"]
        labels += [f"kolla_iac.service={service}"] if service else []
        labels += [f"kolla_iac.replica={replica}"] if replica else []
        found = self.docker.containers.list(all=True, filters={"label": labels}, ignore_removed=True)
        return sorted((one for one in found if not _job(one)), key=lambda one: str(one.name))

    def ids(self, service: str | None = None) -> dict[str, str]:
        """Hostname -> id of every container that runs."""
        running = [one for one in self.containers(service) if one.status == "running"]
        return {str(one.attrs["Config"]["Hostname"]): str(one.id) for one in running}

    def releases(self, service: str = "keystone") -> set[str]:
        """Of its containers."""
        return {str(one.labels["kolla_iac.release"]) for one in self.containers(service)}

    def balanced(self) -> dict[str, str]:
        """Container -> what HAProxy says of it (``UP``, ``DOWN``, ...), for every slot of Keystone's backend."""
        (balancer,) = self.containers("loadbalancer")
        done = balancer.exec_run(["python3", "-c", _SLOTS])
        assert done.exit_code == 0, done.output.decode()
        said: dict[str, str] = json.loads(done.output)
        return said

    def whole(self) -> None:
        """The usual environment: two replicas of Keystone, nothing twice, nothing missing."""
        names = sorted(str(one.attrs["Config"]["Hostname"]) for one in self.containers())
        wanted = ["entrance-1", "keystone-1", "keystone-2", "loadbalancer-1", "mariadb-1", "memcached-1"]
        assert names == wanted, names
        assert len(self.ids()) == len(wanted), [(one.name, one.status) for one in self.containers()]

    def answers(self) -> bool:
        """Whether a token can be had now."""
        identity = self.identity(timeout=5)
        try:
            identity.validate(identity.connection(), identity.issue(identity.connection()))
        except (Wrong, OSError, HTTPException):
            return False
        return True

    def identity(self, timeout: float = 30) -> Identity:
        return Identity(self.url, "admin", "admin", self.password(), timeout)

    def password(self) -> str:
        """The administrator's."""
        if not hasattr(self, "_password"):
            self._password = self.secret("keystone_admin_password")
        return self._password

    def secret(self, name: str) -> str:
        """The value in its settings."""
        line = ("pulumi", "config", "get", "--path", f"kolla-iac:secrets.{name}", "--stack", self.name)
        return self.home.run(*line).text.strip()

    def openstack(self, *words: str) -> Outcome:
        """The openstack client with the entry that `kolla-iac up` wrote."""
        outcome = self.home.run("openstack", "--os-cloud", f"kolla-{self.name}", *words)
        return self._said(outcome)

    def remove(self) -> None:
        """All that is left of it on this machine, whatever the state says."""
        chosen = {"label": f"{LABEL}={self.name}"}
        for container in self.docker.containers.list(all=True, filters=chosen, ignore_removed=True):
            container.remove(force=True, v=True)
        for network in self.docker.networks.list(filters=chosen):
            network.remove()
        for volume in self.docker.volumes.list(filters=chosen):
            volume.remove(force=True)
        self.docker.close()


def _job(container: Container) -> bool:
    return container.labels.get("kolla_iac.role") == "job"
