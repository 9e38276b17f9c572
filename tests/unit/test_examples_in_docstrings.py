"""Every example in a docstring is true."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for folder in ("kolla_iac", "components", "tools/docs", "tests/cloud")
    for file in (ROOT / folder).rglob("*.py")
    if ">>> " in file.read_text() and "kolla_iac/components" not in str(file)
)


def test_there_are_examples() -> None:
    assert len(MODULES) > 10


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    done = doctest.testmod(
        importlib.import_module(f"kolla_iac.{name}" if name.startswith("components") else name)
    )
    assert done.attempted
    assert not done.failed
