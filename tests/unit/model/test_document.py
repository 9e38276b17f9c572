"""YAML as the engine reads it."""

import pytest

from kolla_iac.model.document import read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("1:30", "1:30"),
        ("010", "010"),
        ("0x10", 16),
        ("-3", -3),
        ("1e3", 1000.0),
        ("2025.2", 2025.2),
        ('"2025.2"', "2025.2"),
        ("~", None),
        ("", None),
    ],
)
def test_scalars(text: str, value: object) -> None:
    data, problems = read(f"key: {text}", "f.yaml")
    assert problems == []
    assert data == {"key": value}
    assert type(data["key"]) is type(value)


def test_keys_that_stand_twice_are_named_with_both_lines() -> None:
    _, problems = read("a: 1\nb: {c: 1,\n  c: 2}\na: 3\n", "f.yaml")
    assert [problem.path for problem in problems] == ["f.yaml:4", "f.yaml:3"]
    assert problems[0].reason == "key 'a' stands twice in one mapping (first in line 1)"


def test_merged_keys_do_not_stand_twice() -> None:
    assert read("a: &a {x: 1}\nb: {<<: *a, x: 2}", "f.yaml") == ({"a": {"x": 1}, "b": {"x": 2}}, [])


@pytest.mark.parametrize(
    "text",
    [
        *("a: [", "a: *b", "\ta: 1", "a: \0", "---\na\n---\nb", "a: !!python/object:os.system x"),
        *("? {a: b}\n: c", "!!timestamp x", "!!int x", "!!bool x", "!!float x", "!!set [a]", "<<: 3"),
        *("a: " + "9" * 5000, "a: 2025-99-99", "[" * 5000),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_not_yaml_is_one_problem(text: str) -> None:
    data, problems = read(text, "f.yaml")
    assert data is None
    assert len(problems) == 1
    assert problems[0].path.startswith("f.yaml")
