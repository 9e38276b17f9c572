"""Names of resources in their program."""

from __future__ import annotations

import pulumi


def logical(environment: str, name: str) -> str:
    """A resource's name: plain in the environment that the stack is; in others with the environment in front.

    So several clouds stand side by side in one program, each resource under a name of its own.
    """
    return name if environment == pulumi.get_stack() else f"{environment}-{name}"
