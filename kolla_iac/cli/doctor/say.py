"""What was found, as text for people and as data for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from kolla_iac.cli.terminal import paint
from kolla_iac.runtime.checks import Finding, Look, Result, exit_code

_COLOURS = {"error": "red", "warning": "yellow", "fine": "green"}


def headline(results: Sequence[Result]) -> str:
    """``1 error, 2 warnings; 1 check could not look``, ``nothing found``.

    >>> headline([])
    'nothing found'
    """
    counted = Counter(one.severity for result in results for one in result.findings)
    blind = sum(1 for result in results if result.not_seen)
    found = ", ".join(
        f"{counted[word]} {word}{'' if counted[word] == 1 else 's'}"
        for word in ("error", "warning")
        if counted[word]
    )
    words = [found or ("nothing found by the others" if blind else "nothing found")]
    if blind:
        words.append(f"{blind} check{'' if blind == 1 else 's'} could not look")
    return "; ".join(words)


def text(look: Look, results: Sequence[Result], *, colours: bool) -> str:
    """For people: findings first, the worst on top; then what could not be looked at; then what is fine."""
    told = sorted(
        ((finding, result.check.name) for result in results for finding in result.findings),
        key=lambda pair: pair[0].severity,
    )
    worst = told[0][0].severity if told else "warning" if exit_code(results) else "fine"
    title = paint(headline(results), _COLOURS[worst], wanted=colours)
    lines = [f"{paint(look.environment, 'bold', wanted=colours)}  {title}"]
    for finding, check in told:
        lines += ["", *_finding(finding, check, colours)]
    blind = [result for result in results if result.not_seen]
    if blind:
        lines += ["", "  could not be looked at, so nobody knows:"]
        lines += _blind(blind)
    lines += ["", "  looked at:"]
    width = max(len(result.check.name) for result in results)
    for result in results:
        if result.word == "not seen" and not result.facts:
            continue
        seen = result.facts or [result.check.title] if result.word == "fine" else result.facts
        mark = "" if result.word == "fine" else "(see above) "
        for index, line in enumerate(seen or [""]):
            name = result.check.name if index == 0 else ""
            lines.append(f"    {name:<{width}}  {mark if index == 0 else ''}{line}".rstrip())
    return "\n".join(lines)


def _finding(finding: Finding, check: str, colours: bool) -> list[str]:
    severity = paint(f"{finding.severity:<7}", _COLOURS[finding.severity], wanted=colours)
    first, *rest = finding.saw.splitlines()
    return [
        f"  {severity}  {check}  {finding.where}: {first}",
        *(f"           {line}" for line in rest),
        f"    mend   {finding.mend}",
    ]


def _blind(results: Sequence[Result]) -> list[str]:
    """One line a reason, with the checks that it keeps from looking."""
    reasons: dict[str, list[str]] = {}
    for result in results:
        for one in result.not_seen:
            reason = f"{one.where}: {one.why}" if one.where else one.why
            reasons.setdefault(reason, []).append(result.check.name)
    return [f"    {', '.join(dict.fromkeys(names))}: {reason}" for reason, names in reasons.items()]


def data(look: Look, results: Sequence[Result]) -> dict[str, Any]:
    """For programs; the form is written down in docs/how-to/doctor.md."""
    return {
        "environment": look.environment,
        "release": look.settings.release,
        "at": look.now.isoformat(timespec="seconds"),
        "exit_code": exit_code(results),
        "findings": [
            {
                "check": result.check.name,
                "severity": one.severity,
                "where": one.where,
                "saw": one.saw,
                "mend": one.mend,
            }
            for result in results
            for one in result.findings
        ],
        "not_seen": [
            {"check": result.check.name, "where": one.where or None, "why": one.why}
            for result in results
            for one in result.not_seen
        ],
        "checks": [
            {
                "name": result.check.name,
                "title": result.check.title,
                "state": result.word,
                "facts": result.facts,
                "seconds": round(result.seconds, 2),
            }
            for result in results
        ],
    }
