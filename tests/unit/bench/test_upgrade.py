"""What `make bench-upgrade` makes of what it has measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from kolla_iac.probe.report import Sample
from tests.bench.upgrade import figures
from tests.bench.upgrade.control import HAPROXY, Orders, one_thread, read, write
from tests.bench.upgrade.figures import WAYS, Repetition, missing, repetition, summed
from tests.bench.upgrade.picture import PANELS, picture

ONE = Repetition(
    way="ours-2",
    at="2026-01-02 03:04",
    valid=True,
    failed=0,
    total=1000,
    gap=0.3,
    p50=0.02,
    p99=0.1,
    longest=0.5,
    p99_before=0.05,
    took=40.0,
    cpu_containers=30.0,
    cpu_command=10.0,
    memory=9e8,
    load=0.5,
)


def _sample(due: float, seconds: float, kind: str = "issue", failure: str = "") -> Sample:
    return Sample(due=due, kind=kind, seconds=seconds, waited=0.0, failure=failure)


def test_a_repetition_tells_before_from_since() -> None:
    report = {
        "valid": True,
        "failed": 1,
        "total": 4,
        "slow_total": 1,
        "gap": 2.5,
        "command_began": 100.0,
        "command_ended": 130.0,
    }
    samples = [
        _sample(95.0, 0.1),
        # on its way when the command begins: neither before nor since
        _sample(99.9, 0.5),
        _sample(101.0, 0.2),
        _sample(102.0, 3.0, failure="502"),
        _sample(100.0, 8.0, kind="issue-slow"),
    ]
    meter = {"cpu_containers": 5.0, "cpu_command": 1.0, "memory": 1e9}
    found = repetition("kolla-1", "now", report, samples, meter, 1.5)
    assert (found.failed, found.total, found.took) == (1, 5, 30.0)
    assert found.p99_before == 0.1
    assert found.longest == found.p99 == 3.0
    assert (found.gap, found.cpu_containers, found.memory, found.load) == (2.5, 5.0, 1e9, 1.5)


def test_ways_take_turns_and_go_on_where_they_stopped() -> None:
    ways = ["ours-2", "kolla-1"]
    assert missing([], ways, 2) == ["ours-2", "kolla-1", "ours-2", "kolla-1"]
    assert missing([ONE], ways, 2) == ["kolla-1", "ours-2", "kolla-1"]
    assert missing([ONE, ONE, ONE], ways, 2) == ["kolla-1", "kolla-1"]


def test_sums_worst_values_and_medians() -> None:
    other = replace(
        ONE, failed=3, total=500, gap=4.0, p99=0.9, longest=5.0, took=60.0, valid=False, memory=1e9
    )
    third = replace(ONE, p99=0.2, took=44.0)
    found = summed([ONE, other, third])
    assert (found.failed, found.total) == (3, 2500)
    assert (found.gap, found.longest, found.memory) == (4.0, 5.0, 1e9)
    assert (found.p99, found.took) == (0.2, 44.0)
    assert not found.valid
    assert "fell behind" in figures.cells([ONE, other, third])[0]


def test_tables_have_a_column_a_way() -> None:
    kolla = replace(ONE, way="kolla-1", failed=119, total=1520, p99=0.5)
    lines = figures.markdown([kolla, ONE, ONE]).splitlines()
    assert lines[0] == f"| way | {WAYS['ours-2']}, 2 times | {WAYS['kolla-1']}, once |"
    assert lines[2] == "| failed / total | 0 / 2,000 | 119 / 1,520 |"
    assert "| p99 / before | 2.0 | 10.0 |" in lines
    assert {line.count("|") for line in lines} == {4}
    text = figures.table([kolla, ONE]).splitlines()
    assert len(text) == len(figures.HEAD)
    assert text[1].split() == ["failed", "/", "total", "0", "/", "1,000", "119", "/", "1,520"]


def test_nothing_before_gives_no_ratio() -> None:
    assert figures.cells([replace(ONE, p99_before=0.0)])[7] == "0.0"


@pytest.mark.parametrize("failed", [0, 119])
def test_the_picture_fits_and_names_every_way(failed: int) -> None:
    every = [replace(ONE, way=way, failed=failed) for way in WAYS for _ in range(3)]
    root = ElementTree.fromstring(picture(every, "20 requests/s & more"))
    space = "{http://www.w3.org/2000/svg}"
    texts = [element.text for element in root.iter(f"{space}text")]
    for name in WAYS.values():
        assert texts.count(name) == len(PANELS)
    assert "20 requests/s & more" in texts
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    bars = [one for one in root.iter(f"{space}rect") if one.attrib["class"] in ("ours", "kolla")]
    assert len(bars) == len(WAYS) * len(PANELS)
    for bar in bars:
        assert float(bar.attrib["x"]) + float(bar.attrib["width"]) < width
        assert float(bar.attrib["y"]) + float(bar.attrib["height"]) < height
    assert len(list(root.iter(f"{space}circle"))) == len(every) * len(PANELS)


def test_orders_survive_the_file(tmp_path: Path) -> None:
    file = tmp_path / "orders.json"
    orders = Orders("t-a", "image:tag", ("/a:/b:ro",), ("t-a-host-1", "t-a-host-2"))
    write(orders, file)
    assert read(file) == orders


def test_kollas_balancer_is_kollas() -> None:
    """The values that decide what a restart costs."""
    for line in (
        "retries 3",
        "option httpchk",
        "option redispatch",
        "balance roundrobin",
        "timeout connect 10s",
        "timeout server 1m",
    ):
        assert line in HAPROXY
    assert "    nbthread 1\n" in one_thread()
