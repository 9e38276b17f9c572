"""The table at the end of `kolla-iac up`."""

from __future__ import annotations

from typing import Any

from kolla_iac.cli.took import BEGAN_VARIABLE, ROWS, Took, before, covered, stages, table

PARTS = [Took("pulumi up --stack dev", 1000.0, 38.1), Took("a token, issued and validated", 1038.1, 0.5)]


def record(name: str, start: float, end: float | None = None, outcome: str = "done") -> list[dict[str, Any]]:
    first = {"stage": name, "pid": 7, "start": start, "outcome": "running"}
    return [first] if end is None else [first, {**first, "end": end, "outcome": outcome}]


def test_stages_in_the_order_in_which_they_began() -> None:
    records = [*record("b", 5.0, 9.0), *record("a", 2.0, 3.0), *record("c", 6.0, 7.5, "failed")]
    found = stages(records, 20.0)
    assert [(one.name, one.seconds, one.outcome) for one in found] == [
        ("a", 1.0, "done"),
        ("b", 4.0, "done"),
        ("c", 1.5, "failed"),
    ]


def test_a_stage_that_was_killed_lasted_until_the_run_was_over() -> None:
    (found,) = stages(record("a", 2.0), 12.0)
    assert (found.seconds, found.outcome) == (10.0, "running")


def test_stages_at_once_count_once() -> None:
    assert covered([]) == 0
    assert covered([Took("a", 0, 2), Took("b", 1, 2)]) == 3


def test_the_table_names_the_slowest_and_adds_up() -> None:
    run = [
        Took("image-keystone", 1011.0, 0.4),
        Took("image-haproxy", 1011.1, 0.4),
        Took("keystone-expand", 1015.0, 2.3),
        Took("keystone-1-handover", 1020.0, 4.5),
    ]
    assert table(PARTS, run).splitlines() == [
        "   after    took",
        "   0.0 s  38.1 s  pulumi up --stack dev",
        "  15.0 s   2.3 s    keystone-expand",
        "  20.0 s   4.5 s    keystone-1-handover   <- the slowest",
        "           0.5 s    2 shorter stages",
        "          30.8 s    preview, containers, the engine itself",
        "  38.1 s   0.5 s  a token, issued and validated",
        "          38.6 s  all",
    ]


def test_nothing_to_change_needs_no_stages() -> None:
    assert [line[18:] for line in table(PARTS, []).splitlines()[1:]] == [
        "pulumi up --stack dev",
        "a token, issued and validated",
        "all",
    ]


def test_the_slowest_has_its_row_however_quick_it_was() -> None:
    assert "keystone-retire   <- the slowest" in table(PARTS, [Took("keystone-retire", 1010, 0.2)])


def test_one_screen_however_many_stages() -> None:
    many = [Took(f"stage-{number}", 1000.0 + number / 10, 1.0 + number / 100) for number in range(200)]
    lines = table(PARTS, many).splitlines()
    assert len(lines) <= ROWS + 6
    assert f"{200 - ROWS} shorter stages" in "\n".join(lines)
    assert sum("the slowest" in line for line in lines) == 1
    starts = [line.split()[0] for line in lines if " stage-" in line]
    assert starts == sorted(starts, key=float)


def test_what_went_wrong_is_named_however_quick_it_was() -> None:
    many = [Took(f"stage-{number}", 1000.0 + number, 2.0) for number in range(30)]
    run = [*many, Took("keystone-2-handover", 1031.0, 0.1, "failed"), Took("x-job", 1032.0, 0.1, "running")]
    said = table(PARTS, run)
    assert "keystone-2-handover   <- failed" in said
    assert "x-job   <- cut off" in said


def test_what_make_did_before() -> None:
    made = before({BEGAN_VARIABLE: "990.5"}, 1000.0)
    assert made is not None and (made.start, made.seconds) == (990.5, 9.5)
    assert table([made, *PARTS], []).splitlines()[1:3] == [
        "   0.0 s   9.5 s  set-up and settings (make)",
        "   9.5 s  38.1 s  pulumi up --stack dev",
    ]


def test_a_beginning_that_cannot_be_is_left_out() -> None:
    for text in ("", "soon", "nan", "2000", "-90000"):
        assert before({BEGAN_VARIABLE: text}, 1000.0) is None
    assert before({}, 1000.0) is None
