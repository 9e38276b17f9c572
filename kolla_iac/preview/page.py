"""The page as one HTML file: no script is needed to read it, and it asks nothing of anybody."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

from kolla_iac.preview.document import Line, Part, Span

STYLE = """
:root { color-scheme: light dark; --back: #fff; --fore: #1b1f24; --soft: #59636e; --line: #d1d9e0; --fill: #f6f8fa;
  --bad: #b3261e; --minus: #82071e; --plus: #0a5a2a; --focus: #0550ae; }
@media (prefers-color-scheme: dark) { :root { --back: #0d1117; --fore: #e6edf3; --soft: #9da7b3; --line: #3d444d;
  --fill: #161b22; --bad: #ff9b94; --minus: #ffa198; --plus: #7ee787; --focus: #79c0ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; background: var(--back); color: var(--fore);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.35rem; line-height: 1.35; } h2 { font-size: 1.1rem; margin: 1.6rem 0 .4rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .88em; overflow-wrap: anywhere; }
pre { background: var(--fill); border: 1px solid var(--line); padding: .6rem; overflow-x: auto; }
.wide { overflow-x: auto; } table { border-collapse: collapse; min-width: 50%; }
th, td { border: 1px solid var(--line); padding: .25rem .55rem; text-align: left; vertical-align: top; }
td code { overflow-wrap: break-word; }
th { background: var(--fill); } strong { color: var(--bad); } h1 strong { color: inherit; }
.minus { color: var(--minus); } .plus { color: var(--plus); } .note { color: var(--soft); }
summary { cursor: pointer; font-weight: 600; padding: .3rem 0; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
input { font: inherit; color: inherit; background: var(--back); border: 1px solid var(--soft); padding: .25rem .5rem; }
@media print { body { max-width: none; } .filter { display: none; } }
"""
SCRIPT = """
const open = () => document.querySelectorAll('details').forEach(one => { one.open = true; });
addEventListener('beforeprint', open);
document.querySelectorAll('.filter').forEach(box => {
  box.hidden = false;
  const rows = [...box.parentElement.querySelectorAll('tbody tr')];
  const told = box.querySelector('output');
  box.querySelector('input').addEventListener('input', event => {
    const words = event.target.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let seen = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word));
      seen += row.hidden ? 0 : 1;
    }
    told.textContent = `${seen} of ${rows.length}`;
  });
});
"""


def page(parts: Sequence[Part], title: str) -> str:
    """The whole file.

    Args:
        title: of the window; text.
    """
    blocks = []
    there = (part for part in parts if part.kind != "mermaid")
    for fold, inside in groupby(there, key=lambda part: part.fold):
        rendered = "\n".join(_part(part, filtered=bool(fold)) for part in inside)
        if fold:
            rendered = f"<details>\n<summary>{escape(fold)}</summary>\n{rendered}\n</details>"
        blocks.append(rendered)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(blocks)
        + f"\n</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def _part(part: Part, *, filtered: bool) -> str:
    match part.kind:
        case "verdict":
            text = f"<h1>{_line(part.rows[0][0])}</h1>"
        case "heading":
            text = f"<h2>{_line(part.rows[0][0])}</h2>"
        case "text":
            text = f"<p>{_line(part.rows[0][0])}</p>"
        case "list":
            text = "<ul>\n" + "\n".join(f"<li>{_line(row[0])}</li>" for row in part.rows) + "\n</ul>"
        case "table":
            text = _table(part, filtered=filtered)
        case _:
            text = (
                "<pre>"
                + "\n".join(_changed("".join(span.text for span in row[0])) for row in part.rows)
                + "</pre>"
            )
    if part.left_out:
        text += f'\n<p class="note">{part.left_out:,} more are left out here; the JSON report has all.</p>'
    return text


def _table(part: Part, *, filtered: bool) -> str:
    head, *rows = part.rows
    first = "".join(f'<th scope="col">{_line(cell) or "no."}</th>' for cell in head)
    body = "\n".join("<tr>" + "".join(f"<td>{_line(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    table = f"<table>\n<thead><tr>{first}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
    # a region that scrolls must be reachable by keyboard, and then needs a name
    name = escape("".join(span.text for cell in head for span in cell) or "table", quote=True)
    table = f'<div class="wide" tabindex="0" role="region" aria-label="{name}">{table}</div>'
    if not filtered:
        return table
    box = (
        '<label>Filter <input type="search" autocomplete="off"></label> <output aria-live="polite"></output>'
    )
    return f'<div><p class="filter" hidden>{box}</p>{table}</div>'


def _changed(text: str) -> str:
    kind = {"-": "minus", "+": "plus"}.get(text[:1])
    return f'<span class="{kind}">{escape(text)}</span>' if kind else escape(text)


def _line(line: Line) -> str:
    return "".join(_span(span) for span in line)


def _span(span: Span) -> str:
    tag = {"code": "code", "strong": "strong"}.get(span.kind)
    text = escape(span.text)
    return f"<{tag}>{text}</{tag}>" if tag and text else text
