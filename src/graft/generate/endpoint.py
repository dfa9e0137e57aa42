"""Endpoint: requests to an HTTP service, tried again where that may help, with clear errors."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import anyio
import httpx2
import stamina
from httpx2 import AsyncClient, Response

from graft.core.errors import ConfigError, RemoteError
from graft.generate.events import Events
from graft.generate.faults import error_of, meant, refused_parameters, retry_after

FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
"""Seconds between tries: the first doubles with each, up to the longest; chance adds some."""

CONNECT_SECONDS = 10.0

BUSY = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Statuses after which the same request may succeed."""

ENOUGH = 3
"""So many prompts that fail one after the other, each tried to the end, mean that it is down."""


class Refused(Exception):
    """This prompt was refused; the next may not be."""


class Again(Exception):
    """The same request may succeed, after `wait` seconds where the server says so."""

    def __init__(self, message: str, wait: float = 0.0, *, reached: bool = True) -> None:
        super().__init__(message)
        self.wait, self.reached = wait, reached


@dataclass
class Call:
    """What the prompts of one call share. `dropped` are parameters that the model does not take.

    `prompts` is how many there are: what fails all of them is the endpoint's error.
    """

    prompts: int = 1
    answered: bool = False
    failures: int = 0
    dropped: set[str] = field(default_factory=set)
    error: RemoteError | None = None

    def failure(self, message: str, *, tried: bool) -> Exception:
        """Return this prompt's error, or the endpoint's where it has failed for others too.

        `tried`: again and again, which is enough where nothing was ever answered.
        """
        self.failures += 1
        down = self.failures >= min(ENOUGH, self.prompts) or (tried and not self.answered)
        return RemoteError(message) if down else Refused(message)


@dataclass(frozen=True)
class Endpoint:
    """Where requests go: `url` is that of one operation; `timeout` in seconds a reply."""

    url: str
    api_key: str = field(repr=False)
    timeout: float
    retries: int

    def __post_init__(self) -> None:
        try:
            parsed = httpx2.URL(self.url)
        except httpx2.InvalidURL as error:
            raise ConfigError(
                f"generate.url is not a URL ({error}): write http://HOST/v1"
            ) from error
        if parsed.scheme not in {"http", "https"} or not parsed.host:
            raise ConfigError(f"generate.url is {self.shown!r}: write http://HOST:PORT/v1")
        if not (self.api_key.isascii() and self.api_key.isprintable()):
            raise ConfigError(
                "the key has characters that no HTTP header may hold, such as a letter with an "
                "accent or a line's end: set the variable that generate.api_key_env names anew"
            )

    def client(self) -> AsyncClient:
        """Return a client for one call, to be closed at its end."""
        url = httpx2.URL(self.url)
        # Without a handler of its own the standard library prints each retry to the terminal.
        retries = logging.getLogger("stamina")
        if not retries.handlers:
            retries.addHandler(logging.NullHandler())
        return AsyncClient(
            headers={"Authorization": f"Bearer {self.api_key}"} if self.api_key else {},
            timeout=httpx2.Timeout(self.timeout, connect=min(self.timeout, CONNECT_SECONDS)),
            # Without TLS there is nothing to verify, and loading the authorities takes a while.
            verify=url.scheme == "https",
            # A proxy of the environment cannot reach what runs on this machine.
            trust_env=not _is_local(url.host),
        )

    async def post(self, client: AsyncClient, call: Call, body: dict[str, Any]) -> Response:
        """Send a JSON body and return the response, read to its end unless it is a stream.

        Raises Refused for a fault of this request, and RemoteError for one of the endpoint.
        """
        try:
            async for attempt in stamina.retry_context(
                _wait, attempts=self.retries + 1, timeout=None, wait_initial=FIRST_WAIT,
                wait_max=LONGEST_WAIT, wait_jitter=FIRST_WAIT,
            ):  # fmt: skip
                with attempt:
                    return await self._send(client, call, body)
        except Again as error:
            if not error.reached:
                raise RemoteError(str(error)) from error
            raise call.failure(str(error), tried=True) from error
        raise AssertionError("stamina ends with a reply or an error")

    async def _send(self, client: AsyncClient, call: Call, body: dict[str, Any]) -> Response:
        while True:
            sent = _without(body, call.dropped)
            try:
                # httpx2's own timeout begins anew with each byte.
                with anyio.fail_after(self.timeout):
                    request = client.build_request("POST", self.url, json=sent)
                    response = await client.send(request, stream=True)
                    if not (response.is_success and is_stream(response)):
                        await response.aread()
            except UnicodeEncodeError as error:
                raise Refused(
                    "this prompt holds half of a surrogate pair, which is no character: remove it"
                ) from error
            except (TimeoutError, httpx2.TimeoutException) as error:
                raise Again(self._late()) from error
            except httpx2.HTTPError as error:
                raise Again(self._down(type(error).__name__), reached=False) from error
            status = meant(response, stream=is_stream(response))
            if status == 200:
                return response
            if status in {400, 422} and (unknown := refused_parameters(response, sent)):
                call.dropped |= unknown
                continue
            raise self._refusal(status, response)

    async def soon(self, events: AsyncGenerator[bytes, None]) -> bytes | None:
        """Return a stream's next event, or None at its end; raises TimeoutError when it is late."""
        with anyio.fail_after(self.timeout):
            return await anext(events, None)

    def _refusal(self, status: int, response: Response) -> Exception:
        error, said = error_of(response), self._said(response)
        if status in {401, 403}:
            return RemoteError(
                f"{self.shown} refused the key (status {status}): set the variable that "
                "generate.api_key_env names"
            )
        if status == 404 or status < 400:
            return RemoteError(
                f"{self.shown} does not have what was asked for (status {status}{said}): check "
                "generate.url, which mostly ends in /v1, and generate.model"
            )
        if "quota" in f"{error.get('code')} {error.get('type')}":
            return RemoteError(
                f"{self.shown} has no quota left for this key (status {status}{said}): add to it, "
                "or set the variable that generate.api_key_env names to another key"
            )
        if status in BUSY:
            return Again(
                f"{self.shown} failed with status {status}, {self.retries + 1} times{said}: "
                "look at its log, or try later",
                retry_after(response, LONGEST_WAIT),
            )
        return Refused(f"{self.shown} refused this prompt (status {status}{said})")

    @property
    def shown(self) -> str:
        """The URL as errors may show it."""
        # httpx2.URL hides a password; the user name and the query may hold a key as well.
        return str(httpx2.URL(self.url).copy_with(username=None, password=None, query=None))

    def _said(self, response: Response) -> str:
        """Return what the server said, for an error: one short line, never the key."""
        return self.words(error_of(response))

    def words(self, error: dict[str, Any]) -> str:
        """Return an error's words as errors may show them: one short line, never the key."""
        said = str(error.get("message") or "")
        said = said.replace(self.api_key, "...") if self.api_key else said
        return f": {' '.join(said.split())[:200]}" if said else ""

    def _late(self) -> str:
        return (
            f"{self.shown} did not answer within {self.timeout:g} s, {self.retries + 1} times: "
            "raise generate.timeout, or use a smaller model"
        )

    def _down(self, cause: str) -> str:
        return (
            f"{self.shown} cannot be reached ({cause}): start the server, or correct generate.url"
        )


def is_stream(response: Response) -> bool:
    """Return whether a response comes piece by piece, as server-sent events."""
    return "event-stream" in response.headers.get("content-type", "")


async def events_of(response: Response) -> AsyncGenerator[bytes, None]:
    """Yield the data of a stream's events as they come; raises httpx2.HTTPError."""
    events = Events()
    async with aclosing(response.aiter_bytes()) as chunks:
        async for chunk in chunks:
            for data in events.add(chunk):
                yield data
    for data in events.end():
        yield data


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _wait(error: Exception) -> bool | float:
    """Tell stamina whether to try again, and when if that is not its own to choose."""
    return isinstance(error, Again) and (error.wait or True)


def _without(body: dict[str, Any], dropped: set[str]) -> dict[str, Any]:
    kept = {name: value for name, value in body.items() if name not in dropped}
    if "max_tokens" in dropped:
        # The newer name of the same limit.
        kept["max_completion_tokens"] = body["max_tokens"]
    return kept
