"""A probe: tokens issued and validated at a fixed rate while something else changes the cloud, and what failed.

``python -m kolla_iac.probe`` runs it as a process of its own, so that it measures the cloud and not its caller.
It asks loopback addresses only. Standard library only.
"""

from kolla_iac.probe.identity import Identity
from kolla_iac.probe.load import Load, run
from kolla_iac.probe.report import Report, Sample

__all__ = ["Identity", "Load", "Report", "Sample", "run"]
