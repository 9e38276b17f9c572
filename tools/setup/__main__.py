"""``python3 -m tools.setup``: see ``--help``."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - before anything that older ones cannot read
    sys.exit(
        "kolla_iac needs Python 3.11 or later; this is {}.{} ({}).\n"
        "Install a newer one and run: make setup PYTHON=python3.11".format(
            *sys.version_info[:2], sys.executable
        )
    )

from .run import main

sys.exit(main(sys.argv[1:]))
