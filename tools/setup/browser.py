"""``python3 -m tools.setup.browser``: the browser in which the tests open our pages, from the distribution."""

import os
import shutil
import sys

from .errors import SetupError
from .shell import install

PACKAGE = "chromium"


def main() -> int:
    """Install it where it is missing; the exit code."""
    if shutil.which(PACKAGE):
        return 0
    try:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise SetupError(
                f"the tests of our pages need {PACKAGE}",
                f"{PACKAGE} is not on PATH, and this is not root of a Debian",
                f"sudo apt-get install {PACKAGE}",
            )
        print(f"installing {PACKAGE}, in which the tests open our pages", file=sys.stderr, flush=True)
        install(PACKAGE, need="a browser for the tests of our pages")
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
