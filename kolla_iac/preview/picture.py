"""The stages of a change as a Mermaid flowchart, which GitHub and GitLab draw in a comment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from kolla_iac.preview.services import ServiceChange

LARGEST = 80
"""Boxes; a picture of more helps nobody."""
_OTHER = re.compile(r"[^\w .,()/+-]")


def picture(changes: Sequence[ServiceChange]) -> tuple[str, ...]:
    """Lines of the flowchart: a box for each service, its stages in it, arrows to what waits for it.

    Empty where there is nothing to see: one service with at most one stage, or more than ``LARGEST`` boxes.
    """
    stages = sum(len(one.stages) for one in changes)
    if not 1 < stages + len(changes) - 1 <= LARGEST:
        return ()
    return tuple(_lines(changes))


def _lines(changes: Sequence[ServiceChange]) -> Iterator[str]:
    yield "flowchart LR"
    for number, one in enumerate(changes):
        if not one.stages:
            yield f'  s{number}["{_text(one.service)}"]'
            continue
        yield f'  subgraph s{number} ["{_text(one.service)}"]'
        yield "    direction LR"
        for at, stage in enumerate(one.stages, start=1):
            mark = ":::point" if stage.no_way_back else ""
            yield f'    s{number}_{at}["{at} {_text(stage.name)}"]{mark}'
        if len(one.stages) > 1:
            chain = " --> ".join(f"s{number}_{at}" for at in range(1, len(one.stages) + 1))
            yield f"    {chain}"
        yield "  end"
    yield from _order(changes)
    if any(stage.no_way_back for one in changes for stage in one.stages):
        yield "  classDef point stroke:#b3261e,stroke-width:3px"


def _order(changes: Sequence[ServiceChange]) -> Iterator[str]:
    waves = sorted({one.wave for one in changes if one.wave})
    for before, after in pairwise(waves):
        for here, one in enumerate(changes):
            for there, other in enumerate(changes):
                if one.wave == before and other.wave == after:
                    yield f"  s{here} --> s{there}"


def _text(text: str) -> str:
    """What stays text in a box.

    >>> _text('a"]; click x "javascript:1')
    'a    click x  javascript 1'
    """
    return _OTHER.sub(" ", text)[:60]
