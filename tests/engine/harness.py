"""A Pulumi stack of its own, in a temporary folder, driven through the real command line."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).parent / "programs"
LABEL = "kolla-iac.test"
"""Every container, network and volume of a test carries it; its value is the name of the test's stack."""

_COUNT = re.compile(r"(\d+) (created|updated|replaced|deleted|unchanged)\b")


@dataclass(frozen=True)
class Outcome:
    """What one run of ``pulumi`` came to."""

    status: int
    text: str
    """stdout and stderr, in this order."""

    @property
    def counts(self) -> dict[str, int]:
        """Resources by what was done to them, of the last summary in the text."""
        last = self.text.rpartition("Resources:")[2]
        return {what: int(number) for number, what in _COUNT.findall(last)}


def plugin_cache() -> Path:
    """The plugin folder of the environment in which the tests run."""
    home = os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi"
    return Path(home) / "plugins"


def plugins_in_use() -> dict[str, str]:
    """For each installed plugin the tests may use: ``official`` (a binary) or ``stand-in`` (a script)."""
    found = {}
    for path in sorted(plugin_cache().glob("resource-*-v*/pulumi-resource-*")):
        kind = "official" if path.read_bytes()[:4] == b"\x7fELF" else "stand-in"
        found[path.parent.name.removeprefix("resource-")] = kind
    for name in ("docker", "command"):
        if ambient := shutil.which(f"pulumi-resource-{name}"):
            found[f"{name} ({ambient})"] = "on PATH"
    return found


class Stack:
    """One stack running one program of ``programs/``, with state, home and names of its own.

    Args:
        folder: empty; holds program, state and Pulumi's home.
        program: name of a file in ``programs/``.
        image: image of every container.
    """

    def __init__(self, folder: Path, program: str, image: str, name: str) -> None:
        self.folder, self.name = folder, name
        home = folder / "home"
        home.mkdir()
        (folder / "state").mkdir()
        (home / "plugins").symlink_to(plugin_cache())
        self.program = folder / "program"
        self.program.mkdir()
        (self.program / "Pulumi.yaml").write_text(f"name: {name}\nruntime: python\n")
        shutil.copyfile(PROGRAMS / program, self.program / "__main__.py")
        self.settings: dict[str, Any] = {"name": name, "image": image, "label": LABEL}
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("PULUMI_CONFIG")},
            "PULUMI_HOME": str(home),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": "known to the test alone",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
            "KOLLA_IAC_HOME": str(folder / "kolla"),
            "NO_COLOR": "1",
        }
        self.pulumi("stack", "init", "t")

    def arguments(self, *words: str) -> list[str]:
        return ["pulumi", *words, "--cwd", str(self.program), "--color", "never", "--non-interactive"]

    def full_environment(self, settings: Mapping[str, Any] | None = None) -> dict[str, str]:
        return self.environment | {"T_SETTINGS": json.dumps(self.settings | dict(settings or {}))}

    def pulumi(self, *words: str, fails: bool = False, **settings: Any) -> Outcome:
        """Run ``pulumi`` to its end; its success must be as expected."""
        done = subprocess.run(
            self.arguments(*words),
            env=self.full_environment(settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        outcome = Outcome(done.returncode, done.stdout + done.stderr)
        assert (done.returncode != 0) == fails, f"pulumi {' '.join(words)}:\n{outcome.text}"
        return outcome

    def start(self, *words: str, **settings: Any) -> "subprocess.Popen[str]":
        """Start ``pulumi`` and return at once; both streams come on stdout."""
        return subprocess.Popen(
            self.arguments(*words),
            env=self.full_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def up(self, *words: str, fails: bool = False, **settings: Any) -> Outcome:
        return self.pulumi("up", "--yes", "--skip-preview", "--stack", "t", *words, fails=fails, **settings)

    def preview(self, *words: str, **settings: Any) -> Outcome:
        return self.pulumi("preview", "--stack", "t", *words, **settings)

    def destroy(self, **settings: Any) -> Outcome:
        return self.pulumi("destroy", "--yes", "--skip-preview", "--stack", "t", **settings)

    def exported(self) -> str:
        """The state as JSON text, secrets encrypted."""
        return self.pulumi("stack", "export", "--stack", "t").text

    def resources(self) -> list[dict[str, Any]]:
        """The resources in the state, without the stack and the providers."""
        found: list[dict[str, Any]] = json.loads(self.exported())["deployment"].get("resources", [])
        return [item for item in found if not item["type"].startswith("pulumi:")]

    def outputs(self, logical: str) -> dict[str, Any]:
        """The outputs of the resource with this logical name."""
        return next(
            item.get("outputs", {}) for item in self.resources() if item["urn"].endswith(f"::{logical}")
        )
