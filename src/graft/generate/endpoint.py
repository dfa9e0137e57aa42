"""Endpoint: requests to an HTTP service, tried again where that may help, with clear errors."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from threading import Event, Timer
from typing import Any

import httpx

from graft.core.errors import ConfigError, RemoteError

FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
"""Seconds between tries: the first doubles with each, up to the longest, half of it by chance."""

CONNECT_SECONDS = 10.0

BUSY = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Statuses after which the same request may succeed."""

ENOUGH = 3
"""So many prompts that fail one after the other, each tried to the end, mean that it is down."""


class Refused(Exception):
    """This prompt was refused; the next may not be."""


@dataclass
class Call:
    """What the threads of one call share. `dropped` are parameters that the model does not know."""

    answered: bool = False
    failures: int = 0
    dropped: set[str] = field(default_factory=set)
    stopped: Event = field(default_factory=Event)
    lines: list[Line] = field(default_factory=list)

    def give_up(self) -> None:
        """Let nothing more be asked for, and end at once what is being waited for."""
        self.stopped.set()
        for line in self.lines:
            line.cut()


@dataclass
class Line:
    """One thread's way to the endpoint: a client with one connection, which any thread may cut."""

    call: Call
    client: httpx.Client
    held: socket.socket | None = None
    late: bool = False

    def send(self, url: str, body: dict[str, Any], *, stream: bool) -> httpx.Response:
        """Post a JSON body and return the response, read to its end unless it is a stream.

        Raises httpx.HTTPError: a ReadTimeout when it takes longer than the client's timeout as a
        whole, however often a byte of it comes. Raises UnicodeEncodeError for half a character.
        """
        self.late = False
        request = self.client.build_request(
            "POST", url, json=body, extensions={"trace": self._note}
        )
        timer = Timer(self.client.timeout.read or 0.0, self._expire)
        timer.daemon = True
        timer.start()
        try:
            response = self.client.send(request, stream=True)
            if not (stream and response.is_success and is_stream(response)):
                with closing(response):
                    response.read()
        except httpx.HTTPError as error:
            if self.late:
                raise httpx.ReadTimeout("the reply is late", request=request) from error
            raise
        finally:
            timer.cancel()
        if self.late:
            # A reply whose length was not announced ends well where it is cut.
            response.close()
            raise httpx.ReadTimeout("the reply is late", request=request)
        return response

    def cut(self) -> None:
        """End the request under way; a later one makes a connection of its own."""
        if self.held is not None:
            with suppress(OSError):
                # Closing it would not wake the thread that waits for its next byte.
                socket.socket.shutdown(self.held, socket.SHUT_RDWR)

    def _expire(self) -> None:
        self.late = True
        self.cut()

    def _note(self, event: str, info: Mapping[str, Any]) -> None:
        """Keep the socket of a connection that was just made: httpcore's trace tells of it."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self.held = info["return_value"].get_extra_info("socket")
            if self.late or self.call.stopped.is_set():
                self.cut()


@dataclass(frozen=True)
class Endpoint:
    """Where requests go: `url` is that of one operation; `timeout` in seconds a reply.

    `sleep` waits between tries; by default until the call is given up, at the longest.
    """

    url: str
    api_key: str = field(repr=False)
    timeout: float
    retries: int
    sleep: Callable[[float], object] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        try:
            parsed = httpx.URL(self.url)
        except httpx.InvalidURL as error:
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

    @contextmanager
    def line(self, call: Call) -> Iterator[Line]:
        """Open a line for one thread of a call, and close it at the end."""
        with self._client() as client:
            line = Line(call, client)
            call.lines.append(line)
            yield line

    def _client(self) -> httpx.Client:
        url = httpx.URL(self.url)
        headers = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        return httpx.Client(
            headers=headers,
            timeout=httpx.Timeout(self.timeout, connect=min(self.timeout, CONNECT_SECONDS)),
            # Without TLS there is nothing to verify, and loading the authorities takes a while.
            verify=url.scheme == "https",
            # A proxy of the environment cannot reach what runs on this machine.
            trust_env=not _is_local(url.host),
        )

    def post(self, line: Line, body: dict[str, Any], *, stream: bool = False) -> httpx.Response:
        """Send a JSON body and return the response; with `stream`, before a stream's content.

        Raises Refused for a fault of this request, and RemoteError for one of the endpoint.
        """
        call = line.call
        chance = random.Random()
        attempt = 0
        while True:
            if call.stopped.is_set():
                raise Refused("the call was given up")
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2**attempt) * (0.5 + chance.random() / 2)
            last = attempt == self.retries
            sent = _without(body, call.dropped)
            try:
                response = line.send(self.url, sent, stream=stream)
            except UnicodeEncodeError as error:
                raise Refused(
                    "this prompt holds half of a surrogate pair, which is no character: remove it"
                ) from error
            except httpx.TimeoutException as error:
                if last:
                    raise self._failure(call, self._late()) from error
            except httpx.HTTPError as error:
                if last:
                    raise RemoteError(self._down(error)) from error
            else:
                if response.status_code < 300:
                    call.answered, call.failures = True, 0
                    return response
                if unknown := _unknown(response) & set(sent):
                    call.dropped |= unknown
                    continue
                if response.status_code not in BUSY or last:
                    raise self._refusal(call, response)
                wait = _retry_after(response) or wait
            (self.sleep or call.stopped.wait)(wait)
            attempt += 1

    def _refusal(self, call: Call, response: httpx.Response) -> Exception:
        status, said = response.status_code, self._message(response)
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
        if status in BUSY:
            return self._failure(
                call,
                f"{self.shown} failed with status {status}, {self.retries + 1} times{said}: "
                "look at its log, or try later",
            )
        return Refused(f"{self.shown} refused this prompt (status {status}{said})")

    def _failure(self, call: Call, message: str) -> Exception:
        """Return this prompt's error, or the endpoint's where it has failed for others too."""
        call.failures += 1
        down = not call.answered or call.failures >= ENOUGH
        return RemoteError(message) if down else Refused(message)

    @property
    def shown(self) -> str:
        """The URL as errors may show it."""
        # httpx.URL hides a password; the user name and the query may hold a key as well.
        return str(httpx.URL(self.url).copy_with(username=None, password=None, query=None))

    def _message(self, response: httpx.Response) -> str:
        """Return what the server said, for an error: one short line, never the key."""
        try:
            error = response.json()["error"]
            said = str(error["message"] if isinstance(error, dict) else error)
        except (ValueError, KeyError, TypeError):
            return ""
        said = said.replace(self.api_key, "...") if self.api_key else said
        return f": {' '.join(said.split())[:200]}"

    def _late(self) -> str:
        return (
            f"{self.shown} did not answer within {self.timeout:g} s, {self.retries + 1} times: "
            "raise generate.timeout, or use a smaller model"
        )

    def _down(self, error: httpx.HTTPError) -> str:
        return (
            f"{self.shown} cannot be reached ({type(error).__name__}): start the server, "
            "or correct generate.url"
        )


def is_stream(response: httpx.Response) -> bool:
    """Return whether a response comes piece by piece, as server-sent events."""
    return "event-stream" in response.headers.get("content-type", "")


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _retry_after(response: httpx.Response) -> float:
    """Return how long the server asks to wait: seconds, or a date against its own clock."""
    value = response.headers.get("retry-after", "")
    try:
        return min(max(float(value), 0.0), LONGEST_WAIT)
    except ValueError:
        pass
    try:
        now = parsedate_to_datetime(response.headers["date"])
        return min(max((parsedate_to_datetime(value) - now).total_seconds(), 0.0), LONGEST_WAIT)
    except (KeyError, ValueError, TypeError):
        return 0.0


def _unknown(response: httpx.Response) -> set[str]:
    """Return the parameters that a model says it does not take, of those it can do without."""
    if response.status_code != 400:
        return set()
    try:
        named = str(response.json()["error"]["param"])
    except (ValueError, KeyError, TypeError):
        return set()
    return {named} & {"max_tokens", "temperature", "seed"}


def _without(body: dict[str, Any], dropped: set[str]) -> dict[str, Any]:
    kept = {name: value for name, value in body.items() if name not in dropped}
    if "max_tokens" in dropped:
        # The newer name of the same limit.
        kept["max_completion_tokens"] = body["max_tokens"]
    return kept
