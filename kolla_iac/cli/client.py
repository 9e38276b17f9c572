"""The openstack client's entry for an environment, and a token to prove that it works."""

from __future__ import annotations

import json
import os
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from kolla_iac.cli.entries import with_entry
from kolla_iac.errors import KollaError
from kolla_iac.home import home


def entry(outputs: dict[str, Any]) -> dict[str, Any]:
    """The entry of clouds.yaml that the stack's outputs describe; ``auth.password`` is in it."""
    admin = outputs["admin"]
    return {
        "auth": {
            "auth_url": outputs["keystone"],
            "username": admin["username"],
            "password": admin["password"],
            "project_name": admin["project"],
            "user_domain_id": "default",
            "project_domain_id": "default",
        },
        "region_name": outputs["region"],
        "identity_api_version": 3,
    }


def write(environment: str, cloud: dict[str, Any]) -> str:
    """Adds or renews ``kolla-<environment>`` in clouds.yaml, its password in secure.yaml (0600).

    Returns:
        the entry's name.
    """
    name = f"kolla-{environment}"
    auth = {key: value for key, value in cloud["auth"].items() if key != "password"}
    put(home() / "secure.yaml", name, {"auth": {"password": cloud["auth"]["password"]}}, private=True)
    put(home() / "clouds.yaml", name, {**cloud, "auth": auth}, private=True)
    return name


def text_of(path: Path) -> str:
    """What a file holds; nothing if there is none.

    Raises:
        KollaError: it cannot be read, or holds no text.
    """
    try:
        return path.read_text(encoding="utf-8") if path.exists() else ""
    except OSError as error:
        raise KollaError(f"{path} cannot be read", {"saw": error.strerror or str(error)}) from None
    except UnicodeDecodeError:
        raise KollaError(f"{path} holds no text", {"hint": "name another file"}) from None


def put(path: Path, name: str, value: dict[str, Any], *, private: bool) -> None:
    """Adds or replaces an entry of a clouds.yaml or secure.yaml; a reader sees the old file or the new.

    Args:
        private: for its owner alone, whatever it was before; else an existing file keeps its mode.

    Raises:
        KollaError: the file cannot be read or written, or is no clouds.yaml.
    """
    text = with_entry(text_of(path), name, value, str(path))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(path, text, private=private)
    except OSError as error:
        raise KollaError(
            f"{path} cannot be written", {"saw": error.strerror or str(error), "meanwhile": "it is as it was"}
        ) from None


def _replace(path: Path, text: str, *, private: bool) -> None:
    # a temporary file is made with mode 0600, and the rename keeps it
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            if path.exists() and not private:
                os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def token(cloud: dict[str, Any]) -> str:
    """Issues a token through the public endpoint and has it validated.

    Returns:
        a sentence that says what was got; never the token.

    Raises:
        KollaError: not issued, or not valid.
    """
    auth = cloud["auth"]
    domain = {"id": "default"}
    user = {"name": auth["username"], "password": auth["password"], "domain": domain}
    body = {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": auth["project_name"], "domain": domain}},
        }
    }
    url = f"{auth['auth_url']}/auth/tokens"
    issued = _ask(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    value = issued.headers["X-Subject-Token"]
    valid = json.load(_ask(url, None, {"X-Auth-Token": value, "X-Subject-Token": value}))["token"]
    return f"token of {valid['user']['name']} in project {valid['project']['name']}, valid until {valid['expires_at']}"


def _ask(url: str, body: bytes | None, headers: dict[str, str]) -> Any:
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        # an address of the cloud itself: a proxy of the environment must not stand between
        return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60)
    except urllib.error.HTTPError as error:
        saw = f"HTTP {error.code} from {url}"
    except OSError as error:
        saw = f"{url}: {error}"
    raise KollaError("no token", {"wanted": "a token issued and validated", "saw": saw})
