"""The report as one HTML file: no script, nothing from elsewhere, dark where the reader's system is."""

from __future__ import annotations

from html import escape

from kolla_iac.probe import words
from kolla_iac.probe.analysis import Result
from kolla_iac.probe.picture import picture

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --card: #f5f6f8; --ink: #1c2128; --quiet: #667080; --line: #d9dde3;
  --good: #1a7f4b; --warn: #9a6700; --bad: #cf222e; --none: #9db8dd; --delayed: #eac54f; --fails: #f0883e;
  --issue: #2f6fd0; --validate: #1b998b; --slow: #a0a7b2; --on-bar: #10243f; }
@media (prefers-color-scheme: dark) { :root { --paper: #0f1318; --card: #181e26; --ink: #e4e8ee; --quiet: #93a0b0;
  --line: #2d3541; --good: #4cc38a; --warn: #e3b341; --bad: #ff6a69; --none: #41618f; --delayed: #8f6f14;
  --fails: #a4561a; --issue: #79b0ff; --validate: #4fd1c0; --slow: #6b7583; --on-bar: #f0f4fa; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 24px 20px 48px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 22px; line-height: 1.3; }
h2 { margin: 32px 0 8px; font-size: 16px; }
header { padding: 16px 20px; background: var(--card); border-left: 6px solid var(--tone); border-radius: 6px; }
header p { margin: 4px 0 0; color: var(--quiet); overflow-wrap: anywhere; }
header ul { margin: 10px 0 0; padding-left: 20px; color: var(--tone); }
.good { --tone: var(--good); } .good ul { color: var(--quiet); }
.warn { --tone: var(--warn); } .bad { --tone: var(--bad); }
.sums { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 10px; margin: 14px 0 0; }
.sums div { padding: 10px 14px; background: var(--card); border-radius: 6px; }
.sums dt { color: var(--quiet); font-size: 13px; }
.sums dd { margin: 0; font-size: 20px; font-variant-numeric: tabular-nums; }
.sums dd small { display: block; color: var(--quiet); font-size: 13px; }
.sums dd.bad { color: var(--bad); }
.wide { overflow-x: auto; }
svg { display: block; width: 100%; min-width: 760px; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg text.quiet { fill: var(--quiet); } svg text.in { fill: var(--on-bar); }
.bar.none { fill: var(--none); } .bar.delayed { fill: var(--delayed); } .bar.fails { fill: var(--fails); }
.bar.bad { stroke: var(--bad); stroke-width: 2.5; } .bar.cut { stroke: var(--ink); stroke-dasharray: 4 3; }
.grid { stroke: var(--line); } .axis { stroke: var(--quiet); fill: none; }
.mark { stroke: var(--quiet); stroke-dasharray: 3 4; } .gap { fill: var(--bad); opacity: .13; }
.dot { fill: none; stroke-linecap: round; stroke-width: 3.2; opacity: .75; }
.dot.issue { stroke: var(--issue); } .dot.validate { stroke: var(--validate); } .dot.slow { stroke: var(--slow); }
.dot.failed { stroke: var(--bad); stroke-width: 6; opacity: 1; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 6px 0 0; color: var(--quiet); font-size: 13px; }
.legend i { display: inline-block; width: 10px; height: 10px; margin-right: 6px; border-radius: 5px; }
.legend i.box { width: 16px; border-radius: 3px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 10px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { color: var(--quiet); font-weight: 500; }
th:first-child, td:first-child, th:last-child, td:last-child { text-align: left; }
td:last-child { color: var(--quiet); }
tr.bad td { color: var(--bad); font-weight: 600; } tr.felt td { color: var(--warn); }
tr.outside td:first-child { color: var(--quiet); }
.lines { margin: 0; padding-left: 20px; } .lines li { overflow-wrap: anywhere; }
footer { margin-top: 32px; color: var(--quiet); font-size: 13px; }
"""

LEGEND = (
    ("issue", "a token issued"),
    ("validate", "a token validated"),
    ("slow", "its body sent slowly"),
    ("bad", "failed"),
)
BARS = (
    ("none", "stage of which clients feel nothing"),
    ("delayed", "may delay requests"),
    ("fails", "may fail requests"),
)


def page(result: Result) -> str:
    """The whole file."""
    seen = result.observed
    tone = {"as predicted": "good", "invalid": "warn", "worse": "bad"}[result.verdict]
    known = dict(words.facts(result))
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in words.reasons(result))
    parts = [
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(seen.environment)}: {escape(words.headline(result))}</title>",
        f"<style>{STYLE}</style>",
        f'<header class="{tone}"><h1>{escape(seen.environment)}: {escape(words.headline(result))}</h1>',
        f"<p>{escape(known['watched'])}</p>",
        f"<p>{escape(known['command'])}</p>" if "command" in known else "",
        f"<ul>{reasons}</ul>" if reasons else "",
        "</header>",
        _sums(result, known),
        "<h2>Timeline</h2>",
        f'<div class="wide">{picture(result)}</div>',
        _legend(result),
        "<h2>Stages</h2>",
        _table(result),
        _lines("Predicted and measured", words.predictions(result)),
        _lines("Failed requests", words.failures(result)),
        f"<footer>{escape(words.METHOD)}</footer>\n</html>\n",
    ]
    return "\n".join(part for part in parts if part)


def _sums(result: Result, known: dict[str, str]) -> str:
    marked = ' class="bad"' if result.failed else ""
    slowly = f"and {result.slow_total:,} slow ones"
    sums = (
        ("failed", f"{result.failed:,}", f"{len(result.unannounced):,} unannounced" if result.failed else ""),
        ("requests", f"{result.total:,}", slowly),
        ("longest gap", words.seconds(result.gap), "without a successful answer"),
        ("p50", words.seconds(result.p50), ""),
        (
            "p99",
            words.seconds(result.p99),
            f"before: {known['before'].split('p99 ')[1]}" if "before" in known else "",
        ),
        ("longest", words.seconds(result.longest), ""),
        ("the probe", "late" if result.late else "on time", known["the probe"] if result.late else ""),
    )
    return (
        '<dl class="sums">'
        + "".join(
            f"<div><dt>{name}</dt><dd{marked if name == 'failed' else ''}>{escape(value)}"
            f"<small>{escape(more)}</small></dd></div>"
            for name, value, more in sums
        )
        + "</dl>"
    )


def _legend(result: Result) -> str:
    kinds = {row.predicted.kind for row in result.rows if row.a_stage}
    dots = [f'<span><i style="background:var(--{name})"></i>{what}</span>' for name, what in LEGEND]
    bars = [
        f'<span><i class="box" style="background:var(--{kind})"></i>{what}</span>'
        for kind, what in BARS
        if kind in kinds
    ]
    return f'<div class="legend">{"".join(dots + bars)}</div>'


def _table(result: Result) -> str:
    head = "".join(f"<th>{name}</th>" for name in words.HEAD)
    body = []
    for row in result.rows:
        kind = "bad" if row.unannounced else "felt" if row.failed else "" if row.a_stage else "outside"
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in words.cells(row, result))
        body.append(f'<tr class="{kind}">{cells}</tr>' if kind else f"<tr>{cells}</tr>")
    return f'<div class="wide"><table><tr>{head}</tr>\n{chr(10).join(body)}\n</table></div>'


def _lines(head: str, lines: list[str]) -> str:
    if not lines:
        return ""
    return f'<h2>{head}</h2><ul class="lines">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul>'
