"""Where this user's state, clouds.yaml and timelines lie."""

import os
from pathlib import Path


def home() -> Path:
    """``$KOLLA_IAC_HOME``, by default ``kolla-iac`` in the user's data directory (XDG)."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return Path(os.environ.get("KOLLA_IAC_HOME") or data / "kolla-iac")
