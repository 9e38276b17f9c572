"""What a stage says of an image that a host has; so it stands in the state, and in the data of the next preview."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SAID = re.compile(r"(?m)(\S+)  (\d+) MB(?:  (sha256:[0-9a-f]{64}))?  is there$")


@dataclass(frozen=True)
class Present:
    """An image that is there.

    >>> str(Present("kolla-iac/keystone:2025.2-f53637f9fddf", 412))
    'kolla-iac/keystone:2025.2-f53637f9fddf  412 MB  is there'
    """

    reference: str
    megabytes: int
    digest: str = ""
    """``sha256:...`` as its registry has it; empty for an image that came from none."""

    def __str__(self) -> str:
        return "  ".join(filter(None, (self.reference, f"{self.megabytes} MB", self.digest, "is there")))


def said(text: str) -> tuple[Present, ...]:
    """Every image of which lines say so.

    >>> said("   0.2 s  keystone  k:1  412 MB  is there\\nk:2 is there")
    (Present(reference='k:1', megabytes=412, digest=''),)
    """
    return tuple(Present(found[1], int(found[2]), found[3] or "") for found in _SAID.finditer(text))
