"""The Pulumi engine: on PATH, else the official download, else built from Go modules."""

import hashlib
import os
import platform
import re
import shutil
import tarfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from . import pins
from .cache import cache_root, kept, key
from .errors import SetupError
from .report import Report
from .shell import Command, answers, run


@dataclass(frozen=True)
class Engine:
    """Where the engine is.

    Attributes:
        folder: holds ``pulumi`` and, beside it, the Python language host.
        origin: ``on PATH``, ``downloaded`` or ``built``.
    """

    folder: Path
    origin: str

    @property
    def pulumi(self) -> Path:
        return self.folder / "pulumi"


def find_engine(checkout: Path, report: Report, *, retry: bool) -> Engine:
    """The engine, fetched or built where the machine has none.

    Args:
        retry: ask the download site again although it could not be reached before.

    Raises:
        SetupError: there is none and none can be had.
    """
    if installed := _on_path():
        return installed
    downloaded = cache_root() / "engine" / f"{pins.ENGINE}-official"
    if downloaded.is_dir():
        return Engine(downloaded, "downloaded")
    sources = checkout / "tools" / "airgap"
    name = (
        f"{pins.ENGINE}-{key([sources / 'engine', sources / 'language', pins.LDFLAGS, platform.machine()])}"
    )
    if not retry and (cache_root() / "engine" / name).is_dir():
        return Engine(cache_root() / "engine" / name, "built")
    try:
        folder, _ = kept("engine", downloaded.name, _download)
        return Engine(folder, "downloaded")
    except (OSError, SetupError) as error:
        report.say(f"no official Pulumi {pins.ENGINE} to be had ({_short(error)}): building it")
    folder, _ = kept("engine", name, lambda new: _build(sources, new, report))
    return Engine(folder, "built")


def _short(error: Exception) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(reason).splitlines()[0] or type(error).__name__


def _on_path() -> Engine | None:
    """The machine's own engine, if it is new enough: not one of ours that a checkout's ``.venv`` links to."""
    for entry in filter(None, os.environ.get("PATH", "").split(os.pathsep)):
        pulumi = Path(entry) / "pulumi"
        folder = pulumi.resolve().parent
        if not os.access(pulumi, os.X_OK) or folder.is_relative_to(cache_root().resolve()):
            continue
        seen = re.match(r"v?(\d+)\.(\d+)\.(\d+)", answers([pulumi, "version"]) or "")
        wanted = tuple(int(part) for part in pins.ENGINE.split("."))
        host = folder / "pulumi-language-python"
        if seen and tuple(int(part) for part in seen.groups()) >= wanted and host.exists():
            return Engine(folder, "on PATH")
    return None


def _download(folder: Path) -> None:
    """Fetch the official archive into ``folder`` and hold it against the published sha256 checksums."""
    machine = pins.MACHINES.get(platform.machine())
    if machine is None:
        raise SetupError(f"no official engine for {platform.machine()}", "none is published", "")
    archive = pins.ENGINE_ARCHIVE.format(
        version=pins.ENGINE, system=platform.system().lower(), machine=machine
    )
    sums = _fetch(pins.ENGINE_CHECKSUMS.format(version=pins.ENGINE)).decode()
    expected = {name: digest for digest, name in (line.split() for line in sums.splitlines() if line)}
    content = _fetch(archive)
    seen = hashlib.sha256(content).hexdigest()
    if seen != expected.get(archive):
        raise SetupError(
            f"{archive} is not what was published",
            f"sha256 {seen}, published {expected.get(archive)}",
            "make setup",
        )
    target = folder / archive
    target.write_bytes(content)
    with tarfile.open(target) as tar:
        for member in tar.getmembers():
            name = Path(member.name).name
            if member.isfile() and name in pins.ENGINE_FILES:
                member.name = name
                tar.extract(member, folder, filter="data")
    target.unlink()
    missing = [name for name in pins.ENGINE_FILES[:3] if not (folder / name).is_file()]
    if missing:
        raise SetupError(f"{archive} lacks {', '.join(missing)}", "the engine needs them", "make setup")


def _fetch(name: str) -> bytes:
    url = pins.ENGINE_URL.format(version=pins.ENGINE, name=name)
    with urllib.request.urlopen(url, timeout=pins.CONNECT_SECONDS) as answer:
        return bytes(answer.read())


def _go() -> Path:
    seen = []
    for place in [shutil.which("go"), *pins.GO_PLACES]:
        version = place and answers([place, "env", "GOVERSION"])
        match = re.match(r"go(\d+)\.(\d+)", version or "")
        if place and match:
            if (int(match[1]), int(match[2])) >= pins.GO:
                return Path(place)
            seen.append(f"{place} is {(version or '').strip()}")
    wanted = ".".join(str(part) for part in pins.GO)
    raise SetupError(
        f"no Pulumi engine, and no Go {wanted} to build one with",
        "the engine is neither on PATH nor to be downloaded here; " + ("; ".join(seen) or "no go was found"),
        f"install Pulumi {pins.ENGINE} or later (https://www.pulumi.com/docs/iac/download-install/),\n"
        f"or Go {wanted} or later (https://go.dev/dl/) into /usr/local/go; then: make setup",
    )


def _build(sources: Path, folder: Path, report: Report) -> None:
    """Build CLI and language host into ``folder``: 3 to 7 minutes on two cores, without a cache."""
    go = _go()
    report.say(f"building Pulumi {pins.ENGINE} with {go}: 3 to 7 minutes the first time, on 2 cores")
    flags = ["-trimpath", "-ldflags", pins.LDFLAGS.format(version=pins.ENGINE)]
    quiet = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"}
    parts = {
        "engine": ("pulumi", "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"),
        "language": ("pulumi-language-python", f"{pins.SDK_MODULE}/python/cmd/pulumi-language-python"),
    }
    for module, (name, package) in parts.items():
        with report.step(f"go {module}"):
            command: Command = [go, "build", *flags, "-o", folder / name, package]
            run(command, need=f"{name}, from Go modules", cwd=sources / module, env=quiet)
    where: Command = [go, "list", "-m", "-f", "{{.Dir}}", pins.SDK_MODULE]
    sdk = Path(run(where, need="the Python host's scripts", cwd=sources / "engine", env=quiet).strip())
    for script in ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python"):
        target = folder / Path(script).name
        shutil.copyfile(sdk / script, target)
        target.chmod(0o755)
