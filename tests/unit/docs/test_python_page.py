"""The reference of Python names: all that is exported, as it is imported."""

import importlib
import re
from pathlib import Path

from kolla_iac import components
from tools.docs.python import page

TEXT = page(Path(__file__).resolve().parents[3])


def test_every_import_that_it_shows_works() -> None:
    shown = re.findall(r"^from (\S+) import (\S+)$", TEXT, re.MULTILINE)
    assert len(shown) > 15
    for module, name in shown:
        assert hasattr(importlib.import_module(module), name), f"from {module} import {name}"


def test_every_component_is_described() -> None:
    for name in components.__all__:
        section = TEXT.split(f"\n### {name}\n")[1].split("\n### ")[0]
        assert re.search(r"```\n\n[A-Z]", section), f"{name} has no docstring"


def test_a_long_signature_stands_on_lines_of_its_own() -> None:
    assert "Keystone(\n    name: str,\n    *,\n    cloud: Cloud,\n" in TEXT


def test_methods_arguments_and_errors_are_there() -> None:
    assert "| `place(name: str) -> tuple[Host, ...]` | The hosts of a service's replicas" in TEXT
    assert "| `SettingsError` | every problem, of fields and of rules over several, at once. |" in TEXT
    assert (
        "| `environment` | name in labels and volumes; the Pulumi stack's by default. Further clouds of"
        in TEXT
    )
