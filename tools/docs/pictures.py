"""Pictures of environments, drawn by the program itself: SVG files, and Mermaid text where a page draws that."""

from __future__ import annotations

import re
from typing import Any

from kolla_iac.model.environment import load_environment
from kolla_iac.render.graph import Graph, graph, mermaid
from kolla_iac.render.svg import svg

FOLDER = "docs/pictures"
ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "dev": {},
    "three-hosts": {
        "hosts": [
            {"name": f"node-{n}", "docker": f"ssh://root@192.0.2.1{n}", "address": f"192.0.2.1{n}"}
            for n in (1, 2, 3)
        ],
        "services": {"keystone": {"replicas": 3}},
    },
}
"""What is drawn: name -> settings beside the release."""
BLOCK = re.compile(r"<!-- picture: (\S+) -->\n(.*?)<!-- end of picture -->\n", re.DOTALL)
"""A place in a page where Mermaid text stands, and the SVG file that shows the same."""


def drawn() -> dict[str, str]:
    """Path from the checkout's root -> text of every SVG file."""
    return {f"{FOLDER}/{name}.svg": svg(_graph(name)) for name in ENVIRONMENTS}


def with_pictures(text: str) -> str:
    """A page with current Mermaid text in every place for it."""

    def filled(found: re.Match[str]) -> str:
        name = found[1].rsplit("/", 1)[-1].removesuffix(".svg")
        body = f"```mermaid\n{mermaid(_graph(name))}```\n"
        return f"<!-- picture: {found[1]} -->\n{body}<!-- end of picture -->\n"

    return BLOCK.sub(filled, text)


def as_images(text: str) -> str:
    """A page for readers that draw no Mermaid: each place shows the SVG file.

    >>> as_images("<!-- picture: docs/a.svg -->\\n...<!-- end of picture -->\\n")
    '![hosts, replicas, and who talks to whom](docs/a.svg)\\n'
    """
    return BLOCK.sub(r"![hosts, replicas, and who talks to whom](\1)\n", text)


def _graph(name: str) -> Graph:
    return graph(load_environment({"release": "2025.2", **ENVIRONMENTS[name]}, name), name)
