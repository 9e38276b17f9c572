"""What every stage is given."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from kolla_iac.model.balancer import BalancerConfig
from kolla_iac.model.stage import ImagesStage
from kolla_iac.runtime.hosts import Hosts
from kolla_iac.runtime.interrupts import Interrupts
from kolla_iac.waiting import Waiting, waiting

Slots = Mapping[str, Mapping[str, str]]
"""Backend -> slot -> name of the container that stands there."""


@dataclass(frozen=True)
class Tools:
    """Work of rooms that runtime does not import; the command line brings them together."""

    render: Callable[[BalancerConfig, Slots], str]
    """``kolla_iac.render.haproxy.render``"""
    describe: Callable[[BalancerConfig], str]
    """``kolla_iac.render.haproxy.description``"""
    beside: Callable[[], Mapping[str, str]]
    """``kolla_iac.render.haproxy.beside``"""
    images: Callable[[ImagesStage, Callable[[str], None]], None]
    """``kolla_iac.images.ensure``"""


@dataclass
class Context:
    """The hosts of the stage, what it prints to, and whether it should stop."""

    hosts: Hosts
    tools: Tools
    write: Callable[[str], None]
    interrupts: Interrupts = field(default_factory=Interrupts)
    _last: float = field(default_factory=time.monotonic)

    def say(self, step: str) -> None:
        """Prints a step that is done, with the seconds that it took."""
        now = time.monotonic()
        self.write(f"{now - self._last:6.1f} s  {step}")
        self._last = now

    @contextmanager
    def waiting(self, what: str, limit: float = 0.0) -> Iterator[Waiting]:
        """Prints every few seconds, inside the block, what is waited for, how long already, and what was seen last.

        Args:
            limit: seconds after which it is given up; 0: nobody does.
        """
        with waiting(what, self._still, limit) as one:
            yield one

    def _still(self, text: str) -> None:
        self.write(f"{time.monotonic() - self._last:6.1f} s  {text}")
