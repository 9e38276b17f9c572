"""Jobs: one-shot containers. What a job prints is shown when it fails; the container is removed in any case.

A line of a successful job that begins with ``note: `` is for the operator, and passed on.
"""

from __future__ import annotations

import contextlib
import io
import re
import tarfile
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from kolla_iac.errors import KollaError
from kolla_iac.model.stage import (
    LABEL_ENVIRONMENT,
    LABEL_RELEASE,
    LABEL_ROLE,
    LABEL_SERVICE,
    LABEL_STAGE,
    JobStage,
    Upload,
)
from kolla_iac.runtime.containers import Found, describe, find, log_lines, state_of, tidy
from kolla_iac.runtime.context import Context
from kolla_iac.runtime.execute import Conversation
from kolla_iac.runtime.others import refuse_others

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

FAILED_LOG_LINES = 20
LOG_LIMITS = {"max-size": "10m", "max-file": "3"}
"""A job that chatters must not fill its host's disk."""
LOOK_SECONDS = 3.0
"""How often the log of a running job is looked at for its last line."""
_BETWEEN = re.compile(r"[\s'\"`=,;:/@()\[\]{}]+")
NOTE = "note: "
CPU_SHARES = 256
"""A quarter of what a container has that serves, where both want the processor. Source: docker run --cpu-shares."""


def labels(stage: JobStage) -> dict[str, str]:
    """What marks the job's container; ``LABEL_STAGE`` finds what a cut-off run has left."""
    return {
        LABEL_ENVIRONMENT: stage.environment,
        LABEL_SERVICE: stage.service,
        LABEL_RELEASE: stage.release,
        LABEL_ROLE: "job",
        LABEL_STAGE: stage.name,
    }


def archive(files: Iterable[Upload]) -> bytes:
    """The files as a tar of the root directory, owned by root."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for file in files:
            content = file.content.encode()
            entry = tarfile.TarInfo(file.path.lstrip("/"))
            entry.size, entry.mode, entry.mtime = len(content), int(file.mode, 8), int(time.time())
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def job(stage: JobStage, context: Context) -> None:
    """Runs the job to its end.

    Raises:
        KollaError: the image is not on the host, the exit code is not 0, the time is over, or containers of another
            release stand where it asks that there be none.
    """
    refuse_others(stage, context)
    remove_leftovers(stage, context)
    for host in (stage.host, *stage.also_on):
        for note in run(stage, host, context):
            context.say(note)
    context.say(f"{stage.name} done")


def remove_leftovers(stage: JobStage, context: Context) -> None:
    """Containers that a run of the job has left which was cut off."""
    for leftover in find(context.hosts, {LABEL_ENVIRONMENT: stage.environment, LABEL_STAGE: stage.name}):
        leftover.container.remove(force=True)
        context.say(f"{leftover.name}, left by an earlier run, removed")


@contextlib.contextmanager
def conversation(stage: JobStage, context: Context) -> Iterator[Conversation]:
    """Runs the job as long as the block lasts, and talks with it.

    Raises:
        KollaError: it does not come to its first answer in time; as of ``job``.
    """
    remove_leftovers(stage, context)
    client = context.hosts.client(stage.host)
    found = Found(stage.host, client, create(stage, client, stage.host, talks=True))
    try:
        found.container.put_archive("/", archive(stage.files))
        talk = Conversation(found)
        try:
            found.container.start()
            talk.ask("", stage.timeout)
            context.say(f"{stage.name} started from {stage.image}")
            yield talk
        finally:
            talk.close()
    finally:
        remove(found)


def run(stage: JobStage, host: str, context: Context) -> list[str]:
    """Runs the job on one host to its end; what it has to say to the operator.

    Raises:
        KollaError: as of ``job``.
    """
    client = context.hosts.client(host)
    found = Found(host, client, create(stage, client, host))
    try:
        if stage.files:
            found.container.put_archive("/", archive(stage.files))
        found.container.start()
        where = f" on {host}" if stage.also_on else ""
        context.say(f"{stage.name} started{where} from {stage.image}")
        finish(stage, found, context)
        return notes(found)
    finally:
        remove(found)


def notes(found: Found) -> list[str]:
    """What a job that has succeeded has to say to the operator."""
    lines = found.container.logs(stderr=False).decode(errors="replace").splitlines()
    return [line.removeprefix(NOTE) for line in lines if line.startswith(NOTE)]


def remove(found: Found) -> None:
    """The job's container goes, with its anonymous volumes."""
    from docker.errors import NotFound  # noqa: PLC0415

    with contextlib.suppress(NotFound):
        found.container.remove(force=True, v=True)


def create(stage: JobStage, client: DockerClient, host: str, *, talks: bool = False) -> Container:
    """The container, not yet started: its files come first.

    Args:
        talks: whether it is given orders on its standard input.

    Raises:
        KollaError: the image is not there, or Docker refuses.
    """
    from docker.errors import APIError, ImageNotFound  # noqa: PLC0415
    from docker.types import LogConfig, Mount  # noqa: PLC0415

    mounts = [
        Mount(
            one.path,
            one.volume,
            type="bind" if one.volume.startswith("/") else "volume",
            read_only=one.read_only,
        )
        for one in stage.mounts
    ]
    try:
        return client.containers.create(
            stage.image,
            command=list(stage.command) or None,
            environment=dict(stage.env),
            labels=labels(stage),
            mounts=mounts,
            network=stage.network,
            user=stage.user or None,
            hostname=stage.name,
            stdin_open=talks,
            cpu_shares=CPU_SHARES,
            security_opt=["no-new-privileges"],
            cap_drop=["ALL"],
            cap_add=list(stage.capabilities),
            log_config=LogConfig(type="json-file", config=LOG_LIMITS),
        )
    except ImageNotFound:
        raise KollaError(
            f"image {stage.image} is not on host {host}",
            {
                "hint": "the environment's images stage brings it; `pulumi up` runs it, `kolla-iac images list` shows"
            },
        ) from None
    except APIError as error:
        raise KollaError(f"Docker refuses {stage.name}", {"saw": str(error.explanation or error)}) from error


def finish(stage: JobStage, found: Found, context: Context) -> None:
    """Waits for the end of the job; ends it when its time is over or somebody asks to stop."""
    end, look = time.monotonic() + stage.timeout, time.monotonic() + LOOK_SECONDS
    with context.waiting(f"{stage.name} to end", stage.timeout) as told:
        while (state := state_of(found)).status not in ("exited", "dead", "gone"):
            if time.monotonic() >= end:
                raise _failed(stage, found, f"did not end within {stage.timeout:.0f} s")
            if time.monotonic() >= look:
                told.saw(last_line(stage, found))
                look = time.monotonic() + LOOK_SECONDS
            context.interrupts.sleep(0.1)
    if state.status == "gone":
        raise _failed(stage, found, "somebody removed the container while it ran")
    if state.exit_code != 0:
        raise _failed(stage, found, f"exit code {state.exit_code}")


def last_line(stage: JobStage, found: Found) -> str:
    """The last line that the job has logged; what may be a secret of its files is blotted out."""
    from docker.errors import DockerException  # noqa: PLC0415

    try:
        lines = tidy(found.container.logs(tail=5).decode(errors="replace"), 1)
    except DockerException:
        return ""
    return blotted(" ".join(lines), "\n".join(file.content for file in stage.files))


def blotted(text: str, files: str) -> str:
    """The text without words of at least eight characters, a digit among them, that stand in the files too.

    >>> blotted("Access denied for keystone with kei4eGh0ue7", "connection = mysql://keystone:kei4eGh0ue7@db/x")
    'Access denied for keystone with ***'
    """
    words = {word for word in _BETWEEN.split(files) if len(word) >= 8 and any(map(str.isdigit, word))}
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(word, "***")
    return text


def _failed(stage: JobStage, found: Found, saw: str) -> KollaError:
    command = " ".join(tidy(" ".join(stage.command), 1)) or "the image's own command"
    return KollaError(
        f"{stage.name}: {saw}",
        {
            "wanted": f"exit code 0 from {command}",
            "saw": saw,
            "container": describe(found),
            "log": log_lines(found, FAILED_LOG_LINES) or ["empty"],
        },
    )
