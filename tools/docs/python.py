"""Reference page of what Python programs import: signatures and docstrings, read from the source, not imported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import griffe

from tools.docs.markdown import code, prose, table


class Part(NamedTuple):
    """One section of the page."""

    title: str
    about: str
    names: dict[str, tuple[str, ...]]
    """Module -> what it is imported for, in the order in which a reader wants them; none: all that it exports."""


PARTS = (
    Part("Components", "The services. Each is a Pulumi component resource.", {"components": ()}),
    Part(
        "The cloud that components stand on",
        "Every component is given one.",
        {"resources.cloud": ("Cloud", "Image"), "resources.program": ("cloud_of_this_stack",)},
    ),
    Part(
        "Settings",
        "The same as in an environment's file; each field is described under [settings](settings.md).",
        {"model.environment": ("Environment", "load_environment"), "model.hosts": ("Host", "Endpoint")},
    ),
    Part(
        "For a component of your own",
        "What a folder in `components/` is made of; "
        "[contributing](../../CONTRIBUTING.md#how-to-add-a-service) says how.",
        {
            "model.service": ("Service", "ServiceSettings", "Secret"),
            "plan.rollout": ("Rollout", "Act", "Impact"),
            "resources.service": ("Service",),
            "resources.container": ("Shape",),
        },
    ),
    Part(
        "Errors",
        "All are made for people to read: `print(error)`.",
        {"errors": ("KollaError", "SettingsError", "Problem")},
    ),
)


def page(root: Path) -> str:
    """docs/reference/python.md.

    Args:
        root: of the checkout.
    """
    loader = griffe.GriffeLoader(search_paths=[root], docstring_parser=griffe.Parser.google)
    package = loader.load("kolla_iac")
    loader.resolve_aliases(implicit=True)
    text = [_INTRO]
    for part in PARTS:
        text.append(f"\n## {part.title}\n\n{part.about}\n")
        for module, names in part.names.items():
            for name in names or map(str, package[module].exports):
                text += _object(f"kolla_iac.{module}", package[f"{module}.{name}"])
    return "".join(text)


def _object(module: str, found: griffe.Object | griffe.Alias) -> Iterator[str]:
    shown = found.final_target if isinstance(found, griffe.Alias) else found
    assert isinstance(shown, griffe.Class | griffe.Function)
    yield f"\n### {shown.name}\n\n```python\nfrom {module} import {shown.name}\n\n{_signature(shown)}\n```\n"
    yield from _sections(shown)
    if isinstance(shown, griffe.Class):
        if "__init__" in shown.members:
            yield from _sections(shown["__init__"])
        yield from _members(shown)


def _signature(shown: griffe.Class | griffe.Function) -> str:
    """As one would write it; over several lines where it is long, and without parameters that have no type.

    A class whose fields are its parameters is named alone: the fields follow as a table.
    """
    if isinstance(shown, griffe.Class) and "__init__" not in shown.members:
        return shown.name
    parameters: list[str] = []
    for one in shown.parameters:
        if one.name in ("self", "cls"):
            continue
        if one.kind is griffe.ParameterKind.keyword_only and "*" not in parameters:
            parameters.append("*")
        if one.kind is griffe.ParameterKind.var_positional:
            parameters.append(f"*{one.name}: {one.annotation}")
            continue
        default = f" = {one.default}" if one.default is not None else ""
        parameters.append(f"{one.name}: {one.annotation}{default}" if one.annotation else one.name)
    returns = f" -> {shown.returns}" if isinstance(shown, griffe.Function) and shown.returns else ""
    short = f"{shown.name}({', '.join(parameters)}){returns}"
    if len(short) <= 100:
        return short
    return "\n".join([f"{shown.name}(", *(f"    {one}," for one in parameters), f"){returns}"])


def _sections(shown: griffe.Object | griffe.Alias) -> Iterator[str]:
    for section in shown.docstring.parsed if shown.docstring else ():
        if isinstance(section, griffe.DocstringSectionText):
            yield f"\n{prose(section.value)}\n"
        elif isinstance(section, griffe.DocstringSectionParameters | griffe.DocstringSectionAttributes):
            rows = [(code(one.name), prose(one.description)) for one in section.value]
            head = "argument" if isinstance(section, griffe.DocstringSectionParameters) else "attribute"
            yield "\n" + table((head, "what it is"), rows)
        elif isinstance(section, griffe.DocstringSectionRaises):
            rows = [(code(str(one.annotation)), prose(one.description)) for one in section.value]
            yield "\n" + table(("raises", "when"), rows)
        elif isinstance(section, griffe.DocstringSectionReturns):
            yield f"\nReturns: {prose(' '.join(one.description for one in section.value))}\n"


def _members(shown: griffe.Class) -> Iterator[str]:
    public = [one for name, one in shown.members.items() if not name.startswith("_")]
    fields = [one for one in public if isinstance(one, griffe.Attribute) and "property" not in one.labels]
    if "dataclass" in shown.labels:  # its signature has names and types already
        rows = [(code(one.name), _first(one)) for one in fields if one.docstring]
        yield "\n" + table(("field", "what it is"), rows) if rows else ""
    elif "__init__" not in shown.members and fields:
        typed = [(code(one.name), code(str(one.annotation)), _first(one)) for one in fields if one.annotation]
        yield "\n" + table(("field", "type", "what it is"), typed)
    methods = [one for one in public if isinstance(one, griffe.Function) or "property" in one.labels]
    if methods:
        called = [(code(_called(one)), _first(one)) for one in methods]
        yield "\n" + table(("method or property", "what it is"), called)


def _called(one: griffe.Object | griffe.Alias) -> str:
    if isinstance(one, griffe.Function) and "property" not in one.labels:
        return _signature(one).replace("\n    ", " ").replace("( ", "(").replace(",\n)", ")")
    return one.name


def _first(one: griffe.Object | griffe.Alias) -> str:
    """All of a docstring but its lists of arguments and errors."""
    parsed = one.docstring.parsed if one.docstring else ()
    texts = [section.value for section in parsed if isinstance(section, griffe.DocstringSectionText)]
    return prose(" ".join(texts))


_INTRO = """\
# Python

What a Pulumi program of yours imports, with the docstrings of the source.
[Use single components](../how-to/single-components.md) says how it goes together.
"""
