"""``python -m tests.preview.expected``: writes what is expected of each recorded preview, in every format, anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from kolla_iac.preview import read, report
from kolla_iac.preview.document import document
from kolla_iac.preview.markdown import markdown
from kolla_iac.preview.page import page
from kolla_iac.preview.terminal import terminal

HERE = Path(__file__).parent
RECORDED = sorted((HERE / "recorded").glob("*.json"))
EXPECTED = HERE / "expected"


def rendered(recorded: Path) -> Mapping[str, str]:
    """Ending of a file's name -> the report of a recorded preview in that format."""
    found = report(read(recorded.read_text(), recorded.name))
    parts = document(found)
    return {
        "md": markdown(parts),
        "html": page(parts, f"{found.stack}: preview"),
        "txt": terminal(parts),
        "json": json.dumps(found.data(), indent=1) + "\n",
    }


def main() -> None:
    """Writes all of them; those of situations that are no more go."""
    for old in EXPECTED.iterdir():
        old.unlink()
    for recorded in RECORDED:
        for ending, text in rendered(recorded).items():
            (EXPECTED / f"{recorded.stem}.{ending}").write_text(text)


if __name__ == "__main__":
    main()
