"""Faults: what an endpoint's reply says went wrong, in whatever form its server says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from httpx2 import Response

SPARE = re.compile(r"(?<![^\W_])(temperature|seed)(?![^\W_])", re.IGNORECASE)
"""Parameters that a request can do without, as servers' words name those that they do not take."""

_QUOTED = re.compile(r"[\"'`‘“](temperature|seed)[\"'`’”]", re.IGNORECASE)
_NAMES = (
    (429, r"too.?many.?requests|rate.?limit|resource.?exhausted|throttl"),
    (529, r"overloaded"),
    (503, r"(?:service.?)?unavailable"),
    (401, r"unauthori[sz]ed|unauthenticated|authentication|invalid.?api.?key"),
    (404, r"(?:model|route|path).?not.?found|no such model"),
    (504, r"(?:gateway|upstream).?time.?out|deadline.?exceeded"),
    (500, r"(?:internal.?)?server.?error|^internal\b"),
)  # fmt: skip
_STATUS = tuple((status, re.compile(words, re.IGNORECASE)) for status, words in _NAMES)


def error_of(response: Response) -> dict[str, Any]:
    """Return what a reply says went wrong: its `message`, and what else its server tells."""
    try:
        reply = response.json()
    except ValueError:
        text = response.text.strip()
        failed = not response.is_success and not text.startswith("<")
        return {"message": text} if failed and text else {}
    return error_in(reply, failed=not response.is_success)


def error_in(reply: Any, *, failed: bool = False) -> dict[str, Any]:
    """Return the error that a reply's JSON holds; an empty one where it holds none.

    >>> error_in({"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs"}]})["message"]
    'body.seed: Extra inputs'
    """
    if isinstance(reply, list) and len(reply) == 1:
        (reply,) = reply
    if not isinstance(reply, dict):
        return {"message": str(reply)} if failed and reply else {}
    for name in ("error", "errors", "detail", "details"):
        if found := reply.get(name):
            inner = found if isinstance(found, dict) else {}
            outer = {key: value for key, value in reply.items() if not isinstance(value, dict)}
            return outer | inner | {"message": _words(found)}
    choice = (reply.get("choices") or [None])[0] if isinstance(reply.get("choices"), list) else None
    if isinstance(choice, dict) and choice.get("error"):
        return error_in({"error": choice["error"]})
    if failed or reply.get("object") == "error" or reply.get("type") == "error":
        return dict(reply) | {"message": _words(reply)}
    if "choices" not in reply and reply.get("message") and _code(reply):
        return dict(reply) | {"message": _words(reply)}
    return {}


def status_of(error: Mapping[str, Any]) -> int:
    """Return the status that an error means, which came with status 200.

    >>> status_of({"message": "Too Many Requests", "code": "rate_limit_exceeded"})
    429
    """
    if code := _code(error):
        return code
    told = " ".join(str(error.get(key) or "") for key in ("code", "type", "status", "message"))
    return next((status for status, words in _STATUS if words.search(told)), 400)


def meant(response: Response, *, stream: bool) -> int:
    """Return the status that a reply means: some send an error with status 200."""
    if not response.is_success:
        return response.status_code
    error = {} if stream else error_of(response)
    return status_of(error) if error else 200


def refused_parameters(response: Response, sent: Mapping[str, Any]) -> set[str]:
    """Return the parameters that a model says it does not take, of those it can do without."""
    error = error_of(response)
    named = {str(error.get("param"))} & {"max_tokens", "temperature", "seed"}
    if "max_completion_tokens" in response.text:
        named |= {"max_tokens"}
    # A server may quote the prompt, and its words are no names of parameters.
    asked = " ".join(str(turn["content"]) for turn in sent["messages"])
    for names in (SPARE, _QUOTED):
        found, own = ({n.lower() for n in names.findall(text)} for text in (response.text, asked))
        named |= found - own
    return named & set(sent)


def retry_after(response: Response, longest: float) -> float:
    """Return how long the server asks to wait: seconds, or a date against its own clock."""
    value = response.headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            now = parsedate_to_datetime(response.headers["date"])
            seconds = (parsedate_to_datetime(value) - now).total_seconds()
        except (KeyError, ValueError, TypeError):
            return 0.0
    return min(max(seconds, 0.0), longest)


def _code(error: Mapping[str, Any]) -> int:
    """The HTTP status that an error gives as a number, or 0."""
    for key in ("code", "status", "status_code", "statusCode", "http_status"):
        value = str(error.get(key) or "")
        if value.isdecimal() and 400 <= int(value) < 600:
            return int(value)
    return 0


def _words(found: Any) -> str:
    """The words of an error, from whatever holds them."""
    if isinstance(found, list):
        return "; ".join(filter(None, map(_words, found)))
    if not isinstance(found, dict):
        return str(found or "")
    place = found.get("loc")
    where = ".".join(map(str, place)) if isinstance(place, list) else ""
    for key in (
        "message",
        "msg",
        "error",
        "detail",
        "reason",
        "title",
        "description",
        "type",
        "code",
    ):
        if found.get(key):
            return f"{where}: {_words(found[key])}" if where else _words(found[key])
    return ""
