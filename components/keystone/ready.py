"""What a Keystone must answer before it may get traffic, and what the whole service must answer in the end."""

from __future__ import annotations

from typing import Any

from kolla_iac.components.keystone.settings import SERVICE, KeystoneSettings
from kolla_iac.model.waits import HttpStep, HttpWait


def _password(settings: KeystoneSettings, password: str) -> dict[str, Any]:
    domain = {"id": "default"}
    user = {"name": settings.admin_user, "domain": domain, "password": password}
    return {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": settings.admin_project, "domain": domain}},
        }
    }


def token_issued_and_validated(
    settings: KeystoneSettings, password: str, address: str = "{container}", timeout: float = 120
) -> HttpWait:
    """The administrator gets a token and it is found valid; database, keys and cache all take part.

    Args:
        address: whom to ask; by default the container that is waited for.
        timeout: seconds.
    """
    url = f"http://{address}:{SERVICE.port}"
    return HttpWait(
        what="a token issued and validated",
        timeout=timeout,
        interval=0.5,
        hint="its log names the reason: database, keys or a setting that does not parse",
        steps=(
            HttpStep(url=f"{url}{SERVICE.check}", timeout=20),
            HttpStep(
                method="POST",
                url=f"{url}/v3/auth/tokens",
                body=_password(settings, password),
                expect=(201,),
                capture={"token": "header:X-Subject-Token"},
                timeout=30,
            ),
            HttpStep(
                url=f"{url}/v3/auth/tokens",
                headers={"X-Auth-Token": "{token}", "X-Subject-Token": "{token}"},
                timeout=30,
            ),
        ),
    )
