"""``python -m tools.options SERVICE``: writes ``components/SERVICE/options.yaml`` from its built images."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import yaml

from kolla_iac import images
from kolla_iac.model.images import ImagesSettings
from kolla_iac.model.releases import RELEASES
from tools.options.fates import Said, fates

DOCKER_RUN = ("docker", "run", "--rm", "--interactive", "--network", "none")
ROOT = Path(__file__).resolve().parents[2]
NOTE = """\
# Options of the service and its libraries that a release advises against or does not know any more.
# Written by `python -m tools.options {service}`, from what the packages in its images say.
"""


def said(service: str, release: str) -> Said:
    """What the packages in a service's image say of their options."""
    reference = images.reference(service, release, ImagesSettings())
    script = (Path(__file__).parent / "inside.py").read_text(encoding="utf-8")
    done = subprocess.run(
        [*DOCKER_RUN, "--entrypoint", "/var/lib/kolla/venv/bin/python", reference, "-"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{reference}: {done.stderr.strip()}\nbuild it first: kolla-iac images build")
    found: Said = json.loads(done.stdout.splitlines()[-1])
    return found


def text(service: str) -> str:
    """The file, as it should be."""
    made = fates({release: said(service, release) for release in RELEASES})
    return NOTE.format(service=service) + yaml.safe_dump(made, sort_keys=False, width=110)


def main() -> None:
    """Write the file of the service that is named."""
    (service,) = sys.argv[1:]
    (ROOT / "components" / service / "options.yaml").write_text(text(service), encoding="utf-8")


if __name__ == "__main__":
    main()
