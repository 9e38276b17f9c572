"""The timeline as SVG: stages as bars, under them a dot a request by the time that it took, failures in red.

Its colours are CSS variables of the page around it. Dots that would lie on each other are drawn once, and the
grid on which they lie gets coarser until few enough are left; failures are all drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape

from kolla_iac.probe import words
from kolla_iac.probe.analysis import Result, Row, Span, slow
from kolla_iac.probe.report import Sample

WIDTH, LEFT, RIGHT = 1200, 58, 1184
LANE, BAR = 24, 16
TOP = 26
PLOT = 240
"""Height of the dots' area."""
LETTER = 6.5
"""Width of a letter of a label, about."""
DOTS = 6_000
"""At most, beside failures."""
FAST, TICKS = 0.005, (0.01, 0.1, 1.0, 10.0, 100.0)
"""Seconds: what lies at the bottom, and the lines above it."""
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
"""Seconds between two marks of the axis of time; the first that leaves at most 12 of them."""


@dataclass(frozen=True)
class _Scale:
    """From moments and durations to places."""

    began: float
    ended: float
    slowest: float
    top: float

    def x(self, moment: float) -> float:
        share = (moment - self.began) / max(self.ended - self.began, 0.001)
        return LEFT + min(max(share, 0), 1) * (RIGHT - LEFT)

    def y(self, seconds: float) -> float:
        span = math.log(self.slowest / FAST)
        share = math.log(min(max(seconds, FAST), self.slowest) / FAST) / span
        return self.top + PLOT * (1 - share)


def picture(result: Result) -> str:
    """The whole ``<svg>``."""
    seen = result.observed
    stages = [row for row in result.rows if row.a_stage]
    slowest = max([1.0, *(sample.seconds for sample in seen.samples)]) * 2
    flat = _Scale(seen.began, seen.ended, slowest, 0)
    lanes = _lanes(stages, flat)
    top = TOP + LANE * (max((lane for lane, _ in lanes), default=-1) + 1) + 14
    scale = _Scale(seen.began, seen.ended, slowest, top)
    height = top + PLOT + 30
    said = escape(f"Timeline: {len(stages)} stages; {words.headline(result)}", quote=True)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{said}">',
        *_gaps(result, scale, height),
        *_axes(result, scale, height),
        *(_bar(row, lane, side, scale, result) for row, (lane, side) in zip(stages, lanes, strict=True)),
        *_dots(seen.samples, scale),
        "</svg>",
    ]
    return "\n".join(parts)


def _label_width(row: Row) -> float:
    return len(row.name) * LETTER


def _lanes(rows: Iterable[Row], scale: _Scale) -> list[tuple[int, str]]:
    """For each bar the first lane in which it and its label touch no other, and on which side the label stands."""
    taken: list[list[Span]] = []
    found = []
    for row in rows:
        left, right = scale.x(row.start), max(scale.x(row.end), scale.x(row.start) + 3)
        wide = _label_width(row) + 12
        if right - left > wide:
            side, span = "in", (left, right)
        elif right + wide < RIGHT:
            side, span = "right", (left, right + wide)
        else:
            side, span = "left", (left - wide, right)
        lane = next(
            (
                number
                for number, spans in enumerate(taken)
                if all(span[1] < start or end < span[0] for start, end in spans)
            ),
            len(taken),
        )
        if lane == len(taken):
            taken.append([])
        taken[lane].append(span)
        found.append((lane, side))
    return found


def _bar(row: Row, lane: int, side: str, scale: _Scale, result: Result) -> str:
    left, right = scale.x(row.start), max(scale.x(row.end), scale.x(row.start) + 3)
    y = TOP + lane * LANE
    place, anchor = {
        "in": (left + 6, "start"),
        "right": (right + 5, "start"),
        "left": (left - 5, "end"),
    }[side]
    # an outline says that it went wrong: a request failed unannounced, or the stage did not come to its end
    wrong = " bad" if row.unannounced else "" if row.outcome in ("", "done") else " cut"
    cells = dict(zip(words.HEAD, words.cells(row, result), strict=True))
    title = (
        f"{cells['stage']}: {cells['took']} s, {cells['failed']} failed of {cells['requests']}, "
        f"p99 {cells['p99']}, gap {cells['gap']}; predicted: {cells['predicted']}"
    )
    return (
        f'<g><title>{escape(title)}</title><rect class="bar {row.predicted.kind}{wrong}" x="{left:.1f}" y="{y}" '
        f'width="{right - left:.1f}" height="{BAR}" rx="3"/><text class="{side}" x="{place:.1f}" '
        f'y="{y + 12}" text-anchor="{anchor}">{escape(row.name)}</text></g>'
    )


def _gaps(result: Result, scale: _Scale, height: float) -> Iterator[str]:
    """A band from the first to the last of failures that follow each other closely."""
    for start, end in _clusters(sorted(sample.due + sample.seconds for sample in result.failures)):
        left, right = scale.x(start), scale.x(end)
        yield (
            f'<rect class="gap" x="{left - 2:.1f}" y="{TOP - 4}" width="{right - left + 4:.1f}" '
            f'height="{height - TOP - 26:.0f}"/>'
        )


def _clusters(moments: Iterable[float], apart: float = 1.0) -> list[Span]:
    """Moments less than ``apart`` seconds from the next, as spans.

    >>> _clusters([1.0, 1.5, 2.0, 9.0])
    [(1.0, 2.0), (9.0, 9.0)]
    """
    spans: list[Span] = []
    for moment in moments:
        if spans and moment - spans[-1][1] < apart:
            spans[-1] = (spans[-1][0], moment)
        else:
            spans.append((moment, moment))
    return spans


def _axes(result: Result, scale: _Scale, height: float) -> Iterator[str]:
    seen, bottom = result.observed, scale.top + PLOT
    for tick in TICKS:
        if tick < scale.slowest:
            y = scale.y(tick)
            yield f'<path class="grid" d="M{LEFT} {y:.1f}H{RIGHT}"/>'
            word = f"{tick:g} s" if tick >= 1 else f"{tick * 1000:g} ms"
            yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{word}</text>'
    yield f'<path class="axis" d="M{LEFT} {bottom}H{RIGHT}"/>'
    note = "time to the answer, logarithmic"
    yield f'<text class="quiet" x="{RIGHT}" y="{scale.top + 12:.0f}" text-anchor="end">{note}</text>'
    length = seen.ended - seen.began
    step = next((one for one in STEPS if length / one <= 12), 3600)
    first = math.ceil((seen.began - seen.command_began) / step)
    last = math.floor((seen.ended - seen.command_began) / step)
    for number in range(first, last + 1):
        x = scale.x(seen.command_began + number * step)
        yield f'<path class="axis" d="M{x:.1f} {bottom}v4"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{number * step:+d} s</text>'.replace(
            "+0 s", "0 s"
        )
    if seen.command:
        ends = f"ends ({seen.exit_code})"
        for moment, word in ((seen.command_began, "command begins"), (seen.command_ended, ends)):
            x = scale.x(moment)
            anchor, aside = ("end", -4) if x > RIGHT - 90 else ("start", 4)
            yield f'<path class="mark" d="M{x:.1f} 6V{bottom}"/>'
            yield f'<text class="quiet" x="{x + aside:.1f}" y="14" text-anchor="{anchor}">{word}</text>'


def _dots(samples: Iterable[Sample], scale: _Scale) -> Iterator[str]:
    every = list(samples)
    groups = {
        "issue": [one for one in every if not one.failure and not slow(one) and one.kind.startswith("issue")],
        "validate": [one for one in every if not one.failure and one.kind.startswith("validate")],
        "slow": [one for one in every if not one.failure and slow(one)],
    }
    places = {name: [(scale.x(one.due), scale.y(one.seconds)) for one in own] for name, own in groups.items()}
    for name, own in _thinned(places).items():
        if own:
            yield f'<path class="dot {name}" d="{_path(own)}"/>'
    failed = [(scale.x(one.due), scale.y(one.seconds)) for one in every if one.failure]
    if failed:
        yield f'<path class="dot failed" d="{_path(failed)}"/>'


def _thinned(places: dict[str, list[Span]]) -> dict[str, list[Span]]:
    """One dot of a kind on each point of a grid that is fine enough to hide nothing and coarse enough for `DOTS`."""
    grid = 1.0
    while True:
        kept = {
            name: sorted({(round(x / grid) * grid, round(y / grid) * grid) for x, y in own})
            for name, own in places.items()
        }
        if sum(map(len, kept.values())) <= DOTS:
            return kept
        grid *= 1.25


def _path(places: Iterable[Span]) -> str:
    """A dot each, as a line of no length with round ends."""
    return "".join(f"M{x:.1f} {y:.1f}h0".replace(".0", "") for x, y in places)
