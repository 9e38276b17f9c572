"""The steps of set-up, in order."""

import argparse
import sys
from pathlib import Path

from kolla_iac.home import make_home

from .cache import cache_root, only_one
from .docker import have_docker
from .engine import find_engine
from .environment import make_environment
from .errors import SetupError
from .home import link_engine, write_choice
from .plugins import find_plugins
from .report import Report

_DESCRIPTION = (
    "Make this machine ready: Python packages, Docker, the Pulumi engine and plugins, a place for state."
)


def main(arguments: list[str]) -> int:
    """Run set-up; 0 when the machine is ready, 1 with a message when something is missing."""
    parser = argparse.ArgumentParser(prog="make setup", description=_DESCRIPTION)
    parser.add_argument(
        "--retry-download",
        action="store_true",
        help="ask Pulumi's download site again although a build or stand-ins are here (make setup RETRY=1)",
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but what was done")
    options = parser.parse_args(arguments)
    checkout = Path(__file__).resolve().parents[2]
    report = Report()
    try:
        with only_one(cache_root() / "setup.lock", report):
            _steps(checkout, report, retry=options.retry_download)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("set-up was cut off; run it again, it goes on from here", file=sys.stderr)
        return 130
    if not options.quiet:
        print(f"set-up, what took how long:\n{report.table()}", file=sys.stderr)
    return 0


def _steps(checkout: Path, report: Report, *, retry: bool) -> None:
    with report.step("python") as outcome:
        outcome.append(make_environment(checkout))
    with report.step("docker") as outcome:
        outcome.append(have_docker(report))
    with report.step("engine") as outcome:
        engine = find_engine(checkout, report, retry=retry)
        link_engine(checkout, engine)
        outcome.append(engine.origin)
    with report.step("plugins") as outcome:
        plugins = find_plugins(checkout, engine, report, retry=retry)
        write_choice(checkout, plugins)
        outcome.append(str(plugins))
    with report.step("state") as outcome:
        outcome.append(f"in {make_home()}")
