"""The ways beside each other as SVG: four panels of bars, a dot a repetition. Pure; for light and dark pages."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from kolla_iac.probe.words import seconds

from .figures import WAYS, Repetition, by_way

WIDTH, PAD = 900, 16
NAMES, VALUES = 300, 110
"""Pixels: for the ways' names to the left of the bars, and for the figures to the right of them."""
ROW, BAR = 24, 14
PANEL_HEAD = 34
TOP = 56

Measure = Callable[[Repetition], float]


def _count(value: float) -> str:
    return f"{value:,.0f}"


@dataclass(frozen=True)
class Panel:
    """What is drawn of each way."""

    title: str
    measure: Measure
    together: Callable[[list[float]], float]
    """From a way's repetitions to the length of its bar."""
    written: Callable[[float], str]


PANELS = (
    Panel("failed requests of one upgrade (worst)", lambda one: float(one.failed), max, _count),
    Panel("longest time without a successful answer (worst)", lambda one: one.gap, max, seconds),
    Panel("p99 from the command's begin on (median)", lambda one: one.p99, statistics.median, seconds),
    Panel("duration of the command (median)", lambda one: one.took, statistics.median, seconds),
)

STYLE = """<style>
text { font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; font-size: 12px; fill: #1f2933 }
.heading { font-size: 15px; font-weight: 600 }
.strong { font-weight: 600 }
.small { fill: #52606d }
.paper { fill: #ffffff }
.axis { stroke: #9fb3c8 }
.ours { fill: #2f7fc1 }
.kolla { fill: #b7791f }
.dot { fill: #ffffff; stroke: #1f2933 }
@media (prefers-color-scheme: dark) {
text { fill: #e4e7eb }
.small { fill: #9aa5b1 }
.paper { fill: #12181f }
.axis { stroke: #52606d }
.ours { fill: #4c9fe0 }
.kolla { fill: #d69e2e }
.dot { fill: #12181f; stroke: #e4e7eb }
}
</style>"""


def picture(repetitions: Sequence[Repetition], about: str) -> str:
    """The text of an SVG file.

    Args:
        about: one line: machine, versions, load.
    """
    ways = by_way(repetitions)
    tall = PANEL_HEAD + ROW * len(ways) + 10
    height = TOP + tall * len(PANELS) + PAD
    title = "Keystone 2025.2 to 2026.1: ours, and Kolla's order"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
        f' height="{height}" role="img" aria-labelledby="title">',
        f'<title id="title">{escape(title)}</title>',
        STYLE,
        f'<rect class="paper" width="{WIDTH}" height="{height}" rx="8"/>',
        _text(PAD, 26, title, "heading"),
        _text(PAD, 46, about, "small"),
    ]
    for number, panel in enumerate(PANELS):
        parts += _panel(panel, ways, TOP + number * tall)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel, ways: dict[str, list[Repetition]], top: float) -> list[str]:
    left, right = PAD + NAMES, WIDTH - PAD - VALUES
    measured = {way: [panel.measure(one) for one in own] for way, own in ways.items()}
    most = max(value for values in measured.values() for value in values)
    scale = (right - left) / most if most else 0.0
    parts = [_text(PAD, top + 22, panel.title, "strong")]
    for number, (way, values) in enumerate(measured.items()):
        y = top + PANEL_HEAD + number * ROW
        value = panel.together(values)
        kind = "ours" if way.startswith("ours") else "kolla"
        parts.append(_text(PAD, y + 11, WAYS[way]))
        parts.append(
            f'<rect class="{kind}" x="{left}" y="{y}" width="{value * scale:.1f}" height="{BAR}" rx="2"/>'
        )
        parts += [
            f'<circle class="dot" cx="{left + one * scale:.1f}" cy="{y + BAR / 2:.0f}" r="3"/>'
            for one in values
        ]
        parts.append(_text(right + 12, y + 11, panel.written(value), "strong"))
    bottom = top + PANEL_HEAD + len(ways) * ROW - ROW + BAR + 4
    parts.append(f'<path class="axis" d="M{left} {top + PANEL_HEAD - 4}V{bottom}"/>')
    return parts


def _text(x: float, y: float, text: str, kind: str = "plain") -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(text)}</text>'
