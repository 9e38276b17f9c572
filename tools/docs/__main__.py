"""``python -m tools.docs``: write the generated pages that are not current, build the site, check all links.

With ``--check`` nothing is written but the site: a page that is not current is an error.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools.docs import links, site
from tools.docs.pages import stale

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """0: all is well; 1: something is not, and was named."""
    wrong: list[str] = []
    for path, text in stale(ROOT).items():
        if "--check" in arguments:
            wrong.append(f"{path}: is not current; make docs writes it")
            continue
        file = ROOT / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        sys.stdout.write(f"written  {path}\n")
    wrong += [f"{each} leads nowhere" for each in links.broken(ROOT)]
    wrong += site.build(ROOT)
    if wrong:
        sys.stdout.write("".join(f"wrong    {each}\n" for each in wrong))
        return 1
    sys.stdout.write(f"built    {site.SITE}/index.html, {len(links.pages(ROOT))} pages, all links checked\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
