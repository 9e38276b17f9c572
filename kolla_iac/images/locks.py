"""Locks: the Python distributions of an image, one file per release, with hashes and without any address."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from kolla_iac.errors import KollaError
from kolla_iac.images.recipe import HERE, folder, images
from kolla_iac.model.releases import RELEASES

PYTHON = "3.13"
"""Of Debian trixie."""
REQUIREMENTS = "requirements.in"
HEADER = "# made by `kolla-iac images lock`: do not edit\n"


def lock(image: str, release: str, constraints: Path) -> Path:
    """Writes ``<release>.lock`` beside an image's ``requirements.in``.

    Args:
        image: a recipe with a ``requirements.in``.
        release: series; its own versions come from ``kolla_iac.model.releases``.
        constraints: OpenStack's published ``upper-constraints.txt`` of the series.

    Returns:
        The lock.

    Raises:
        KollaError: unknown release, no uv, or no set of versions that satisfies all.
    """
    if release not in RELEASES:
        raise KollaError(f"unknown release {release}", {"known": ", ".join(RELEASES)})
    if not constraints.is_file():
        raise KollaError(
            f"no constraints file {constraints}",
            {
                "wanted": f"upper-constraints.txt of OpenStack {release}, as its requirements project publishes it"
            },
        )
    source = folder(image) / REQUIREMENTS
    with tempfile.TemporaryDirectory(prefix="kolla-iac-lock-") as scratch:
        pins = Path(scratch) / "release.txt"
        pins.write_text(
            "".join(f"{name}=={version}\n" for name, version in RELEASES[release].versions.items())
        )
        text = _compile(source, [constraints, pins])
    target = source.with_name(f"{release}.lock")
    target.write_text(text)
    return target


def lock_build_tools() -> Path:
    """Writes ``build.lock``: what recipes install with, and leave behind. Always the newest."""
    with tempfile.TemporaryDirectory(prefix="kolla-iac-lock-") as scratch:
        source = Path(scratch) / REQUIREMENTS
        source.write_text("uv\n")
        text = _compile(source, [])
    target = HERE / "build.lock"
    target.write_text(text)
    return target


def lockable() -> list[str]:
    """Images with Python distributions under a lock."""
    return [image for image in sorted(images()) if (folder(image) / REQUIREMENTS).is_file()]


def _compile(source: Path, constraints: list[Path]) -> str:
    uv = shutil.which("uv")
    if uv is None:
        raise KollaError(
            "uv is missing", {"wanted": "uv on PATH, which resolves the locks", "next": "pip install uv"}
        )
    command = [uv, "pip", "compile", "--quiet", "--no-config", "--no-header", "--no-annotate"]
    command += ["--no-emit-index-url", "--no-emit-find-links", "--generate-hashes", "--only-binary", ":all:"]
    command += ["--python-version", PYTHON, "--python-platform", "linux", "--no-python-downloads"]
    command += ["--override", str(HERE / "not-in-images.txt")]
    for file in constraints:
        command += ["--constraint", str(file)]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise KollaError(
            f"no versions satisfy {source.parent.parent.name}/{source.parent.name}/{source.name}",
            {"saw": done.stderr.strip().splitlines()[-10:]},
        )
    return HEADER + done.stdout
