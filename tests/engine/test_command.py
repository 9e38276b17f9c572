"""Commands, which every stage is: when they run, what they get, what they leave, how they fail."""

from collections.abc import Callable

from .harness import Stack

Make = Callable[[str], Stack]


def test_create_update_triggers_and_delete(stack: Make) -> None:
    it = stack("command.py")
    log = it.folder / "log"
    base = {
        "create": f"echo create $WORD >> {log}; echo made",
        "update": f"echo update $WORD $PULUMI_COMMAND_STDOUT >> {log}; echo changed",
        "delete": f"echo delete $WORD >> {log}",
        "environment": {"WORD": "one"},
        "triggers": ["a"],
    }
    assert it.up(command=base).counts == {"created": 2}
    assert it.outputs("stage")["stdout"] == "made"
    assert it.up("--refresh", command=base).counts == {"unchanged": 2}

    changed = base | {"environment": {"WORD": "two"}}
    assert "[diff: ~environment]" in it.preview(command=changed).text
    assert log.read_text() == "create one\n", "a preview runs nothing"
    assert it.up(command=changed).counts == {"updated": 1, "unchanged": 1}
    assert it.outputs("stage")["stdout"] == "changed"

    triggered = changed | {"triggers": ["b"], "environment": {"WORD": "three"}}
    assert it.up(command=triggered).counts == {"replaced": 1, "unchanged": 1}
    it.destroy(command=triggered)
    assert log.read_text().splitlines() == [
        "create one",
        "update two made",
        "create three",
        "delete two",
        "delete three",
    ]


def test_input_output_and_the_way_it_fails(stack: Make) -> None:
    it = stack("command.py")
    base = {
        "create": "cat; pwd; echo to stderr >&2; echo $PULUMI_COMMAND_STDOUT.",
        "stdin": "line one\nline two\n",
        "dir": str(it.folder),
        "add_previous_output_in_env": False,
    }
    first = it.up(command=base)
    outputs = it.outputs("stage")
    assert outputs["stdout"] == f"line one\nline two\n{it.folder}\n."
    assert outputs["stderr"] == "to stderr"
    assert "line two" in first.text, "output is shown while it runs"

    again = it.up(command=base | {"stdin": "x", "logging": "none"})
    assert it.outputs("stage")["stdout"] == f"x{it.folder}\n.", "without update, create runs again"
    assert "to stderr" not in again.text.partition("Outputs:")[0]

    failing = base | {"create": 'echo "before the end"; echo why >&2; exit 3'}
    failed = it.up(command=failing, fails=True)
    assert 'exit status 3: running "echo \\"before the end\\"; echo why >&2; exit 3":' in failed.text
    assert "before the end\n" in failed.text and "why\n" in failed.text
    assert it.outputs("stage")["stdin"] == "x", "the state is that of the last success"

    other = base | {"interpreter": ["/usr/bin/env", "python3", "-c"], "create": "print(6 * 7)", "stdin": ""}
    it.up(command=other)
    assert it.outputs("stage")["stdout"] == "42"


def test_a_create_that_fails_is_run_again(stack: Make) -> None:
    it = stack("command.py")
    marker = it.folder / "marker"
    command = {"create": f"test -e {marker} || {{ touch {marker}; exit 1; }}"}
    it.up(command=command, fails=True)
    assert it.resources() == []
    assert it.up(command=command).counts == {"created": 1, "unchanged": 1}
