"""Tokens in use all the time: those issued before a change, and one more issued in each of its stages."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException

from kolla_iac.probe.stages import Stage, read

from .api import Fields, password
from .kept import SECRET, Kept

PAUSE = 0.05
"""Seconds between two questions: it is no load test."""


@dataclass
class Token:
    """One, and what it said when it was new."""

    issued: str
    text: str
    said: Fields


@dataclass
class Use:
    """What became of them."""

    kept: Kept
    tokens: list[Token]
    began: float
    ended: float = 0
    asked: list[tuple[float, float]] = field(default_factory=list)
    """When a token was validated: from, until."""
    wrong: list[str] = field(default_factory=list)

    def stages(self) -> list[Stage]:
        """What the timeline says to have run meanwhile; those that run still end now."""
        file = self.kept.cloud.home.data / "timeline" / f"{self.kept.cloud.name}.jsonl"
        return list(read(file.read_text().splitlines(), self.began, self.ended or time.time()))

    def valid(self, token: Token) -> None:
        """Asks with the administrator's token that was issued before."""
        began = time.time()
        try:
            said = self.kept.api.validated(token.text, self.tokens[0].text)
        except (AssertionError, OSError, HTTPException) as error:
            self.wrong.append(f"{began:.1f}, issued {token.issued}: {error}")
            return
        self.asked.append((began, time.time()))
        if said != token.said:
            self.wrong.append(f"{began:.1f}, issued {token.issued}: it says {said}, and said {token.said}")

    def issue(self, stage: str) -> None:
        """One more, by password, while a stage runs."""
        owner = self.kept.owners[2]
        try:
            text = self.kept.api.token(password(owner.user, SECRET), {"project": {"id": owner.project}})
            said = self.kept.api.validated(text, self.tokens[0].text)
        except (AssertionError, OSError, HTTPException) as error:
            self.wrong.append(f"{time.time():.1f}, none issued in {stage}: {error}")
        else:
            self.tokens.append(Token(f"in {stage}", text, said))

    def all_good(self) -> None:
        """None was ever refused or said anything else; all are valid now; and in every stage some were asked for.

        A stage may be shorter than a question and the pause before it.
        """
        for token in self.tokens:
            self.valid(token)
        assert self.wrong == [], "\n".join(self.wrong)
        print(f"tokens: {len(self.tokens)}, validated {len(self.asked)} times, never refused")
        for stage in self.stages():
            during = sum(1 for began, ended in self.asked if began <= stage.end and stage.start <= ended)
            print(f"  {stage.name:<24} {stage.end - stage.start:5.1f} s  {during:4} validated")
            assert during or stage.end - stage.start < 0.5, f"none was validated during {stage.name}"

    def go_on(self, over: threading.Event) -> None:
        """Until it is over: all tokens in turn, and one issued in every stage that has not had one."""
        seen: set[str] = set()
        while not over.is_set():
            for token in list(self.tokens):
                running = [one for one in self.stages() if one.outcome == "cut off"]
                for stage in running:
                    if stage.name not in seen:
                        seen.add(stage.name)
                        self.issue(stage.name)
                self.valid(token)
                if over.wait(PAUSE):
                    return


@contextmanager
def in_use(kept: Kept) -> Iterator[Use]:
    """Uses them from before the block until after it; the caller then says that all must have been good."""
    ways = kept.sign_in()
    tokens = [
        Token(f"before, {way}", text, kept.api.validated(text, ways["administrator"]))
        for way, text in ways.items()
    ]
    use, over = Use(kept, tokens, time.time()), threading.Event()
    thread = threading.Thread(target=use.go_on, args=(over,))
    thread.start()
    try:
        yield use
    finally:
        over.set()
        thread.join()
        use.ended = time.time()
