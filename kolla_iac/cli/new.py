"""``kolla-iac new``: a Pulumi project of one's own, which depends on the package.

Its program, Pulumi.yaml and .envrc are those of kolla_iac's own repository, the same files, and so are the scripts and
workflows of ``--ci``; so what holds there holds in every project.
"""

from __future__ import annotations

import importlib.metadata
import json
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import typer

from kolla_iac import __version__
from kolla_iac.cli import ports, project
from kolla_iac.cli.init import settings_text, write
from kolla_iac.errors import KollaError
from kolla_iac.model import schema
from kolla_iac.model.releases import RELEASES

SKELETON = Path(__file__).resolve().parents[1] / "skeleton"
AS_THEY_ARE = {
    "Pulumi.yaml": "Pulumi.yaml",
    ".envrc": "envrc",
    ".gitignore": "gitignore",
    "stacks/__main__.py": "program",
}
"""File of the project -> file of the skeleton."""
SCRIPTS = {f".ci/{name}": f"ci/{name}" for name in ("setup", "plan", "preview", "apply")}
"""What a pipeline runs -> file of the skeleton; ``setup`` alone is another one here, where a clone is set up."""
CI: dict[str, dict[str, str]] = {
    "none": {},
    "github": SCRIPTS
    | {f".github/workflows/{name}.yml": f"ci/github/{name}.yml" for name in ("preview", "apply")},
    "gitlab": SCRIPTS
    | {".gitlab/preview.yml": "ci/gitlab/preview.yml", ".gitlab-ci.yml": "ci/gitlab/gitlab-ci.yml"},
}
"""Value of ``--ci`` -> files of the project -> files of the skeleton."""
RENDERED = {"pyproject.toml": "pyproject.toml.j2", "README.md": "README.md.j2"}
WHEELS = "wheels"
FOLDER = "stacks"


def new(
    directory: Path = typer.Argument(metavar="DIR", help="A new folder, or an empty one."),
    env: str = typer.Option("dev", metavar="NAME", help="Its first environment."),
    release: str = typer.Option(
        next(iter(RELEASES)), metavar="SERIES", help=f"OpenStack series: {', '.join(RELEASES)}."
    ),
    ci: str = typer.Option(
        "none",
        "--ci",
        metavar="|".join(CI),
        help="Also workflows of that host, and their scripts: a change is previewed in a comment of its request, and"
        " carried out once merged. They need variables and secrets of yours, so there are none unless asked for.",
    ),
) -> None:
    """Write a Pulumi project that depends on this version of kolla-iac. Never writes over anything."""
    if release not in RELEASES:
        raise KollaError(f"release {release!r} is not known", {"known": ", ".join(RELEASES)})
    if ci not in CI:
        raise KollaError(f"--ci {ci} is not known", {"known": ", ".join(CI)})
    settings = Path(FOLDER) / project.named(env)
    origin = installed_from()
    found = texts(env, settings, wheels=bool(origin), ci=ci)
    found[str(settings)] = settings_text(release, ports.choose(set()))
    found[f"{FOLDER}/{schema.FILE}"] = schema.text()
    free(directory)
    try:
        for name, text in found.items():
            write(directory / name, text)
            if name in SCRIPTS:
                (directory / name).chmod(0o755)
            typer.echo(f"written    {directory / name}")
        if origin:
            (directory / WHEELS).mkdir()
            if origin.wheel:
                shutil.copy(origin.wheel, directory / WHEELS)
                typer.echo(f"copied     {directory / WHEELS / origin.wheel.name}")
    except OSError as error:
        raise KollaError(f"{directory} cannot be written", {"saw": str(error)}) from error
    typer.echo(f"next       cd {shlex.quote(str(directory))}; then as README.md says: {next_step(origin)}")


@dataclass(frozen=True)
class Origin:
    """What the running kolla-iac was installed from, where that was no package index."""

    source: str
    """As pip takes it: a wheel's or a clone's path, an address, ``git+https://...@commit``."""
    wheel: Path | None = None
    """The wheel, where it is one that lies on this machine."""


def installed_from() -> Origin | None:
    """What this kolla-iac was installed from; None: an index, or what is not there any more.

    Source: PEP 610, ``direct_url.json``, which installers write for everything that is not from an index.
    """
    try:
        said = json.loads(importlib.metadata.distribution("kolla-iac").read_text("direct_url.json") or "{}")
    except importlib.metadata.PackageNotFoundError:
        return None
    url = urlsplit(said.get("url", ""))
    if url.scheme != "file":
        vcs = said.get("vcs_info")
        source = f"{vcs['vcs']}+{said['url']}@{vcs['commit_id']}" if vcs else url.geturl()
        return Origin(source) if source else None
    path = Path(unquote(url.path))
    if not path.exists():
        return None
    return Origin(str(path), None if path.is_dir() else path)


def next_step(origin: Origin | None) -> str:
    """What to type first in the new project."""
    if origin and not origin.wheel:
        return f"python3 -m pip wheel --no-deps --wheel-dir {WHEELS} {shlex.quote(origin.source)}; uv sync"
    return "uv sync"


def texts(env: str, settings: Path, *, wheels: bool, ci: str = "none") -> dict[str, str]:
    """The project's files but for settings and schema: path -> text.

    Args:
        settings: of the first environment, from the project's folder.
        wheels: whether the package's wheel lies in the project.
        ci: a key of ``CI``.
    """
    import jinja2

    engine = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    values = {"version": __version__, "env": env, "file": str(settings), "folder": FOLDER, "ci": ci}
    taken = AS_THEY_ARE | CI[ci]
    same = {name: (SKELETON / source).read_text(encoding="utf-8") for name, source in taken.items()}
    made = {
        name: engine.from_string((SKELETON / source).read_text(encoding="utf-8")).render(
            values, wheels=wheels
        )
        for name, source in RENDERED.items()
    }
    return same | made


def free(directory: Path) -> None:
    """Returns if a project may be written there: nothing is, or nothing but a fresh git repository.

    Raises:
        KollaError: something is there.
    """
    try:
        there = sorted(path.name for path in directory.iterdir() if path.name != ".git")
    except FileNotFoundError:
        return
    except OSError as error:
        raise KollaError(
            f"{directory} cannot take a project", {"saw": error.strerror or str(error)}
        ) from error
    if there:
        shown = [*there[:5], *(["..."] if len(there) > 5 else [])]
        raise KollaError(
            f"{directory} is not empty",
            {
                "holds": ", ".join(shown),
                "meanwhile": "nothing was written",
                "next": "give a new folder or an empty one: kolla-iac new DIR",
            },
        )
