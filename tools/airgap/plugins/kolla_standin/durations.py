"""Go's durations, as the official schema writes them: ``10s``, ``1m30s``, ``500ms``."""

import re

_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


def nanoseconds(text: str) -> int:
    """``text`` in nanoseconds; empty and ``0`` are 0.

    Raises:
        ValueError: not a Go duration.
    """
    if text in ("", "0"):
        return 0
    parts = _PART.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"invalid duration {text!r}: a number and a unit (h, m, s, ms), like 1m30s")
    return round(sum(float(number) * _UNITS[unit] for number, unit in parts))
