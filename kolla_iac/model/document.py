"""YAML as the Pulumi engine reads it: only ``true`` and ``false`` are booleans, and a key stands once."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml

from kolla_iac.errors import Problem


class _Loader(yaml.SafeLoader):
    """PyYAML with YAML 1.2's core scalars, noting keys that stand twice in one mapping."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.twice: list[tuple[str, int, int]] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        first: dict[object, int] = {}
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            line = key.start_mark.line + 1
            if name is not None and name in first:
                self.twice.append((str(name), line, first[name]))
            elif name is not None:
                first[name] = line
        return super().construct_mapping(node, deep=deep)


def _resolve(tag: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), list(first))


_Loader.yaml_implicit_resolvers = {}  # YAML 1.1's: yes, 1:30, 010, ...
_resolve("bool", "true|True|TRUE|false|False|FALSE", "tTfF")
_resolve("null", "~|null|Null|NULL|", "~nN")
_Loader.yaml_implicit_resolvers.setdefault("", []).append(("tag:yaml.org,2002:null", re.compile("^$")))
_resolve("int", r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+", "-+0123456789")
_resolve(
    "float",
    r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    "-+.0123456789",
)
_resolve("timestamp", r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "0123456789")
_resolve("merge", "<<", "<")


def _float(loader: _Loader, node: yaml.ScalarNode) -> float:
    return float(str(loader.construct_scalar(node)).lower().replace(".inf", "inf").replace(".nan", "nan"))


_Loader.add_constructor("tag:yaml.org,2002:float", _float)

_UNREADABLE = (ValueError, TypeError, AttributeError, KeyError, OverflowError)
"""What PyYAML lets through of a scalar that does not fit the type it looks like, or says that it is."""


def read(text: str, source: str) -> tuple[Any, list[Problem]]:
    """Text as plain data, and what is wrong with it as YAML.

    Args:
        source: name of the file, which is the problems' path.

    Returns:
        The data (None when it is no YAML), and the problems with their line numbers.
    """
    try:
        loader = _Loader(text)
        data = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{source}:{mark.line + 1}" if mark else source
        said = " ".join(part for part in (error.context, error.problem) if part)
        return None, [Problem(where, f"is not YAML ({said})", _yaml_hint(text, mark.line if mark else 0))]
    except yaml.YAMLError as error:
        return None, [Problem(source, f"is not YAML ({' '.join(str(error).split())})")]
    except RecursionError:
        return None, [Problem(source, "is nested too deeply")]
    except _UNREADABLE as error:
        said = str(error).split(";")[0]
        return None, [Problem(source, f"has a value that cannot be read ({said})", "put it in quotes")]
    twice = [
        Problem(f"{source}:{line}", f"key {key!r} stands twice in one mapping (first in line {first})")
        for key, line, first in loader.twice
    ]
    return data, list(dict.fromkeys(twice))


def _yaml_hint(text: str, line: int) -> str:
    lines = text.splitlines()
    if any("\t" in one[: len(one) - len(one.lstrip())] for one in lines[max(line - 1, 0) : line + 1]):
        return "indent with blanks, not with tabs"
    return "look at the indentation, colons and quotes there, and in the line above"
