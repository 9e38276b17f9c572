"""Which engine and which plugins set-up takes: installed before downloaded before built; official before stand-in."""

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tools.setup import cache, engine, pins, plugins
from tools.setup.report import Report

ROOT = Path(__file__).parents[3]
ARCHIVE = pins.ENGINE_ARCHIVE.format(version=pins.ENGINE, system="linux", machine="x64")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """The test's output is its own."""


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache, a home and a PATH with nothing in them."""
    for name in ("cache", "home", "bin"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv("PULUMI_HOME", raising=False)
    monkeypatch.setattr(pins, "ENGINE_URL", "http://127.0.0.1:9/{name}")
    monkeypatch.setattr(engine.platform, "machine", lambda: "x86_64")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A download site with one release: the folder that it serves."""
    folder = tmp_path / "site"
    folder.mkdir()
    with tarfile.open(folder / ARCHIVE, "w:gz") as tar:
        for name in (*pins.ENGINE_FILES, "pulumi-language-nodejs", "../../escaped"):
            entry = tarfile.TarInfo(f"pulumi/{name}")
            entry.size, entry.mode = len(name), 0o755
            tar.addfile(entry, io.BytesIO(name.encode()))
    digest = hashlib.sha256((folder / ARCHIVE).read_bytes()).hexdigest()
    sums = folder / pins.ENGINE_CHECKSUMS.format(version=pins.ENGINE)
    sums.write_text(f"{'0' * 64}  another.tar.gz\n{digest}  {ARCHIVE}\n")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(pins, "ENGINE_URL", f"http://127.0.0.1:{server.server_port}/{{name}}")
    yield folder
    server.shutdown()
    server.server_close()


def installed(folder: Path, version: str) -> None:
    (folder / "pulumi").write_text(f"#!/bin/sh\necho {version}\n")
    (folder / "pulumi").chmod(0o755)
    (folder / "pulumi-language-python").write_text("")


def test_one_that_is_installed_is_used_if_it_is_new_enough(tmp_path: Path) -> None:
    installed(tmp_path / "bin", "v3.300.1")
    found = engine.find_engine(ROOT, Report(), retry=False)
    assert (found.folder, found.origin) == (tmp_path / "bin", "on PATH")


def test_an_old_one_is_passed_over_for_the_download(tmp_path: Path, site: Path) -> None:
    installed(tmp_path / "bin", "v3.258.9")
    found = engine.find_engine(ROOT, Report(), retry=False)
    assert found.origin == "downloaded"
    assert sorted(item.name for item in found.folder.iterdir()) == sorted(pins.ENGINE_FILES)
    assert found.pulumi.read_text() == "pulumi" and found.pulumi.stat().st_mode & 0o111
    for item in site.iterdir():
        item.unlink()
    assert engine.find_engine(ROOT, Report(), retry=False) == found, "kept"


def test_what_is_not_what_was_published_is_not_used(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (site / ARCHIVE).write_bytes((site / ARCHIVE).read_bytes() + b"tampered")
    monkeypatch.setattr(engine, "_build", lambda sources, folder, report: (folder / "pulumi").touch())
    found = engine.find_engine(ROOT, Report(), retry=False)
    assert found.origin == "built"
    assert "is not what was published" in capsys.readouterr().err
    assert [item.name for item in (cache.cache_root() / "engine").iterdir()] == [found.folder.name]


def test_official_plugins_are_never_hidden(tmp_path: Path) -> None:
    used = engine.Engine(tmp_path / "bin", "on PATH")
    versions = plugins._missing({"docker": "5.1.1", "command": "1.2.1"})
    assert versions == ["docker", "command"], "nothing is installed yet"
    lock = (ROOT / "requirements.lock").read_text()
    for name, package in pins.PLUGINS.items():
        version = lock.split(f"\n{package}==")[1].split()[0]
        folder = tmp_path / "home" / ".pulumi" / "plugins" / f"resource-{name}-v{version}"
        folder.mkdir(parents=True)
        (folder / f"pulumi-resource-{name}").write_text("official")
    found = plugins.find_plugins(ROOT, used, Report(), retry=False)
    assert (found.home, found.standins, str(found)) == (None, (), "official plugins")
    assert not (cache.cache_root() / "standins").exists(), "no stand-in was made"


def test_one_official_plugin_beside_one_stand_in(tmp_path: Path) -> None:
    versions = {"docker": "1.0.0", "command": "2.0.0"}
    home, own = tmp_path / "standins", tmp_path / "home" / ".pulumi"
    for name, version in versions.items():
        script = plugins._folder(home, name, version) / f"pulumi-resource-{name}"
        script.parent.mkdir(parents=True)
        script.write_text("stand-in")
    official = plugins._folder(own, "docker", "1.0.0") / "pulumi-resource-docker"
    official.parent.mkdir(parents=True)
    official.write_text("official")

    def used(name: str) -> str:
        return (plugins._folder(home, name, versions[name]) / f"pulumi-resource-{name}").read_text()

    for _ in range(2):
        plugins._prefer_official(home, versions, plugins._missing(versions))
        assert (used("docker"), used("command")) == ("official", "stand-in")
    official.unlink()
    plugins._prefer_official(home, versions, plugins._missing(versions))
    assert (used("docker"), used("command")) == ("stand-in", "stand-in")
