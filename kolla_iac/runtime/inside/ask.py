"""An exchange of HTTP requests, tried until every answer is as expected. Runs inside a container.

Request: ``steps`` (as ``kolla_iac.model.waits.HttpStep``), ``names`` (``{name}`` -> value), ``seconds`` (how long
to try; a try under way is finished), ``interval``. Answer: ``ok``, ``tries``, ``saw`` (what was seen last, e.g.
``HTTP 500 from POST /v3/auth/tokens``), ``times`` (how often in a row), ``at`` (clock of the last), ``body``
(start of the last wrong answer, with everything that was sent blotted out).
"""

import http.client
import json
import re
import time
from typing import Any
from urllib.parse import urlsplit

BODY_LIMIT = 300


class Unexpected(Exception):
    """An answer, or none, that is not what was wanted."""

    def __init__(self, saw: str, body: str = "") -> None:
        super().__init__(saw)
        self.body = body


def fill(value: Any, names: dict[str, str]) -> Any:
    """The value with ``{name}`` replaced, at any depth; names that are not known stay as they are."""
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], found[0]), value)
    if isinstance(value, dict):
        return {fill(key, names): fill(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, names) for item in value]
    return value


def strings(value: Any) -> list[str]:
    """Every text and number in a JSON value, as text."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


def blot(text: str, sent: list[str]) -> str:
    """The text without anything of at least four characters that was sent, on one line and not too long."""
    forms = {form for value in sent if len(value) >= 4 for form in (value, json.dumps(value)[1:-1])}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "***")
    text = " ".join(text.split())
    return text if len(text) <= BODY_LIMIT else text[:BODY_LIMIT] + "..."


def capture(rule: str, headers: Any, body: bytes) -> str:
    """``header:X-Subject-Token`` or ``json:token.user.id`` of an answer; KeyError if it is not there."""
    kind, _, path = rule.partition(":")
    if kind == "header":
        value = headers.get(path)
    else:
        value = json.loads(body)
        for part in path.split("."):
            value = value[int(part)] if isinstance(value, list) else value[part]
    if value is None:
        raise KeyError(path)
    return str(value)


def ask(step: dict[str, Any], names: dict[str, str]) -> None:
    """One request; what it captures is added to the names.

    Raises:
        Unexpected: no answer, another status, or nothing to capture.
    """
    url = urlsplit(fill(step["url"], names))
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    headers = fill(step["headers"], names)
    body = None
    if step["body"] is not None:
        body = json.dumps(fill(step["body"], names)).encode()
        headers = {"Content-Type": "application/json", **headers}
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    where = f"{step['method']} {url.path or '/'}"
    connection = kind(url.hostname or "", url.port, timeout=step["timeout"])
    try:
        connection.request(step["method"], path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise Unexpected(f"no answer to {where} ({type(error).__name__}: {error})") from None
    finally:
        connection.close()
    if answer.status not in step["expect"]:
        sent = [*names.values(), *headers.values(), *strings(fill(step["body"], names))]
        raise Unexpected(f"HTTP {answer.status} from {where}", blot(content.decode(errors="replace"), sent))
    for name, rule in step["capture"].items():
        try:
            names[name] = capture(rule, answer.headers, content)
        except (KeyError, IndexError, TypeError, ValueError):
            raise Unexpected(f"HTTP {answer.status} from {where} without {rule}") from None


def main(request: dict[str, Any]) -> dict[str, Any]:
    """Tries the exchange until it succeeds or the time is over."""
    end = time.monotonic() + request["seconds"]
    tries = times = 0
    saw = ""
    while True:
        tries += 1
        names = dict(request["names"])
        try:
            for step in request["steps"]:
                ask(step, names)
        except Unexpected as error:
            times = times + 1 if str(error) == saw else 1
            saw, body = str(error), error.body
        else:
            return {"ok": True, "tries": tries}
        if time.monotonic() + request["interval"] > end:
            at = time.time()
            return {"ok": False, "tries": tries, "saw": saw, "times": times, "at": at, "body": body}
        time.sleep(request["interval"])
