"""``python3 -m tools.parts PART...``: make targets in turn until one fails, and what took how long."""

import subprocess
import sys
import time


def main(parts: list[str]) -> int:
    """Run ``make PART`` for each part; the status of the first that fails, else 0."""
    rows: list[tuple[str, float, str]] = []
    status = 0
    for part in parts:
        print(f"== make {part}", flush=True)
        began = time.monotonic()
        status = subprocess.run(["make", part], check=False).returncode
        rows.append(
            (part, time.monotonic() - began, "passed" if status == 0 else f"FAILED (status {status})")
        )
        if status:
            break
    print("\nwhat took how long:")
    for part, seconds, outcome in rows:
        print(f"{part:<12} {seconds:8.1f} s  {outcome}")
    not_run = parts[len(rows) :]
    if not_run:
        print(f"not run: {' '.join(not_run)}")
    print(f"{'all':<12} {sum(seconds for _, seconds, _ in rows):8.1f} s", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
