"""Lines as Docker's frames make them, and what of them is shown."""

from kolla_iac.runtime.logs import Line, Source, clean, joined, seconds

SOURCE = Source("local", None, "1", "keystone-1-a", "keystone", "1", True)  # type: ignore[arg-type]


def test_a_line_over_16_kib_comes_in_several_frames() -> None:
    frames = [b"T1 " + b"x" * 16_384, b"T2 " + b"y" * 16_384, b"T3 z\n", b"T4 next\n"]
    lines = list(joined(frames))
    assert [stamp for stamp, _ in lines] == ["T1", "T4"]
    assert lines[0][1] == "x" * 16_384 + "y" * 16_384 + "z"


def test_what_is_no_text_and_what_is_empty() -> None:
    assert list(joined([b"T1 \xff\xfe\n", b"T2 \n"])) == [("T1", "\ufffd\ufffd"), ("T2", "")]


def test_a_client_cannot_write_on_the_terminal_of_who_reads() -> None:
    assert clean("GET /\x1b]0;gone\x07 \x1b[2J\x9b31m\r\x08 a\tb") == "GET /]0;gone 31m a\tb"


def test_passwords_in_urls_are_masked() -> None:
    assert clean("mysql+pymysql://keystone:hunter2@db/k") == "mysql+pymysql://keystone:***@db/k"


def test_lines_sort_by_time_to_the_nanosecond() -> None:
    early, late = (Line(f"2026-05-04T03:02:01.00000000{n}Z", SOURCE, "") for n in (1, 2))
    assert sorted([late, early]) == [early, late]
    assert seconds(early.time) == seconds(late.time)
