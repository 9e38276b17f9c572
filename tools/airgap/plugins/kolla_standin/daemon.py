"""One connection to a Docker daemon, shared by a provider's resource types."""

import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from .resource import ResourceError
from .tunnel import forwarded

_SECONDS = 600
"""Longest answer waited for: a stop with a long grace period, a pull."""

T = TypeVar("T")


class Daemon:
    """Connects when first used; an ``ssh://`` endpoint is reached through ``tunnel``."""

    def __init__(self, host: str) -> None:
        self.host = host
        self._lock = threading.Lock()
        self._client: Any = None

    @classmethod
    def of(cls, config: dict[str, Any]) -> "Daemon":
        """The daemon of a provider's configuration, by its ``host``, else DOCKER_HOST, else the local one."""
        return cls(config.get("host") or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")

    @property
    def client(self) -> Any:
        """A low-level ``docker.APIClient``.

        Raises:
            ResourceError: nothing answers there.
        """
        with self._lock:
            if self._client is None:
                from docker import APIClient
                from docker.errors import DockerException

                try:
                    here = forwarded(self.host) if self.host.startswith("ssh://") else self.host
                    self._client = APIClient(base_url=here, version="auto", timeout=_SECONDS, num_pools=64)
                except DockerException as error:
                    raise ResourceError(
                        f"Cannot connect to the Docker daemon at {self.host}. "
                        f"Is the docker daemon running? ({error})"
                    ) from error
            return self._client


def explained(what: str, call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call the daemon; its refusal becomes ``what: Error response from daemon: ...``, Docker's own form."""
    from docker.errors import APIError
    from requests.exceptions import RequestException

    try:
        return call(*args, **kwargs)
    except APIError as error:
        reason = error.explanation or error
        if isinstance(reason, bytes):
            reason = reason.decode(errors="replace")
        raise ResourceError(f"{what}: Error response from daemon: {reason}") from error
    except RequestException as error:
        raise ResourceError(f"{what}: {error}") from error


def tolerated(call: Callable[..., Any], *texts: str) -> bool:
    """Call, and take a refusal that holds one of ``texts`` (or a plain 404) for done. False: refused so."""
    from docker.errors import APIError, NotFound

    try:
        call()
    except NotFound:
        return False
    except APIError as error:
        if not any(text in str(error.explanation) for text in texts):
            raise
        return False
    return True
