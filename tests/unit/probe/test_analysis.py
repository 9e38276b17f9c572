"""What is made of requests, stages and a prediction."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from runs_of_paper import BEGAN, DELAYED, FAILS, NONE, line, observed, samples

from kolla_iac.probe.analysis import AFTER, BEFORE, BETWEEN, WATCHED, Result, Row, analyse
from kolla_iac.probe.report import Sample
from kolla_iac.probe.stages import read


def row(result: Result, name: str) -> Row:
    (found,) = [one for one in result.rows if one.name == name]
    return found


def test_a_quiet_run_is_as_predicted() -> None:
    result = analyse(observed(samples(60), line("keystone-1-handover", 10, 20), {"keystone": NONE}))
    assert (result.verdict, result.failed, result.total) == ("as predicted", 0, 600)
    assert [one.name for one in result.rows] == [BEFORE, "keystone-1-handover", BETWEEN, AFTER]
    assert row(result, "keystone-1-handover").asked == 101
    assert [one.took for one in result.rows] == [5, 10, 40, 5]
    assert result.gap == pytest.approx(0.1)
    assert result.comparisons[0].kept


def test_a_stage_of_which_nothing_was_to_be_felt_and_that_failed_a_request_makes_it_red() -> None:
    lines = line("keystone-1-handover", 10, 20) + line("keystone-2-handover", 21, 30)
    failing = {(25.0, 25.1): "HTTP 503"}
    result = analyse(observed(samples(60, failing=failing), lines, {"keystone": NONE}))
    assert result.verdict == "worse"
    assert [one.name for one in result.red] == ["keystone-2-handover"]
    assert (result.failed, len(result.unannounced)) == (1, 1)
    assert not result.comparisons[0].kept


@pytest.mark.parametrize("predicted", [None, {}])
def test_without_a_prediction_every_failure_is_unannounced(predicted: dict[str, object] | None) -> None:
    result = analyse(observed(samples(60, failing={(25.0, 25.1): "HTTP 503"}), predicted=predicted))  # type: ignore[arg-type]
    assert result.verdict == "worse"


def test_a_container_is_replaced_between_the_stages_before_the_one_that_waits_for_it() -> None:
    lines = line("loadbalancer-configure", 8, 10) + line("loadbalancer-1-ready", 20, 22, kind="ready")
    announced = analyse(
        observed(samples(60, failing={(15.0, 17.0): "refused"}), lines, {"loadbalancer": FAILS})
    )
    assert (announced.failed, announced.unannounced) == (20, ())
    assert row(announced, BETWEEN).failed == 20
    assert row(announced, BETWEEN).predicted == FAILS
    assert announced.verdict == "as predicted"
    (balancer,) = announced.comparisons
    assert (balancer.failed, balancer.kept) == (20, True)
    assert balancer.gap == pytest.approx(2.1)

    after = analyse(observed(samples(60, failing={(30.0, 30.1): "refused"}), lines, {"loadbalancer": FAILS}))
    assert after.verdict == "worse", "it had long been ready"


def test_longer_than_predicted_is_worse_than_predicted() -> None:
    lines = line("loadbalancer-1-ready", 20, 22, kind="ready")
    result = analyse(observed(samples(60, failing={(10.0, 16.0): "refused"}), lines, {"loadbalancer": FAILS}))
    assert not result.unannounced
    assert (result.comparisons[0].kept, result.verdict) == (False, "worse")


def test_a_delay_announced_is_no_failure_announced() -> None:
    lines = line("memcached-1-ready", 10, 20, kind="ready")
    late = [
        *samples(60),
        Sample("issue new", BEGAN + 12.02, 0, 1.9),
    ]
    assert analyse(observed(late, lines, {"memcached": DELAYED})).verdict == "as predicted"
    later = [*late, Sample("issue new", BEGAN + 12.04, 0, 2.5)]
    assert analyse(observed(later, lines, {"memcached": DELAYED})).verdict == "worse"
    failed = [*late, Sample("issue new", BEGAN + 12.04, 0, 0.5, "HTTP 500")]
    result = analyse(observed(failed, lines, {"memcached": DELAYED}))
    assert [one.name for one in result.red] == ["memcached-1-ready"]


def test_what_fails_for_good_may_fail_from_its_first_stage_on() -> None:
    for_good = replace(FAILS, seconds=0)
    lines = line("keystone-bootstrap", 20, 22)
    rest = samples(60, failing={(21.0, 60.0): "HTTP 401"})
    assert analyse(observed(rest, lines, {"keystone": for_good})).verdict == "as predicted"
    early = samples(60, failing={(18.0, 60.0): "HTTP 401"})
    assert analyse(observed(early, lines, {"keystone": for_good})).verdict == "worse"


def test_what_one_service_announces_is_not_held_against_another() -> None:
    lines = line("keystone-keys", 10, 20) + line("loadbalancer-1-ready", 14, 16, kind="ready")
    predicted = {"keystone": NONE, "loadbalancer": FAILS}
    result = analyse(observed(samples(60, failing={(12.0, 13.0): "refused"}), lines, predicted))
    assert (row(result, "keystone-keys").failed, row(result, "keystone-keys").unannounced) == (10, 0)
    assert [one.kept for one in result.comparisons] == [True, True]
    assert result.verdict == "as predicted"


def test_no_timeline_leaves_the_time_around_the_command() -> None:
    result = analyse(observed(samples(60)))
    assert [one.name for one in result.rows] == [BEFORE, BETWEEN, AFTER]
    assert [one.asked for one in result.rows] == [50, 501, 49]


def test_without_a_command_there_is_one_row() -> None:
    seen = observed(samples(60), command=(), command_began=BEGAN, command_ended=BEGAN + 60, exit_code=None)
    assert [one.name for one in analyse(seen).rows] == [WATCHED]


def test_stages_at_once_count_a_request_each_and_the_sum_counts_it_once() -> None:
    lines = line("keystone-schema", 10, 20) + line("mariadb-bootstrap", 15, 25)
    result = analyse(observed(samples(60, failing={(17.0, 17.1): "HTTP 500"}), lines))
    assert [row(result, name).failed for name in ("keystone-schema", "mariadb-bootstrap")] == [1, 1]
    assert result.failed == 1


def test_a_request_that_outlives_a_stage_belongs_to_it_and_to_the_next() -> None:
    lines = line("keystone-1-handover", 10, 20) + line("keystone-2-handover", 21, 30)
    long = [Sample("issue new", BEGAN + 19, 0, 3.0, "TimeoutError: timed out")]
    result = analyse(observed([*samples(60), *long], lines, {"keystone": NONE}))
    assert [one.name for one in result.red] == ["keystone-1-handover", "keystone-2-handover"]


def test_a_stage_in_which_nothing_was_asked_says_so() -> None:
    lines = line("keystone-verify", 30, 30.01)
    result = analyse(observed([one for one in samples(60) if not 29 < one.due - BEGAN < 32], lines))
    verify = row(result, "keystone-verify")
    assert (verify.asked, verify.p50, verify.p99, verify.longest) == (0, None, None, None)
    assert verify.gap > 2


def test_the_gap_of_a_stage_is_counted_in_full() -> None:
    lines = line("keystone-1-handover", 10, 20) + line("keystone-2-handover", 21, 30)
    result = analyse(observed(samples(60, failing={(19.0, 23.0): "x"}), lines))
    gaps = [row(result, f"keystone-{number}-handover").gap for number in (1, 2)]
    assert gaps == [pytest.approx(4.1), pytest.approx(4.1)]
    assert (result.gap, result.gap_at) == (pytest.approx(4.1), pytest.approx(BEGAN + 18.92))


def test_nothing_answered_at_all_is_one_gap() -> None:
    result = analyse(observed(samples(60, failing={(0.0, 60.0): "refused"})))
    assert result.gap == 60


def test_slow_requests_count_in_failures_and_not_in_durations() -> None:
    slow = [Sample("issue slow", BEGAN + 20, 0, 4.0), Sample("issue slow", BEGAN + 24, 0, 4.0, "reset")]
    result = analyse(observed([*samples(60), *slow]))
    assert (result.total, result.slow_total, result.failed) == (600, 2, 1)
    assert result.longest == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("at", "where"),
    [(3, BEFORE), (15, "keystone-1-handover"), (20.5, BETWEEN), (25, "keystone-2-handover"), (57, AFTER)],
)
def test_a_slow_request_that_failed_is_held_against_the_stage_in_which_it_did(at: float, where: str) -> None:
    lines = line("keystone-1-handover", 10, 20) + line("keystone-2-handover", 21, 30)
    slow = Sample("issue slow", BEGAN, 0, at, "RemoteDisconnected")
    result = analyse(observed([*samples(60), slow], lines, {"keystone": NONE}))
    assert {one.name: one.failed for one in result.rows if one.failed} == {where: 1}
    assert [one.name for one in result.red] == [where]
    assert result.verdict == "worse"


def test_a_slow_request_that_was_answered_belongs_to_every_stage_that_it_saw() -> None:
    lines = line("keystone-1-handover", 10, 20) + line("keystone-2-handover", 21, 30)
    quiet = analyse(observed(samples(60), lines))
    asked = analyse(observed([*samples(60), Sample("issue slow", BEGAN + 12, 0, 10)], lines))
    more = [one.asked - other.asked for one, other in zip(asked.rows, quiet.rows, strict=True)]
    assert more == [0, 1, 1, 0, 0]


def test_a_probe_that_fell_behind_is_invalid_and_says_so() -> None:
    behind = [replace(one, waited=0.5) if n % 50 == 0 else one for n, one in enumerate(samples(60))]
    result = analyse(observed(behind))
    assert (result.verdict, result.late, result.latest) == ("invalid", 12, 0.5)
    assert "could not keep its rate" in result.invalid[0]
    on_time = [replace(one, waited=0.5) if n % 100 == 0 else one for n, one in enumerate(samples(60))]
    assert analyse(observed(on_time)).verdict == "as predicted"


def test_failures_that_an_invalid_measurement_saw_did_happen() -> None:
    behind = samples(60, waited=0.5, failing={(20.0, 21.0): "HTTP 500"})
    result = analyse(observed(behind, line("keystone-1-handover", 10, 30), {"keystone": NONE}))
    assert (result.verdict, bool(result.invalid)) == ("worse", True)


def test_no_request_at_all_is_invalid() -> None:
    result = analyse(observed([]))
    assert (result.verdict, result.total, result.gap) == ("invalid", 0, 60)


def test_trouble_of_the_process_makes_it_invalid() -> None:
    assert analyse(observed(samples(60), troubles=("the probe died",))).verdict == "invalid"


def test_plan_and_timeline_must_agree_on_who_changes() -> None:
    lines = line("keystone-1-handover", 10, 20) + line("mariadb-bootstrap", 21, 22)
    result = analyse(observed(samples(60), lines, {"keystone": NONE, "memcached": DELAYED}))
    assert (result.unplanned, result.unseen) == (("mariadb-bootstrap",), ("memcached",))


def test_plan_and_timeline_must_agree_on_the_stages() -> None:
    told = replace(NONE, stages=("keystone-1-handover", "keystone-2-handover"))
    lines = (
        line("image-keystone", 8, 9, kind="images")
        + line("keystone-1-handover", 10, 20)
        + line("keystone-expand", 21, 22)
    )
    result = analyse(observed(samples(60), lines, {"keystone": told}))
    assert (result.unplanned, result.unseen) == (("keystone-expand",), ("keystone-2-handover",))
    failed = analyse(observed(samples(60), lines, {"keystone": told}, exit_code=1))
    assert failed.unseen == (), "an update that failed did not come to its later stages"


def test_the_order_of_the_samples_is_of_no_account() -> None:
    lines = line("keystone-1-handover", 10, 20) + line("loadbalancer-1-ready", 21, 22, kind="ready")
    every = samples(60, failing={(17.0, 21.5): "HTTP 500"})
    mixed = random.Random(7).sample(every, len(every))
    predicted = {"keystone": NONE, "loadbalancer": FAILS}
    one, other = (analyse(observed(each, lines, predicted)) for each in (every, mixed))
    assert one.rows == other.rows
    assert one.failures == other.failures


# the timeline


def test_stages_come_in_the_order_in_which_they_began_whatever_that_of_their_lines() -> None:
    lines = line("b", 20, 30) + line("a", 10, 40)
    stages = read(reversed(lines), BEGAN, BEGAN + 60)
    assert [(one.name, one.end - BEGAN, one.outcome) for one in stages] == [
        ("a", 40, "done"),
        ("b", 30, "done"),
    ]


def test_a_stage_without_an_end_was_cut_off_at_the_latest_with_the_command() -> None:
    (stage,) = read(line("keystone-expand", 10), BEGAN, BEGAN + 60, BEGAN + 55)
    assert (stage.outcome, stage.end) == ("cut off", BEGAN + 55)


def test_a_stage_that_was_cut_off_ended_before_it_began_anew() -> None:
    lines = line("keystone-expand", 10) + line("keystone-expand", 30, 35)
    first, second = read(lines, BEGAN, BEGAN + 60)
    assert (first.outcome, first.end, second.outcome) == ("cut off", BEGAN + 30, "done")


def test_a_clock_that_was_set_back_makes_no_stage_of_negative_length() -> None:
    (stage,) = read(line("keystone-expand", 10, 9), BEGAN, BEGAN + 60)
    assert stage.start == stage.end
    result = analyse(observed(samples(60), line("keystone-expand", 10, 9)))
    assert row(result, "keystone-expand").asked >= 0


def test_what_ran_at_another_time_and_what_is_no_record_is_left_out() -> None:
    lines = [*line("before", -20, -10), *line("after", 70, 80), "", "{", '{"stage": "x"}', "[]", "7"]
    assert read(lines, BEGAN, BEGAN + 60) == ()


def test_how_a_stage_ended_is_told() -> None:
    (stage,) = read(line("a", 10, 20, outcome="failed", error="job a failed"), BEGAN, BEGAN + 60)
    assert (stage.outcome, stage.error) == ("failed", "job a failed")
