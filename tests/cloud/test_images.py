"""The images on the real Docker: what is in them, what is not, and how building them goes wrong."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kolla_iac import waiting
from kolla_iac.errors import KollaError
from kolla_iac.images import contract, ensure, reference
from kolla_iac.images.build import LABEL_DIGEST, build, ca_bundle, size
from kolla_iac.images.client import Daemon, docker
from kolla_iac.images.recipe import BASE, Recipe, images, locked_releases, recipe
from kolla_iac.model.images import ImagesSettings
from kolla_iac.model.releases import RELEASES
from kolla_iac.model.stage import ImagesStage

ENDPOINT = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
DAEMON = Daemon(ENDPOINT)
LIMITS = {"base": 140, "keystone": 340, "mariadb-server": 430, "haproxy": 155, "memcached": 195}
"""MB, as `docker images` shows them."""
CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETUID", "SETGID", "KILL")
NEWEST = list(RELEASES)[-1]
BUILT = [(image, NEWEST) for image in sorted(images())] + [
    (image, release)
    for image in images()
    if locked_releases(image)
    for release in RELEASES
    if release != NEWEST
]
"""Every image once: what does not depend on the release is the same for all."""
NAMES = [f"{image}-{release}" for image, release in BUILT]


def specification(release: str, wanted: dict[str, str]) -> ImagesStage:
    return ImagesStage(
        name="images",
        environment="t-images",
        service="images",
        release=release,
        hosts={"local": ENDPOINT},
        images=wanted,
        source="build",
    )


def wanted(release: str) -> dict[str, str]:
    return {image: reference(image, release, ImagesSettings()) for image in images()}


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    """Every image of every release, built if it is missing."""
    for release in RELEASES:
        ensure(specification(release, wanted(release)), print)


def inside(image: str, script: str, *options: str) -> str:
    """Output of a shell script in a new container, as root and without Kolla's start."""
    label = ("--label", "kolla_iac.environment=t-images")
    return DAEMON.run(
        "run", "--rm", *label, "--user=root", "--network=none", "--entrypoint=sh", *options, image, "-c", script,
        timeout=300,
    )  # fmt: skip


def test_what_is_there_is_never_built_again() -> None:
    before = {
        image: DAEMON.run("image", "inspect", "--format", "{{.Id}}", r)
        for image, r in wanted("2025.2").items()
    }
    said: list[str] = []
    start = time.monotonic()
    ensure(specification("2025.2", wanted("2025.2")), said.append)
    assert time.monotonic() - start < 5
    assert all(line.endswith("is there") for line in said), said
    after = {
        image: DAEMON.run("image", "inspect", "--format", "{{.Id}}", r)
        for image, r in wanted("2025.2").items()
    }
    assert after == before


def test_another_recipe_than_the_previewed_one_is_refused() -> None:
    previewed = wanted("2025.2") | {"keystone": "kolla-iac/keystone:2025.2-000000000000"}
    with pytest.raises(KollaError, match="the recipe of keystone is not the previewed one"):
        ensure(specification("2025.2", previewed), print)


@pytest.mark.parametrize(("image", "release"), [("base", "2025.2"), *BUILT], ids=["base", *NAMES])
def test_size(image: str, release: str) -> None:
    assert size(DAEMON, recipe(image, release).reference) <= LIMITS[image]


@pytest.mark.parametrize(("image", "release"), BUILT, ids=NAMES)
def test_nothing_of_the_build_is_left(image: str, release: str) -> None:
    leftovers = inside(
        recipe(image, release).reference,
        """
        for tool in gcc cc g++ clang make ld uv; do command -v $tool && echo "tool $tool"; done
        find / -xdev \\( -path '*/.cache/*' -o -path '/root/.cache*' -o -path '/tmp/*' \
            -o -path '/var/lib/apt/lists/*' -o -path '/var/cache/apt/*' -o -path '/run/secrets*' \
            -o -path '/usr/share/man/*' -o -path '/var/lib/mysql/*' \\) ! -type d
        exit 0
        """,
    )
    assert leftovers == ""


@pytest.mark.parametrize(("image", "release"), BUILT, ids=NAMES)
def test_the_builds_own_certificates_are_not_left(image: str, release: str) -> None:
    bundle = ca_bundle()
    text = bundle.read_text() if bundle else ""
    debian = inside(recipe(image, release).reference, "cat /usr/share/ca-certificates/mozilla/*.crt")
    bodies = [part.split("-----END")[0].split() for part in text.split("-----BEGIN CERTIFICATE-----")[1:]]
    foreign = [body[len(body) // 2] for body in bodies if body[len(body) // 2] not in debian]
    patterns = "\n".join(foreign) or secrets.token_hex(32)
    found = inside(
        recipe(image, release).reference,
        f"grep -rIlF -e '{patterns}' /etc /opt /root /run /srv /usr /var; exit 0",
    )
    assert found == ""


def test_a_secret_lent_to_a_build_is_in_no_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = secrets.token_hex(32)
    (tmp_path / "bundle.pem").write_text(planted)
    monkeypatch.setenv("KOLLA_IAC_CA_BUNDLE", str(tmp_path / "bundle.pem"))
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"https://user:{planted}@mirror.example/simple")
    mounts = "--mount=type=secret,id=ca --mount=type=secret,id=index"
    with Scratch(
        f"RUN {mounts} test -s /run/secrets/ca && grep -q mirror.example /run/secrets/index && touch /done"
    ) as made:
        build(made, DAEMON, print)
        saved = tmp_path / "image.tar"
        DAEMON.run("save", "--output", str(saved), made.reference, timeout=300)
        assert DAEMON.run("history", "--no-trunc", made.reference).count(planted) == 0
        content = saved.read_bytes()
        assert b"kolla_set_configs" in content
        assert planted.encode() not in content


@pytest.mark.parametrize(("image", "release"), [("base", "2025.2"), *BUILT], ids=["base", *NAMES])
def test_kollas_users_have_their_numbers(image: str, release: str) -> None:
    text = recipe(image, release).reference
    passwd = [line.split(":") for line in inside(text, "cat /etc/passwd").splitlines()]
    group = [line.split(":") for line in inside(text, "cat /etc/group").splitlines()]
    numbers = {row[0]: (int(row[2]), int(row[3])) for row in passwd}
    groups = {row[0]: int(row[2]) for row in group}
    for user in contract.users():
        assert numbers[user.name] == (user.uid, user.gid)
        assert groups[user.group] == user.gid
    assert len({row[2] for row in passwd}) == len(passwd)


@pytest.mark.parametrize("release", RELEASES)
def test_keystone_is_compiled_and_needs_no_writing(release: str) -> None:
    check = """
import importlib.util, marshal, pathlib, struct, sys
stale = []
for file in pathlib.Path("/var/lib/kolla/venv/lib").glob("python3.*/site-packages/**/*.py"):
    cached = pathlib.Path(importlib.util.cache_from_source(str(file)))
    head = cached.read_bytes()[:16] if cached.exists() else b""
    if head[:4] != importlib.util.MAGIC_NUMBER or struct.unpack("<I", head[8:12])[0] != int(file.stat().st_mtime):
        stale.append(str(file))
print(len(stale), stale[:3])
"""
    text = recipe("keystone", release).reference
    assert inside(text, f"python3 - <<'E'\n{check}\nE") == "0 []"
    version = inside(
        text, "keystone-manage --version 2>/dev/null; uwsgi --version; keystone-manage --help >/dev/null"
    )
    assert version.splitlines() == [RELEASES[release].versions["keystone"], version.splitlines()[1]]
    assert inside(text, "for tool in keystone-manage uwsgi; do command -v $tool; done").splitlines() == [
        "/var/lib/kolla/venv/bin/keystone-manage",
        "/var/lib/kolla/venv/bin/uwsgi",
    ]


def test_a_new_volume_for_the_database_belongs_to_it() -> None:
    volume = f"t-images-{secrets.token_hex(4)}"
    try:
        text = recipe("mariadb-server", "2025.2").reference
        owner = inside(text, "stat -c '%u:%g' /var/lib/mysql", "--volume", f"{volume}:/var/lib/mysql")
        assert owner == "42434:42434"
        tools = "mariadbd mariadb mariadb-admin mariadb-backup mariadb-dump mariadb-install-db mbstream"
        assert len(inside(text, f"for tool in {tools}; do command -v $tool; done").splitlines()) == 7
    finally:
        DAEMON.run("volume", "rm", "--force", volume)


HAPROXY = """\
global
    user haproxy
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
frontend test
    bind 127.0.0.1:8000
    http-request return status 200 content-type text/plain string here
"""
STARTS = {
    "memcached": ("/usr/bin/memcached -u memcached", "", "grep -q :2BCB /proc/net/tcp"),
    "haproxy": (
        "/usr/sbin/haproxy -W -db -f /etc/haproxy/haproxy.cfg",
        HAPROXY,
        "healthcheck_curl http://127.0.0.1:8000",
    ),
    "mariadb-server": ("/usr/sbin/mariadbd --user=mysql --datadir=/tmp/data", "", "mariadb -e 'SELECT 1'"),
    "keystone": (
        "uwsgi --http-socket 127.0.0.1:5000 --uid keystone --master --die-on-term",
        "",
        "healthcheck_listen uwsgi 5000",
    ),
}
"""Image -> command, a file for it, and what succeeds once it serves."""


@pytest.mark.parametrize("image", STARTS)
def test_kollas_start_works_with_few_capabilities_and_no_new_privileges(image: str, tmp_path: Path) -> None:
    command, content, answers = STARTS[image]
    files = []
    if content:
        (tmp_path / "file").write_text(content)
        files = [{"source": "/var/lib/kolla/config_files/file", "dest": "/etc/haproxy/haproxy.cfg",
                  "owner": "haproxy", "perm": "0600"}]  # fmt: skip
    if image == "mariadb-server":
        script = f"mariadb-install-db --user=mysql --datadir=/tmp/data --skip-test-db && exec {command}"
        (tmp_path / "file").write_text(f"#!/bin/sh\n{script}\n")
        command = "/usr/local/bin/serve"
        files = [
            {"source": "/var/lib/kolla/config_files/file", "dest": command, "owner": "root", "perm": "0755"}
        ]
    (tmp_path / "config.json").write_text(json.dumps({"command": command, "config_files": files}))
    name = f"t-images-{image}-{secrets.token_hex(3)}"
    options = ["--detach", "--name", name, "--label", "kolla_iac.environment=t-images", "--user=root"]
    options += ["--security-opt=no-new-privileges", "--cap-drop=ALL"]
    options += [f"--cap-add={capability}" for capability in CAPABILITIES]
    if image == "keystone":
        options += ["--cap-add=SYS_PTRACE"]  # healthcheck_listen reads whose socket it is
    options += ["--env", "KOLLA_CONFIG_STRATEGY=COPY_ALWAYS"]
    options += ["--volume", f"{tmp_path}:/var/lib/kolla/config_files:ro"]
    try:
        DAEMON.run("run", *options, recipe(image, "2025.2").reference)
        deadline = time.monotonic() + 60
        while not exec_works(name, answers):
            assert time.monotonic() < deadline, DAEMON.run("logs", "--tail", "30", name)
            time.sleep(0.5)
        processes = DAEMON.run("exec", name, "ps", "-o", "user=,args=", "-A").splitlines()
        user = {"memcached": "memcach", "mariadb-server": "mysql"}.get(image, image)
        assert any(line.startswith(user) for line in processes), processes
        start = time.monotonic()
        DAEMON.run("stop", "--time", "20", name)
        assert time.monotonic() - start < 15
    finally:
        DAEMON.run("rm", "--force", "--volumes", name)


def exec_works(name: str, script: str) -> bool:
    try:
        DAEMON.run("exec", name, "sh", "-c", script)
    except KollaError:
        return False
    return True


class Scratch:
    """A recipe on the base image that exists only here; everything of it is removed in the end."""

    def __init__(self, steps: str) -> None:
        base = recipe(BASE, "2025.2")
        text = f"FROM {base.reference}\nENV UNLIKE_ANY_BEFORE={secrets.token_hex(8)}\n{steps}\n"
        self.recipe = Recipe("t-images", None, {"Dockerfile": text.encode()}, base)

    def __enter__(self) -> Recipe:
        return self.recipe

    def __exit__(self, *_: object) -> None:
        for tag in tags():
            DAEMON.untag(tag, prune=True)


def tags() -> list[str]:
    """Everything that building the recipe of these tests has tagged."""
    return DAEMON.run("image", "ls", "kolla-iac/t-images", "--format", "{{.Repository}}:{{.Tag}}").split()


def test_a_failing_build_shows_its_step_and_its_last_lines() -> None:
    with Scratch("RUN echo the first line && echo the reason >&2 && exit 7") as recipe_:
        with pytest.raises(KollaError) as failure:
            build(recipe_, DAEMON, print)
        assert tags() == []
    text = str(failure.value)
    assert text.startswith("building the image t-images failed")
    assert "[2/2] RUN echo the first line" in text
    assert "exit code: 7" in text
    assert "the reason" in text


def test_a_long_step_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST", 1.0)
    said: list[str] = []
    with Scratch("RUN sleep 4") as recipe_:
        build(recipe_, DAEMON, said.append)
    told = [line for line in said if line.startswith("waiting for t-images to be built; ")]
    assert told and told[-1].endswith(" s; last: [2/2] RUN sleep 4"), said


BUILD = """
import sys
from kolla_iac.images.build import build
from kolla_iac.images.client import Daemon
from kolla_iac.images.recipe import BASE, Recipe, recipe
text = open(sys.argv[1], "rb").read()
build(Recipe("t-images", None, {"Dockerfile": text}, recipe(BASE, "2025.2")), Daemon(sys.argv[2]), print)
"""


@pytest.fixture
def cut_off(tmp_path: Path) -> Iterator[Recipe]:
    """A build that was killed in the middle of its step."""
    with Scratch("RUN sleep 5 && touch /complete") as made:
        (tmp_path / "Dockerfile").write_bytes(made.files["Dockerfile"])
        process = subprocess.Popen(
            [sys.executable, "-c", BUILD, str(tmp_path / "Dockerfile"), ENDPOINT],
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | {"TMPDIR": str(tmp_path)},
        )
        time.sleep(3)
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        yield made


def test_a_cut_off_build_leaves_nothing_that_counts_as_done(cut_off: Recipe) -> None:
    time.sleep(4)
    assert tags() == []
    build(cut_off, DAEMON, print)
    assert tags() == [cut_off.reference]
    assert inside(cut_off.reference, "ls /complete") == "/complete"
    label = f'{{{{index .Config.Labels "{LABEL_DIGEST}"}}}}'
    assert DAEMON.run("image", "inspect", "--format", label, cut_off.reference) == cut_off.digest


def test_a_host_that_does_not_answer_is_named() -> None:
    with pytest.raises(KollaError, match=r"unix:///nowhere/docker\.sock"):
        build(recipe("memcached", "2025.2"), Daemon("unix:///nowhere/docker.sock"), print)


def test_an_image_that_no_registry_gives_is_an_error() -> None:
    missing = specification("2025.2", {"memcached": "127.0.0.1:9/openstack.kolla/memcached:none"})
    with pytest.raises(KollaError, match="docker pull"):
        ensure(missing.model_copy(update={"source": "registry"}), print)


def test_images_can_be_carried_to_another_host(tmp_path: Path) -> None:
    """What `docker save | docker load` carries is the whole image, under its own name."""
    with Scratch("RUN touch /carried") as made:
        build(made, DAEMON, print)
        with (tmp_path / "image.tar").open("wb") as file:
            subprocess.run([docker(), "save", made.reference], stdout=file, check=True, env=DAEMON.env)
        DAEMON.untag(made.reference)
        assert not DAEMON.has(made.reference)
        DAEMON.run("load", "--quiet", "--input", str(tmp_path / "image.tar"), timeout=300)
        assert inside(made.reference, "ls /carried") == "/carried"
