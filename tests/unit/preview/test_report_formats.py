"""What every format owes its reader: text stays text, secrets stay secret, a comment fits."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

from kolla_iac.cli.report import rendered
from kolla_iac.preview import Beside, NotMeasured, read, read_measured, report
from kolla_iac.preview.document import document
from kolla_iac.preview.markdown import LIMIT, markdown
from tests.unit.preview.steps import digest, step

EVIL = (
    "<script>alert(1)</script>",
    "</details></summary><h1>x",
    "@everyone look at #1 and GH-2 and !3",
    "a | b | c",
    "``` \n# heading",
    "`tick` **bold** [link](http://evil.example)",
    "\x1b[31mred\x1b[0m\x07",
    "\u202etxt.exe",
    "- [ ] task",
    "~~gone~~ www.evil.example https://evil.example",
    "x" * 1_000_000,
    "&lt;b&gt; &amp; \\",
)
RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def keystone(
    old: dict[str, Any], new: dict[str, Any], name: str = "keystone", **inputs: Any
) -> dict[str, Any]:
    """An update of a service's component whose keystone.conf has these options."""

    def state(options: dict[str, Any]) -> dict[str, Any]:
        shown = {"topology": {"1": "local", "2": "local"}, "stages": [], "image": "k:1", "release": "2025.2"}
        return {"inputs": {**shown, "configuration": {"keystone.conf": {"token": options}}, **inputs}}

    return step("update", "kolla:identity:Keystone", name, oldState=state(old), newState=state(new))


def hostile() -> str:
    """A preview in which everything that can be is hostile."""
    steps = [step("update", "aws:s3/bucket:Bucket", evil, diffReasons=[evil]) for evil in EVIL]
    steps += [step("delete", evil, "x") for evil in EVIL if ":" not in evil]
    steps += [keystone({f"option {n}": "x"}, {f"option {n}": evil}, evil) for n, evil in enumerate(EVIL)]
    return digest(*steps, diagnostics=[{"severity": "error", "message": evil} for evil in EVIL])


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append(tag)
        if tag not in ("meta", "input", "hr", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def tags(html: str) -> set[str]:
    """The elements of a page, which must be closed in order."""
    parser = _Tags()
    parser.feed(html)
    assert parser.open == []
    return set(parser.seen)


def test_hostile_content_stays_text_in_a_comment() -> None:
    text = rendered(report(read(hostile(), "x")), "markdown")
    assert len(text) <= LIMIT
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text, flags=re.DOTALL)
    assert not re.search(r"@\w|#\d|://|www\.|\x1b|\u202e", outside)
    # the comment's own two elements are raw HTML, everything else that looks so is text
    html = RENDERER.render(text)
    assert tags(html) <= {
        *("p", "h3", "ul", "li", "code", "pre", "strong", "em"),
        *("table", "thead", "tbody", "tr", "th", "td", "details", "summary"),
    }
    assert html.count("<details>") == html.count("</details>") == 1
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_hostile_content_stays_text_in_a_page_and_a_terminal() -> None:
    found = report(read(hostile(), "x"))
    page = rendered(found, "html")
    assert page.count("<script>") == 1
    assert "alert(1)" in page
    assert {"a", "img", "iframe", "form", "link"}.isdisjoint(tags(page))
    text = rendered(found, "text", piped=True)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", text)
    json.loads(rendered(found, "json"))


def test_tables_have_their_columns() -> None:
    html = RENDERER.render(rendered(report(read(hostile(), "x")), "markdown"))
    for table in re.findall(r"<table>.*?</table>", html, re.DOTALL):
        rows = re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
        counts = {len(re.findall(r"<t[hd]", row)) for row in rows}
        assert len(counts) == 1, table[:500]


@pytest.mark.parametrize("count", [0, 1, 30, 2_000, 20_000])
def test_a_comment_fits_and_counts_what_it_leaves_out(count: int) -> None:
    steps = [
        step("update", "aws:ec2/instance:Instance", f"one-{n}", diffReasons=["tags"]) for n in range(count)
    ]
    found = report(read(digest(*steps), "x"))
    text = markdown(document(found))
    assert len(text) <= LIMIT
    left = sum(int(number.replace(",", "")) for number in re.findall(r"\*([\d,]+) more are left out", text))
    assert text.count("one-") + left == count
    html = RENDERER.render(text)
    assert html.count("<details>") == html.count("</details>") == (1 if count else 0)


def test_a_configuration_of_a_megabyte_fits() -> None:
    old = {f"option_{n}": "x" * 60 for n in range(9_000)}
    new = {f"option_{n}": "y" * 60 for n in range(9_000)}
    text = markdown(document(report(read(digest(keystone(old, new)), "x"))))
    assert len(text) <= LIMIT
    assert text.count("```") == 2
    assert "more are left out here" in text


@pytest.mark.parametrize("limit", [50, 300, 1_000, 5_000])
def test_it_is_valid_at_any_length(limit: int) -> None:
    old, new = ({f"option_{n}": value for n in range(300)} for value in ("x", "y"))
    text = markdown(document(report(read(digest(keystone(old, new)), "x"))), limit)
    assert text.count("```") % 2 == 0
    assert text.count("<details>") == text.count("</details>")
    if limit >= 1_000:
        assert len(text) <= limit


def test_what_looks_like_a_secret_is_not_shown() -> None:
    planted = "planted-5f2a"
    new = {
        "admin_password": planted,
        "connection": f"mysql://keystone:{planted}@db/keystone",
        "memcache_secret_key": planted,
        "expiration": "7200",
        "auth_token": planted,
    }
    found = report(read(digest(keystone({}, new)), "x"))
    for form in ("text", "markdown", "html", "json"):
        text = rendered(found, form, piped=True)
        assert planted not in text, form
        assert "7200" in text
    assert [one.kind for one in found.findings] == ["masked"] * 4
    assert found.findings[0].what.startswith("keystone: keystone.conf [token] ")


def test_nothing_is_said_of_nothing() -> None:
    found = report(read(digest(step("same", "aws:s3/bucket:Bucket", "x")), "x"))
    assert found.verdict == "Nothing changes."
    assert found.tally == {"unchanged": 1}
    assert found.resources == ()


def _probed(kept: bool) -> str:
    row = {"service": "keystone", "predicted": {"text": "clients feel nothing"}, "longest": 0.21, "gap": 0.4}
    return json.dumps(
        {
            **{"verdict": "as predicted", "total": 2000, "slow_total": 25, "failed": 0 if kept else 3},
            **{"command_began": 100.0, "command_ended": 141.0},
            "predicted": [{**row, "failed": 0 if kept else 3, "kept": kept}],
        }
    )


@pytest.mark.parametrize("kept", [True, False])
def test_what_was_measured_stands_beside_what_was_announced(kept: bool) -> None:
    seen = read_measured(_probed(kept), "measured.json")
    found = report(read(digest(keystone({}, {"expiration": "7"})), "x"), Beside(measured=seen))
    failed = 0 if kept else 3
    for form in ("text", "markdown", "html"):
        text = rendered(found, form, piped=True)
        assert re.search(rf"{failed} of 2,025 requests failed in the probe around it; it took 41 s", text), (
            form
        )
        assert f"{failed} failed, longest 0.21 s" in text.replace("\n", " ") or form == "text"
    assert json.loads(rendered(found, "json"))["measured"]["services"][0]["kept"] is kept


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"verdict": 1}', "no"])
def test_what_is_no_probes_report_is_said(text: str) -> None:
    with pytest.raises(NotMeasured, match=r"measured\.json is no report of a probe"):
        read_measured(text, "measured.json")
