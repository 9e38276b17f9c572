"""A stage as a resource: a Command that runs ``kolla-iac stage`` with a specification on standard input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_command import local

from kolla_iac.model.stage import Stage, stage_adapter
from kolla_iac.resources.names import logical

COMMAND = "kolla-iac stage || exit $?"
"""A constant, found on PATH: nothing that differs between machines may be an input of a resource.

The second half keeps the shell: on Ctrl-C the provider kills the Command's process outright, and that had better be
the shell. The stage is told by the kernel (see ``kolla_iac.cli.stage``) and ends between two steps.
"""


def stage(
    spec: type[Stage],
    *,
    show: Mapping[str, str],
    parent: pulumi.Resource,
    depends_on: Sequence[pulumi.Resource] = (),
    held: bool = False,
    hooks: pulumi.ResourceHookBinding | None = None,
    **fields: Any,
) -> local.Command:
    """Registers one stage.

    Args:
        spec: the specification's class of ``kolla_iac.model.stage``.
        show: a few readable keys for the reviewer (RELEASE, IMAGE, ...); no secrets.
        held: whether it stands as it stood, whatever its inputs are now, where it has run before.
        hooks: asked before it runs, and in a preview.
        fields: the specification's fields; each may be an Output; secrets keep the whole input secret.
    """

    def text(values: dict[str, Any]) -> str:
        filled = spec(**values)
        return stage_adapter.dump_json(filled).decode()

    return local.Command(
        logical(fields["environment"], fields["name"]),
        create=COMMAND,
        environment={"STAGE": spec.model_fields["kind"].default, **show},
        stdin=pulumi.Output.all(**fields).apply(text),
        add_previous_output_in_env=False,
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=list(depends_on),
            ignore_changes=["create", "environment", "stdin"] if held else None,
            hooks=hooks,
        ),
    )
