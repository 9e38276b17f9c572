"""The file of options beside a service against what the packages in its images say."""

from __future__ import annotations

import pytest

from kolla_iac.model.service import COMPONENTS
from tools.options.__main__ import text

SERVICES = sorted(file.parent.name for file in COMPONENTS.glob("*/options.yaml"))


@pytest.mark.parametrize("service", SERVICES)
def test_options_are_those_of_the_images(service: str) -> None:
    assert (COMPONENTS / service / "options.yaml").read_text() == text(service), (
        f"python -m tools.options {service}"
    )


def test_keystone_is_among_them() -> None:
    assert "keystone" in SERVICES
