"""What pydantic finds wrong, in plain words: one ``Problem`` for each of its errors."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from kolla_iac.errors import Problem

Location = tuple[int | str, ...]

_WORDS = {
    "missing": "is required",
    "extra_forbidden": "unknown key",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "finite_number": "must be a finite number",
    "literal_error": "must be {expected}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must have the form {pattern}",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "value_error": "{error}",
}
_PATTERNS = {
    "sha256": "sha256: and 64 lower-case hexadecimal digits",
    "^/[^:]": "an absolute path without a colon",
    "^(ssh-|ecdsa-)": "a public key, type and key, such as ssh-ed25519 AAAA...",
    "^[a-zA-Z0-9][a-zA-Z0-9_.-]+$": "the name of a Docker volume",
    "[smhd]$": "a whole number and s, m, h or d, such as 90s, 30m, 1h or 7d",
    "^[a-z0-9]([a-z0-9-]{0,61}": "lower-case letters, digits and hyphens",
    "^(unix://": "unix:///path, ssh://user@host or tcp://host:port",
}
"""A mark of a pattern -> its meaning; a pattern that is not here is printed itself."""
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


def path(location: Iterable[int | str]) -> str:
    """``("hosts", 1, "name")`` -> ``hosts[1].name``: the form that ``pulumi config set --path`` takes."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text


def got(value: object) -> str:
    """A value for people, cut to a readable length; never more than the value that was written."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "...")
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def closest(word: object, known: Iterable[str]) -> str:
    """``did you mean 'keystone'?``, or the empty text when nothing known is close."""
    found = difflib.get_close_matches(str(word), list(known), n=1)
    return f"did you mean {found[0]!r}?" if found else ""


def choose(word: object, known: Sequence[str]) -> str:
    """As ``closest``; where nothing is close, what there is."""
    return closest(word, known) or f"known: {', '.join(known)}"


def translate(error: ErrorDetails, root: type[BaseModel]) -> Problem:
    """One error of pydantic as a problem, worded as its path, what must be, and what was got."""
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    location = tuple(part for part in error["loc"] if part != "[key]")
    where = path(location) or "environment"
    words = _WORDS.get(kind, error["msg"][:1].lower() + error["msg"][1:]).format(**context)
    if kind == "missing":
        return Problem(where, words)
    if kind == "extra_forbidden":
        return Problem(where, words, choose(location[-1], _fields(root, location[:-1])))
    hint = ""
    if kind == "string_type" and isinstance(value, int | float):
        hint = f'put it in quotes: {location[-1]}: "{got(value)}"' if isinstance(location[-1], str) else ""
    elif kind == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        words = next((f"must be {text}" for mark, text in _PATTERNS.items() if mark in pattern), words)
    elif kind == "literal_error" and isinstance(value, str):
        words = words.replace("'", "")
        hint = closest(value, re.findall(r"'([^']*)'", str(context["expected"])))
    elif kind in ("int_type", "float_type", "bool_type") and isinstance(value, str):
        hint = "without quotes" if re.fullmatch(r"[0-9.]+|true|false", value) else ""
    return Problem(where, f"{words} (got {got(value)})", hint)


def _fields(root: type[BaseModel], location: Location) -> list[str]:
    """Names of the fields of the model at a location."""
    model: Any = root
    for part in location:
        if isinstance(part, str) and part in getattr(model, "model_fields", {}):
            model = model.model_fields[part].annotation
        models = [model, *_arguments(model)]
        model = next((one for one in models if isinstance(one, type) and issubclass(one, BaseModel)), None)
        if model is None:
            return []
    return list(model.model_fields)


def _arguments(annotation: Any) -> list[Any]:
    return list(getattr(annotation, "__args__", ()))
