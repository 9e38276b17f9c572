"""Draws a graph as SVG: self-contained, for light and dark pages, with nothing but arithmetic.

Columns from left to right by what asks whom, a band for each host from top to bottom. Requests go from one column to
the next, so that every line runs in the gap between two columns and crosses no box.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape

from kolla_iac.render.graph import CLIENTS, COLUMNS, OPERATOR, Graph, Node

PLAIN, STRONG = 6.7, 8.7
"""Pixels that a character takes on average, at 12 px and at 13 px bold, in DejaVu Sans: the widest of usual fonts."""
LINE, PAD, GAP = 18, 12, 18
"""Pixels: height of a line of text, space in a box, space between boxes."""
BETWEEN = 64
"""Pixels between two columns."""
HEAD = 64
"""Pixels above the network: the picture's title and the columns' headings."""


@dataclass(frozen=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        """Of its sides, from the top."""
        return self.y + self.height / 2


@dataclass(frozen=True)
class Layout:
    """Where everything is."""

    width: float
    height: float
    nodes: dict[str, Box]
    hosts: dict[str, Box]
    network: Box
    columns: tuple[Box, ...]
    """For the headings: as wide as the column, at its top."""


def layout(drawn: Graph) -> Layout:
    """Places every box; none overlaps another that does not contain it, and every text fits its box."""
    across = _columns(drawn)
    left = across[1].x - PAD - GAP
    right = across[-1].right
    named = 2 * LINE + PAD
    top: float = HEAD + LINE + PAD
    nodes: dict[str, Box] = {}
    hosts: dict[str, Box] = {}
    for place in drawn.places:
        stacks = [_stack(drawn, place.name, column) for column in range(1, len(COLUMNS))]
        tallest = max(_tall(stack) for stack in stacks)
        hosts[place.name] = Box(left + PAD, top, right + GAP - left - PAD, tallest + named + 2 * PAD)
        for column, stack in enumerate(stacks, 1):
            start = top + named + PAD + (tallest - _tall(stack)) / 2
            nodes |= _piled(stack, across[column], start)
        top = hosts[place.name].bottom + GAP
    network = Box(left, HEAD, right + GAP + PAD - left, top - GAP + PAD - HEAD)
    outside = [drawn.node(CLIENTS), drawn.node(OPERATOR)]
    between = max(GAP, network.height - _tall(outside) - LINE - 2 * PAD)
    nodes |= _piled(outside, across[0], HEAD + LINE + PAD, between)
    height = max(network.bottom, *(box.bottom for box in nodes.values())) + LINE + 2 * PAD
    return Layout(network.right + PAD, height, nodes, hosts, network, across)


def _columns(drawn: Graph) -> tuple[Box, ...]:
    found: list[Box] = []
    x: float = PAD
    for column, title in enumerate(COLUMNS):
        strong = [node.lines[0] for node in drawn.nodes if node.column == column]
        plain = [title, *(line for node in drawn.nodes if node.column == column for line in node.lines[1:])]
        if column == 1:  # the hosts' names stand above it
            plain += [line for place in drawn.places for line in place.lines]
        found.append(Box(x, HEAD, round(2 * PAD + max(width(plain, PLAIN), width(strong, STRONG))), 0))
        x = found[-1].right + BETWEEN
    return tuple(found)


def width(texts: Iterable[str], character: float) -> float:
    """Of the longest of some texts."""
    return max(map(len, texts), default=0) * character


def _stack(drawn: Graph, host: str, column: int) -> list[Node]:
    return [node for node in drawn.nodes if node.host == host and node.column == column]


def _height(node: Node) -> float:
    return len(node.lines) * LINE + 2 * PAD - 4


def _tall(stack: list[Node]) -> float:
    return sum(map(_height, stack)) + GAP * max(len(stack) - 1, 0)


def _piled(stack: list[Node], column: Box, top: float, gap: float = GAP) -> Iterator[tuple[str, Box]]:
    for node in stack:
        yield node.name, Box(column.x, top, column.width, _height(node))
        top += _height(node) + gap


def svg(drawn: Graph) -> str:
    """The picture, as the text of an SVG file."""
    placed = layout(drawn)
    width, height = round(placed.width), round(placed.height)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" aria-labelledby="title">',
        f'<title id="title">{escape(drawn.title)}</title>',
        _STYLE,
        f'<rect class="paper" width="{width}" height="{height}" rx="8"/>',
        _line(PAD, 26, drawn.title, "heading"),
        *(_line(box.x, 52, title, "small") for box, title in zip(placed.columns, COLUMNS, strict=True)),
        _rectangle(placed.network, "network"),
        _line(placed.network.x + PAD, placed.network.y + LINE, drawn.network, "small"),
    ]
    for place in drawn.places:
        box = placed.hosts[place.name]
        parts.append(_rectangle(box, "host"))
        for number, text in enumerate(place.lines, 1):
            parts.append(_line(box.x + PAD, box.y + LINE * number + 2, text, "small"))
        parts.append(_curve(placed.nodes[OPERATOR], box, "makes", box.bottom - PAD))
    for start, end in drawn.talks:
        parts.append(_curve(placed.nodes[start], placed.nodes[end], "asks", placed.nodes[end].middle))
    for node in drawn.nodes:
        parts += _node(node, placed.nodes[node.name])
    parts += [_line(PAD, height - PAD, _LEGEND, "small"), "</svg>"]
    return "\n".join(parts) + "\n"


def _node(node: Node, box: Box) -> Iterator[str]:
    yield _rectangle(box, "volume" if node.volume else "node" if node.host else "outside")
    for number, text in enumerate(node.lines):
        down = box.y + PAD + LINE * (number + 1) - 7
        yield _line(box.x + PAD, down, text, "strong" if number == 0 else "plain")


def _rectangle(box: Box, kind: str) -> str:
    size = f'width="{box.width:g}" height="{box.height:g}"'
    return f'<rect class="{kind}" x="{box.x:g}" y="{box.y:g}" {size} rx="6"/>'


def _line(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(text)}</text>'


def _curve(start: Box, end: Box, kind: str, goal: float) -> str:
    """An arrow from box to box; one that goes back a column runs a little lower than those that come.

    Args:
        goal: how far down it ends, at the side of ``end``.
    """
    if end.x > start.x:
        out, into, bend, down = start.right, end.x, BETWEEN / 2, 0
    else:
        out, into, bend, down = start.x, end.right, -BETWEEN / 2, 9
    y, goal = start.middle + down, goal + down
    tip = into - (7 if bend > 0 else -7)
    path = f"M{out:g} {y:g}C{out + bend:g} {y:g} {into - bend:g} {goal:g} {tip:g} {goal:g}"
    back = into - (9 if bend > 0 else -9)
    head = f"M{into:g} {goal:g}L{back:g} {goal - 4:g}L{back:g} {goal + 4:g}Z"
    return f'<path class="{kind}" d="{path}"/><path class="{kind}-head" d="{head}"/>'


_LEGEND = "solid: requests. dashed: what pulumi up makes and changes, by the host's Docker endpoint"
_STYLE = """<style>
text { font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; font-size: 12px; fill: #1f2933 }
.heading { font-size: 15px; font-weight: 600 }
.strong { font-size: 13px; font-weight: 600 }
.small { fill: #52606d }
.paper { fill: #ffffff }
.network { fill: #f3f6f9; stroke: #9fb3c8; stroke-dasharray: 6 4 }
.host { fill: #ffffff; stroke: #9fb3c8 }
.outside { fill: #f3f6f9; stroke: #7b8794 }
.node { fill: #e3f0fb; stroke: #2f7fc1 }
.volume { fill: #fdf3d8; stroke: #b7791f }
.asks { fill: none; stroke: #2f7fc1; stroke-width: 1.4 }
.asks-head { fill: #2f7fc1 }
.makes { fill: none; stroke: #7b8794; stroke-width: 1.2; stroke-dasharray: 4 4 }
.makes-head { fill: #7b8794 }
@media (prefers-color-scheme: dark) {
text { fill: #e4e7eb }
.small { fill: #9aa5b1 }
.paper { fill: #12181f }
.network { fill: #1a222b; stroke: #52606d }
.host { fill: #12181f; stroke: #52606d }
.outside { fill: #1a222b; stroke: #7b8794 }
.node { fill: #12304a; stroke: #4c9fe0 }
.volume { fill: #3d3010; stroke: #d69e2e }
.asks { stroke: #4c9fe0 }
.asks-head { fill: #4c9fe0 }
}
</style>"""
