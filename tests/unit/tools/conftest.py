"""The stand-ins are installed in an environment of their own; here they are imported from their source."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "tools" / "airgap" / "plugins"))
