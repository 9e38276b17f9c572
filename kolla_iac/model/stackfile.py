"""The file of an environment, ``stacks/Pulumi.<environment>.yaml``: settings and the names of its secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kolla_iac.errors import Problem, SettingsError
from kolla_iac.model import document, rotation, secrets
from kolla_iac.model.environment import Environment, examine
from kolla_iac.model.problems import choose, got, path

SETTINGS_KEY = "kolla-iac:environment"
SECRETS_KEY = "kolla-iac:secrets"
ROTATIONS_KEY = "kolla-iac:rotations"
NAMESPACE = "kolla-iac:"

_TOP = ("config", "encryptionsalt", "secretsprovider", "encryptedkey", "environment")
"""Source: Pulumi's reference of stack settings files."""
_FORM = f'config: {{{SETTINGS_KEY}: {{release: "2025.2"}}}}'


@dataclass(frozen=True)
class StackFile:
    """What a file holds, and all that is wrong with it."""

    path: Path
    name: str
    """Of the environment: ``dev`` for ``Pulumi.dev.yaml``."""
    environment: Environment | None
    """What of the settings is valid; None where nothing can be made of them."""
    secrets: frozenset[str]
    """Names under ``kolla-iac:secrets`` that have a value."""
    problems: tuple[Problem, ...]
    rotations: Mapping[str, rotation.Rotation] = field(default_factory=dict)
    """What is noted of the secrets' values."""
    warnings: tuple[Problem, ...] = ()
    """What of the settings works, and had better be changed."""

    @property
    def missing_secrets(self) -> tuple[Problem, ...]:
        """A problem for each secret that the environment needs and the file does not hold."""
        if self.environment is None:
            return ()
        return tuple(secrets.missing(self.environment, self.secrets, self.name))


def environment_name(file: Path) -> str:
    """``dev`` for ``stacks/Pulumi.dev.yaml``; the stem of any other file."""
    name = file.name.removesuffix(".yaml").removesuffix(".yml")
    return name.removeprefix("Pulumi.")


def read_file(file: Path) -> StackFile:
    """Read a file and gather everything that is wrong with it; never raises for what is in it.

    Problems of the settings have paths below ``kolla-iac:environment`` (``services.keystone.replicas``), those
    of the file as a whole the file's name and, where there is one, a line.
    """
    name = environment_name(file)
    data, found = _parse(file)
    if data is None:
        return StackFile(file, name, None, frozenset(), tuple(found))
    hidden, more = _outer(data, file.name)
    found += more
    config = data.get("config")
    noted, more = rotation.read(config.get(ROTATIONS_KEY) if isinstance(config, dict) else None)
    found += more
    if not isinstance(config, dict) or SETTINGS_KEY not in config:
        return StackFile(file, name, None, hidden, tuple(found), noted)
    examined = examine(config[SETTINGS_KEY])
    wrong = (*found, *examined.problems)
    return StackFile(file, name, examined.environment, hidden, wrong, noted, examined.warnings)


def load_file(file: Path) -> StackFile:
    """A file whose settings are right; secrets may still be missing.

    Raises:
        SettingsError: every problem at once.
    """
    read = read_file(file)
    if read.problems or read.environment is None:
        raise SettingsError(str(file), read.problems)
    return read


def _parse(file: Path) -> tuple[dict[Any, Any] | None, list[Problem]]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        return None, [Problem(file.name, f"cannot be read ({error.strerror})")]
    except UnicodeDecodeError:
        return None, [Problem(file.name, "is not text in UTF-8")]
    data, found = document.read(text, file.name)
    if isinstance(data, dict) and data:
        return data, found
    if data or not found:
        empty = data is None or data == {}
        reason = "is empty" if empty else f"must be a mapping (got {got(data)})"
        found.append(Problem(file.name, reason, f"the least is: {_FORM}"))
    return None, found


def _outer(data: dict[Any, Any], source: str) -> tuple[frozenset[str], list[Problem]]:
    """Problems of all but the settings themselves, and the names of the secrets."""
    found = [Problem(f"{source}: {key}", "unknown key", choose(key, _TOP)) for key in data if key not in _TOP]
    config = data.get("config")
    if not isinstance(config, dict):
        reason = "is required" if config is None else f"must be a mapping (got {got(config)})"
        return frozenset(), [*found, Problem(f"{source}: config", reason, _FORM)]
    ours = (SETTINGS_KEY, SECRETS_KEY, ROTATIONS_KEY)
    for key in config:
        if str(key).startswith(NAMESPACE) and key not in ours:
            found.append(Problem(f"config.{key}", "unknown key", choose(key, ours)))
        elif ":" not in str(key):
            hint = choose(f"{NAMESPACE}{key}", ours)
            found.append(Problem(f"config.{key}", "must name what it belongs to", hint))
    if SETTINGS_KEY not in config:
        found.append(Problem(f"config.{SETTINGS_KEY}", "is required", _FORM))
    names, more = _secrets(config.get(SECRETS_KEY))
    return names, [*found, *more]


def _secrets(value: object) -> tuple[frozenset[str], list[Problem]]:
    """Names that have an encrypted value. No problem ever quotes a value."""
    if value is None:
        return frozenset(), []
    if not isinstance(value, dict) or set(value) == {"secure"}:
        reason = "must be a mapping of names, each with an encrypted value"
        return frozenset(), [Problem("secrets", reason, "take it out, then: kolla-iac secrets generate ENV")]
    names: set[str] = set()
    found: list[Problem] = []
    for name, item in value.items():
        if isinstance(item, dict) and set(item) == {"secure"} and isinstance(item["secure"], str):
            names.add(str(name))
        else:
            where = path(("secrets", str(name)))
            hint = f"pulumi config set --path --secret {SECRETS_KEY}.{name}"
            found.append(Problem(where, "is not an encrypted value", hint))
            names.add(str(name))
    return frozenset(names), found
