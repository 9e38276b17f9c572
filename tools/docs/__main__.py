"""``python -m tools.docs``: write every generated page that is not current."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.docs.pages import stale

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Write what differs, name it; 0."""
    for path, text in stale(ROOT).items():
        file = ROOT / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        sys.stdout.write(f"written  {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
