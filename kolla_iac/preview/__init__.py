"""What a preview says, for the people who review it: read from Pulumi's own data, said in several formats.

``read`` takes what `pulumi preview --json` printed, ``report`` makes one model of it, ``document`` the parts of a page,
and each format renders those. Needs neither engine nor hosts, and works, with less to say, for any program.
"""

from kolla_iac.preview.beside import Beside, NotReadable
from kolla_iac.preview.measured import Measured, NotMeasured, read_measured
from kolla_iac.preview.read import NotAPreview, Preview, read
from kolla_iac.preview.report import Report, report

__all__ = [
    "Beside",
    "Measured",
    "NotAPreview",
    "NotMeasured",
    "NotReadable",
    "Preview",
    "Report",
    "read",
    "read_measured",
    "report",
]
