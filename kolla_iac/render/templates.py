"""The Jinja templates that stand in a service's folder."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kolla_iac.model.service import COMPONENTS


@cache
def _environment(folder: Path) -> Environment:
    return Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(folder: str, template: str, **values: object) -> str:
    """``components/<folder>/templates/<template>.j2`` with ``values``; a value that is missing is an error."""
    text: str = (
        _environment(COMPONENTS / folder / "templates").get_template(f"{template}.j2").render(**values)
    )
    return text
