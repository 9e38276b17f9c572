"""The report's forms: the same in each, safe to open, small enough to attach."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from runs_of_paper import BEGAN, FAILS, NONE, line, observed, samples

from kolla_iac.probe.analysis import Result, analyse
from kolla_iac.probe.forms import FORMS, data, markdown, terminal
from kolla_iac.probe.page import page
from kolla_iac.probe.picture import DOTS, picture

LINES = line("loadbalancer-1-ready", 12, 14, kind="ready") + line("keystone-1-handover", 20, 40)
PREDICTED = {"keystone": NONE, "loadbalancer": FAILS}


@pytest.fixture
def red() -> Result:
    failing = {(10.0, 12.0): "refused", (30.0, 30.3): "HTTP 503 <b>busy</b> | `x`"}
    return analyse(observed(samples(60, failing=failing), LINES, PREDICTED))


@pytest.fixture
def green() -> Result:
    return analyse(observed(samples(60), LINES, PREDICTED))


class Tags(HTMLParser):
    """Every tag, and whether each that is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)
        if tag not in ("meta", "html"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "html":
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_what_failed_where(form: str, red: Result) -> None:
    text = FORMS[form](red)
    assert "keystone-1-handover: 3 failed, predicted: clients feel nothing" in text.replace("\\", "")
    assert "loadbalancer" in text
    assert red.failed == 23


@pytest.mark.parametrize("form", FORMS)
def test_every_form_can_be_made_of_a_run_of_nothing(form: str) -> None:
    assert "not one request was sent" in FORMS[form](analyse(observed([])))


def test_the_terminal_s_table_is_aligned(green: Result) -> None:
    lines = terminal(green).splitlines()
    (head,) = [text for text in lines if text.startswith("  stage ")]
    place = head.index("predicted")
    (handover,) = [text for text in lines if text.startswith("  keystone-1-handover")]
    assert handover[place:] == "nothing"
    assert handover[place - 1] == " "


def test_the_terminal_marks_what_was_not_announced(red: Result) -> None:
    painted = terminal(red, lambda text, colour: f"<{colour}>{text}")
    assert re.search(r"<red>  keystone-1-handover", painted)
    assert re.search(r"<yellow>  loadbalancer-1-ready|<yellow>  between stages", painted)


def test_failures_in_a_row_are_one_line(red: Result) -> None:
    assert len(re.findall("refused", terminal(red))) == 1
    assert "20 requests, after up to 20 ms: refused" in terminal(red)


def test_markdown_s_tables_hold_what_would_break_them(red: Result) -> None:
    text = markdown(red)
    widths = {len(re.findall(r"(?<!\\)\|", row)) for row in text.splitlines() if row.startswith("|")}
    assert widths == {3, 11}
    assert "<b>" not in text.replace("\\<b", "")


def test_json_is_json(red: Result) -> None:
    read = json.loads(data(red))
    assert (read["verdict"], read["failed"], read["unannounced"], read["valid"]) == ("worse", 23, 3, True)
    assert [one["name"] for one in read["stages"] if one["unannounced"]] == ["keystone-1-handover"]


def test_the_page_is_whole_and_needs_nothing_from_elsewhere(red: Result) -> None:
    text = page(red)
    tags = Tags(text)
    assert tags.open == []
    assert {"svg", "table", "title"} <= set(tags.seen)
    assert not {"script", "link", "img", "iframe", "b"} & set(tags.seen)
    assert "http" not in re.sub(r"HTTP 503", "", text)
    assert "prefers-color-scheme: dark" in text
    assert "HTTP 503 <b>busy</b> | `x`" in tags.text, "what a server says is text"


def test_the_picture_has_a_bar_a_stage_and_a_red_dot_a_failure(red: Result) -> None:
    root = ElementTree.fromstring(picture(red))
    bars = [one for one in root.iter("rect") if "bar" in one.attrib["class"].split()]
    assert [one.attrib["class"] for one in bars] == ["bar fails", "bar none bad"]
    (failed,) = [one for one in root.iter("path") if one.attrib["class"] == "dot failed"]
    assert failed.attrib["d"].count("M") == 23


def test_bars_of_stages_at_once_do_not_lie_on_each_other() -> None:
    lines = [text for number in range(8) for text in line(f"keystone-{number}", 10 + number, 30 + number)]
    root = ElementTree.fromstring(picture(analyse(observed(samples(60), lines))))
    places = [one.attrib["y"] for one in root.iter("rect") if "bar" in one.attrib["class"]]
    assert len(set(places)) == 8


def test_places_are_inside_the_picture_whatever_the_clocks_said() -> None:
    lines = line("before", -300, 10) + line("after", 50, 500)
    odd = [*samples(60), *(replace(one, due=one.due + 100, seconds=500.0) for one in samples(1))]
    root = ElementTree.fromstring(picture(analyse(observed(odd, lines))))
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    for bar in root.iter("rect"):
        assert 0 <= float(bar.attrib["x"]) <= float(bar.attrib["x"]) + float(bar.attrib["width"]) <= width
    for dots in root.iter("path"):
        for x, y in re.findall(r"M([-\d.]+) ([-\d.]+)h0", dots.attrib["d"]):
            assert 0 <= float(x) <= width
            assert 0 <= float(y) <= height


@pytest.mark.parametrize("share", [0.0, 0.01, 1.0])
def test_twenty_thousand_requests_fit_into_300_kb_and_no_failure_is_left_out(share: float) -> None:
    chance = random.Random(1)
    many = [
        replace(
            one,
            seconds=chance.lognormvariate(-3, 1.5),
            failure=f"HTTP 50{chance.randrange(4)}" if chance.random() < share else "",
        )
        for one in samples(1000, rate=20)
    ]
    lines = line("keystone-1-handover", 20, 400) + line("keystone-2-handover", 400, 900)
    result = analyse(observed(many, lines, PREDICTED, ended=BEGAN + 1000, command_ended=BEGAN + 990))
    text = page(result)
    assert len(text.encode()) < 300_000
    paths = {
        one.attrib["class"]: one.attrib["d"].count("M")
        for one in ElementTree.fromstring(picture(result)).iter("path")
        if one.attrib["class"].startswith("dot")
    }
    assert paths.pop("dot failed", 0) == result.failed
    assert sum(paths.values()) <= DOTS
