"""A group of commands whose modules are imported only when one of them runs."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup


@dataclass(frozen=True)
class Lazy:
    """Where a command, or a group of commands, is to be found."""

    module: str
    attribute: str
    """A function, or a ``typer.Typer`` of several commands."""
    help: str
    """One line of `kolla-iac --help`; stands here so that it needs no import."""
    hidden: bool = False

    @property
    def there(self) -> bool:
        """Whether its module exists."""
        return importlib.util.find_spec(self.module) is not None

    def load(self, name: str) -> Any:
        """The command itself."""
        target = getattr(importlib.import_module(self.module), self.attribute)
        if not isinstance(target, typer.Typer):
            app = typer.Typer(add_completion=False, rich_markup_mode=None)
            app.command(name)(target)
            target = app
        command = typer.main.get_command(target)
        command.name = name
        return command


class LazyGroup(TyperGroup):
    """A group that knows its commands by ``commands_by_name`` alone."""

    commands_by_name: ClassVar[dict[str, Lazy]] = {}

    def list_commands(self, ctx: Any) -> list[str]:
        """Names, in the order of the table."""
        return [name for name, lazy in self.commands_by_name.items() if lazy.there]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, imported now; None when there is none of this name."""
        lazy = self.commands_by_name.get(cmd_name)
        return lazy.load(cmd_name) if lazy is not None and lazy.there else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As typer does it; only an unknown name looks at all names, to suggest one."""
        name = args[0] if args else ""
        command = self.get_command(ctx, name)
        return (name, command, args[1:]) if command is not None else super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The table of commands, without importing any."""
        lines = [
            (name, self.commands_by_name[name].help)
            for name in self.list_commands(ctx)
            if not self.commands_by_name[name].hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(lines)
