"""RemoteGenerator against a real HTTP server on this machine."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest
import stamina
import stamina.instrumentation

from graft.core.errors import ConfigError, RemoteError
from graft.core.generation import Decoding, Prompt
from graft.core.protocols import Generator, Streams
from graft.generate.endpoint import LONGEST_WAIT
from graft.generate.faults import retry_after
from graft.generate.remote import RemoteGenerator

ASK: Prompt = [{"role": "user", "content": "How many leave days carry over?"}]
DECODING = Decoding(max_new_tokens=7, seed=3, stop=("\n",))
KEY = "sk-secret-4711"


@dataclass
class Server:
    """Answers request number i with `replies[i]`, and with the last one ever after."""

    replies: list[Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]]
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    def generator(self, **given: Any) -> tuple[RemoteGenerator, list[float]]:
        """A generator, and the list that will hold how long it waited before each new try."""
        waits: list[float] = []
        stamina.instrumentation.set_on_retry_hooks([lambda it: waits.append(it.wait_for)])
        given = {"api_key": KEY, "timeout": 5.0, "parallel": 1} | given
        return RemoteGenerator(self.url, "tiny", **given), waits


@pytest.fixture(autouse=True)
def hurry() -> Iterator[None]:
    """Tries follow each other at once; set_testing(False) is for tests of the waits themselves."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield
    stamina.instrumentation.set_on_retry_hooks(None)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    running: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(*replies: Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]) -> Server:
        server = Server(list(replies))

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                server.requests.append({"path": self.path, **body})
                server.headers.append({name.lower(): value for name, value in self.headers.items()})
                reply = server.replies[min(len(server.requests), len(server.replies)) - 1]
                reply(self, body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        http.daemon_threads = True
        thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        running.append((http, thread))
        server.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
        return server

    yield start
    for http, thread in running:
        http.shutdown()
        http.server_close()
        thread.join()


def send(
    handler: BaseHTTPRequestHandler, status: int, body: str, kind: str = "application/json",
    **headers: str,
) -> None:  # fmt: skip
    data = body.encode()
    handler.send_response(status)
    handler.send_header("content-type", kind)
    handler.send_header("content-length", str(len(data)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(data)


def says(text: str, reason: str = "stop") -> Callable[..., None]:
    reply = {
        "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": reason}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3},
    }
    return lambda handler, body: send(handler, 200, json.dumps(reply))


def fails(status: int, message: str = "no", param: str = "", **headers: str) -> Callable[..., None]:
    error = json.dumps({"error": {"message": message, "param": param}})
    return lambda handler, body: send(handler, status, error, **headers)


def streams(*lines: str) -> Callable[..., None]:
    text = "".join(f"{line}\n\n" for line in lines)
    return lambda handler, body: send(handler, 200, text, "text/event-stream")


def piece(text: str | None, reason: str | None = None) -> str:
    event = {"choices": [{"delta": {"content": text}, "finish_reason": reason}]}
    return f"data: {json.dumps(event)}"


def test_a_prompt_is_answered_with_usage_and_reason(serve: Callable[..., Server]) -> None:
    server = serve(says("Five days."), says("Five", "length"))
    generator, waits = server.generator()
    found = generator.generate([ASK, ASK], DECODING)
    assert [(g.text, g.finish_reason) for g in found] == [
        ("Five days.", "stop"),
        ("Five", "length"),
    ]
    assert (found[0].prompt_tokens, found[0].new_tokens) == (12, 3)
    assert waits == []
    assert server.requests[0] == {
        "path": "/v1/chat/completions", "model": "tiny", "messages": ASK, "seed": 3,
        "max_tokens": 7, "temperature": 0.0, "stop": ["\n"],
    }  # fmt: skip
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    protocol: Generator = generator
    assert isinstance(protocol, Streams)
    assert not generator.replayable


def test_answers_keep_the_order_and_four_are_asked_at_once(serve: Callable[..., Server]) -> None:
    together = threading.Barrier(4, timeout=20)

    def echo(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        together.wait()
        says(body["messages"][0]["content"])(handler, body)

    generator, _ = serve(echo).generator(parallel=4, timeout=30.0, retries=0)
    prompts: list[Prompt] = [[{"role": "user", "content": str(i)}] for i in range(12)]
    assert [g.text for g in generator.generate(prompts, DECODING)] == [str(i) for i in range(12)]


def test_a_failing_server_is_asked_again_with_growing_waits(serve: Callable[..., Server]) -> None:
    server = serve(fails(500), fails(503), says("yes"))
    generator, waits = server.generator()
    with stamina.set_testing(False):
        assert generator.generate([ASK], DECODING)[0].text == "yes"
    assert len(server.requests) == 3
    assert 0.5 <= waits[0] <= 1.0 <= waits[1] <= 1.5


def test_retry_after_is_honoured(serve: Callable[..., Server]) -> None:
    server = serve(fails(429, retry_after="0.2"), says("yes"))
    generator, waits = server.generator()
    with stamina.set_testing(False):
        assert generator.generate([ASK], DECODING)[0].text == "yes"
    assert waits == [0.2]


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("7", 7.0),
        ("900", 30.0),
        ("Wed, 21 Oct 2026 07:28:09 GMT", 9.0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 30.0),
        ("Wed, 21 Oct 2020 07:28:00 GMT", 0.0),
        ("soon", 0.0),
    ],
)
def test_a_wait_is_asked_for_in_seconds_or_as_a_date(asked: str, seconds: float) -> None:
    now = "Wed, 21 Oct 2026 07:28:00 GMT"
    reply = httpx2.Response(429, headers={"retry-after": asked, "date": now})
    assert retry_after(reply, LONGEST_WAIT) == seconds


def test_a_server_that_is_slow_is_given_up_with_an_error(serve: Callable[..., Server]) -> None:
    def sleep(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        time.sleep(0.5)

    server = serve(sleep)
    generator, waits = server.generator(timeout=0.1, retries=1)
    with pytest.raises(RemoteError, match=r"did not answer within 0.1 s, 2 times.*timeout"):
        generator.generate([ASK], DECODING)
    assert len(waits) == 1


def drips(head: bytes) -> Callable[..., None]:
    """Send `head` at once and then a space every 20 ms, until nobody listens."""

    def drip(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        handler.close_connection = True
        try:
            handler.wfile.write(head)
            for _ in range(500):
                time.sleep(0.02)
                handler.wfile.write(b" ")
        except OSError:
            pass

    return drip


JSON = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@pytest.mark.parametrize(
    "head",
    [JSON + b"x-slow:", JSON + b"content-length: 5000\r\n\r\n", JSON + b"\r\n"],
    ids=["headers", "body", "body of unknown length"],
)
def test_a_reply_that_drips_is_given_up_with_an_error(
    serve: Callable[..., Server], head: bytes
) -> None:
    server = serve(drips(head))
    generator, waits = server.generator(timeout=0.2, retries=1)
    for ask in (
        lambda: generator.generate([ASK], DECODING),
        lambda: list(generator.stream(ASK, DECODING)),
    ):
        started = time.monotonic()
        with pytest.raises(RemoteError, match=r"did not answer within 0.2 s, 2 times"):
            ask()
        assert time.monotonic() - started < 4
    assert len(waits) == 2


def test_after_a_reply_that_drips_the_next_prompt_is_answered(
    serve: Callable[..., Server],
) -> None:
    server = serve(says("one"), drips(JSON + b"x-slow:"), says("three"))
    generator, _ = server.generator(timeout=0.5, retries=0)
    found = generator.generate([ASK] * 3, DECODING)
    assert [g.text for g in found] == ["one", "", "three"]
    assert "did not answer within 0.5 s" in found[1].error


def test_a_stream_may_take_longer_than_a_reply(serve: Callable[..., Server]) -> None:
    def slowly(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        handler.close_connection = True
        handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        for number in range(8):
            time.sleep(0.1)
            handler.wfile.write(f"{piece(str(number))}\n\n".encode())
        handler.wfile.write(b"data: [DONE]\n\n")

    generator, _ = serve(slowly).generator(timeout=0.5)
    assert "".join(generator.stream(ASK, DECODING)) == "01234567"


def hangs(seen: threading.Event, release: threading.Event) -> Callable[..., None]:
    def hang(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        seen.set()
        release.wait(20)
        handler.close_connection = True

    return hang


def refuses_the_key_after(seen: threading.Event) -> Callable[..., None]:
    def refuse(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        seen.wait(20)
        fails(401)(handler, body)

    return refuse


def left(before: set[threading.Thread], seconds: float = 3.0) -> list[threading.Thread]:
    """The threads of a generator that are still there."""
    until = time.monotonic() + seconds
    while True:
        news = set(threading.enumerate()) - before
        found = [thread for thread in news if thread.name.startswith(("asyncio", "AnyIO"))]
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.02)


def test_giving_up_does_not_wait_for_what_hangs(serve: Callable[..., Server]) -> None:
    seen, release = threading.Event(), threading.Event()
    server = serve(hangs(seen, release), refuses_the_key_after(seen))
    generator = RemoteGenerator(server.url, "tiny", timeout=15.0, parallel=2)
    before, started = set(threading.enumerate()), time.monotonic()
    with pytest.raises(RemoteError, match="refused the key"):
        generator.generate([ASK] * 9, DECODING)
    assert time.monotonic() - started < 5
    assert left(before) == []
    assert len(server.requests) == 2
    release.set()


def test_giving_up_does_not_wait_for_the_next_try(serve: Callable[..., Server]) -> None:
    seen = threading.Event()

    def busy(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        fails(503, retry_after="15")(handler, body)
        seen.set()

    server = serve(busy, refuses_the_key_after(seen))
    generator = RemoteGenerator(server.url, "tiny", parallel=2)
    before, started = set(threading.enumerate()), time.monotonic()
    with stamina.set_testing(False), pytest.raises(RemoteError, match="refused the key"):
        generator.generate([ASK] * 2, DECODING)
    assert time.monotonic() - started < 5
    assert left(before) == []
    assert len(server.requests) == 2


def test_an_interrupt_ends_the_process_while_requests_hang(serve: Callable[..., Server]) -> None:
    seen, release = threading.Event(), threading.Event()
    server = serve(hangs(seen, release))
    script = f"""
import signal
from graft.core.generation import Decoding
from graft.generate.remote import RemoteGenerator
# A shell's background processes are born deaf to it.
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    RemoteGenerator({server.url!r}, "tiny", timeout=18.0).generate([{ASK!r}] * 3, Decoding())
except KeyboardInterrupt:
    print("stopped")
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert seen.wait(30)
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert out == b"stopped\n"
    assert time.monotonic() - started < 8
    release.set()


def test_a_server_that_is_down_is_named_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    generator = RemoteGenerator(url, "tiny", retries=1)
    for ask in (
        lambda: generator.generate([ASK] * 5, DECODING),
        lambda: list(generator.stream(ASK, DECODING)),
    ):
        with pytest.raises(RemoteError, match=rf"{url}.*cannot be reached.*start the server"):
            ask()


def test_a_refused_prompt_is_its_own_error(serve: Callable[..., Server]) -> None:
    server = serve(says("one"), fails(400, "too long"), says("three"))
    generator, waits = server.generator()
    found = generator.generate([ASK] * 3, DECODING)
    assert [g.text for g in found] == ["one", "", "three"]
    assert found[1].finish_reason == "error"
    assert "too long" in found[1].error
    assert waits == []


def test_one_prompt_that_breaks_the_server_is_its_own_error(serve: Callable[..., Server]) -> None:
    server = serve(says("one"), fails(500), fails(500), says("three"))
    generator, _ = server.generator(retries=1)
    found = generator.generate([ASK] * 3, DECODING)
    assert [g.finish_reason for g in found] == ["stop", "error", "stop"]
    assert "status 500, 2 times" in found[1].error


def test_a_server_that_stops_working_ends_the_batch(serve: Callable[..., Server]) -> None:
    server = serve(says("one"), fails(500))
    generator, _ = server.generator(retries=0)
    with pytest.raises(RemoteError, match="failed with status 500"):
        generator.generate([ASK] * 100, DECODING)
    assert len(server.requests) < 10


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "api_key_env"), (403, "api_key_env"), (404, "generate.url"), (302, "generate.url")],
)
def test_what_no_prompt_can_mend_is_raised(
    serve: Callable[..., Server], status: int, words: str
) -> None:
    server = serve(fails(status, f"bad key {KEY}"))
    generator, _ = server.generator()
    with pytest.raises(RemoteError, match=words) as caught:
        generator.generate([ASK], DECODING)
    assert KEY not in str(caught.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", ["<html>", "{}", '{"choices": []}', '{"choices": [{}]}', "[1]"])
def test_a_reply_of_another_kind_is_named(serve: Callable[..., Server], body: str) -> None:
    generator, _ = serve(lambda handler, _: send(handler, 200, body)).generator()
    with pytest.raises(RemoteError, match="sent no chat completion"):
        generator.generate([ASK], DECODING)


@pytest.mark.parametrize("event", ['{"choices": []}', "{}"])
def test_a_stream_without_an_answer_is_the_same_error(
    serve: Callable[..., Server], event: str
) -> None:
    generator, _ = serve(streams(f"data: {event}", "data: [DONE]")).generator()
    with pytest.raises(RemoteError, match="sent no chat completion"):
        list(generator.stream(ASK, DECODING))


def test_one_broken_reply_is_its_own_error(serve: Callable[..., Server]) -> None:
    broken = lambda handler, _: send(handler, 200, "<html>", "text/html")  # noqa: E731
    server = serve(says("one"), broken, says("three"))
    generator, _ = server.generator()
    found = generator.generate([ASK] * 3, DECODING)
    assert [g.text for g in found] == ["one", "", "three"]
    assert "sent no chat completion" in found[1].error
    with pytest.raises(RemoteError, match="sent no chat completion"):
        serve(says("one"), broken).generator()[0].generate([ASK] * 9, DECODING)


def test_an_error_with_status_200_counts_as_what_it_says(serve: Callable[..., Server]) -> None:
    def hides(code: object, message: str) -> Callable[..., None]:
        error = json.dumps({"error": {"message": message, "code": code}})
        return lambda handler, _: send(handler, 200, error)

    server = serve(says("one"), hides(429, "Too Many Requests"), says("two"))
    generator, waits = server.generator()
    assert [g.text for g in generator.generate([ASK] * 2, DECODING)] == ["one", "two"]
    assert len(waits) == 1
    for reply, words in (
        (hides(429, "Too Many Requests"), "status 429, 1 times: Too Many Requests"),
        (hides("bad_request", "no such thing"), "refused this prompt.*no such thing"),
    ):
        generator, _ = serve(says("one"), reply).generator(retries=0)
        assert re.search(words, generator.generate([ASK] * 2, DECODING)[1].error)
    assert list(serve(hides(429, "wait"), says("yes")).generator()[0].stream(ASK, DECODING))


def test_an_empty_answer_at_the_limit_names_it(serve: Callable[..., Server]) -> None:
    reply = {
        "choices": [
            {
                "message": {"content": None, "reasoning_content": "Well, the staff..."},
                "finish_reason": "length",
            }
        ]
    }
    whole = serve(lambda handler, _: send(handler, 200, json.dumps(reply))).generator()[0]
    found = whole.generate([ASK], DECODING)[0]
    assert found.finish_reason == "error" and "generate.max_new_tokens" in found.error
    streamed = serve(streams(piece(None), piece("", "length"), "data: [DONE]")).generator()[0]
    for generator in (whole, streamed):
        with pytest.raises(RemoteError, match=r"generate\.max_new_tokens"):
            list(generator.stream(ASK, DECODING))
    assert serve(says("", "stop")).generator()[0].generate([ASK], DECODING)[0].error == ""


def test_an_answer_in_parts_is_joined(serve: Callable[..., Server]) -> None:
    parts: Any = [{"type": "text", "text": "Five "}, {"type": "image"}, {"text": "days."}]
    generator, _ = serve(says(parts)).generator()
    assert generator.generate([ASK], DECODING)[0].text == "Five days."
    generator, _ = serve(streams(piece(parts, "stop"))).generator()
    assert list(generator.stream(ASK, DECODING)) == ["Five days."]


def test_a_withheld_answer_is_an_error(serve: Callable[..., Server]) -> None:
    generator, _ = serve(says("", "content_filter")).generator()
    assert generator.generate([ASK], DECODING)[0].finish_reason == "error"


def test_a_streamed_answer_that_is_withheld_is_raised(serve: Callable[..., Server]) -> None:
    lines = piece("How to"), piece(None, "content_filter"), "data: [DONE]"
    for reply in (streams(*lines), says("", "content_filter")):
        generator, _ = serve(reply).generator()
        with pytest.raises(RemoteError, match="withheld the answer"):
            list(generator.stream(ASK, DECODING))


def test_parameters_that_a_model_does_not_take_are_left_out(serve: Callable[..., Server]) -> None:
    server = serve(
        fails(400, "use max_completion_tokens", "max_tokens"),
        fails(400, "unsupported value", "temperature"),
        says("yes"),
    )
    generator, waits = server.generator()
    assert [g.text for g in generator.generate([ASK] * 2, DECODING)] == ["yes", "yes"]
    for request in server.requests[2:]:
        assert request["max_completion_tokens"] == 7
        assert "max_tokens" not in request
        assert "temperature" not in request
    assert len(server.requests) == 4
    assert waits == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": "Unrecognized request argument supplied: seed"}),
        (400, {"error": {"message": "`seed` is not supported", "param": None}}),
        (422, {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}),
    ],
)
def test_a_seed_is_left_out_however_it_is_refused(
    serve: Callable[..., Server], status: int, body: dict[str, Any]
) -> None:
    server = serve(lambda handler, _: send(handler, status, json.dumps(body)), says("yes"))
    assert server.generator()[0].generate([ASK], DECODING)[0].text == "yes"
    assert "seed" not in server.requests[1]
    assert server.requests[1]["max_tokens"] == 7


def test_a_word_of_the_prompt_names_no_parameter(serve: Callable[..., Server]) -> None:
    asked: Prompt = [{"role": "user", "content": "Which temperature does the seed need?"}]
    server = serve(says("one"), fails(400, "cannot read: Which temperature does the seed need?"))
    found = server.generator()[0].generate([ASK, asked], DECODING)[1]
    assert "cannot read" in found.error
    assert len(server.requests) == 2


def test_a_limit_that_is_too_high_is_not_left_out(serve: Callable[..., Server]) -> None:
    server = serve(says("one"), fails(400, "max_tokens is too large: 7"))
    assert "too large" in server.generator()[0].generate([ASK] * 2, DECODING)[1].error
    assert len(server.requests) == 2


def test_a_quota_that_is_used_up_is_not_asked_again(serve: Callable[..., Server]) -> None:
    error = {"message": "You exceeded your current quota", "code": "insufficient_quota"}
    server = serve(lambda handler, _: send(handler, 429, json.dumps({"error": error})))
    with pytest.raises(RemoteError, match=r"no quota left.*exceeded your current quota"):
        server.generator()[0].generate([ASK] * 4, DECODING)
    assert len(server.requests) == 1


def test_a_stream_yields_its_pieces_as_they_come(serve: Callable[..., Server]) -> None:
    release = threading.Event()

    def slowly(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        assert body["stream"] is True
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream; charset=utf-8")
        handler.send_header("connection", "close")
        handler.end_headers()
        handler.wfile.write(f": ping\n\n{piece(None)}\n\n{piece('Fünf ')}\n\n".encode())
        handler.wfile.flush()
        release.wait(5)
        handler.wfile.write(f"{piece('days.', 'stop')}\n\ndata: [DONE]\n\n".encode())
        handler.close_connection = True

    generator, _ = serve(slowly).generator()
    found = generator.stream(ASK, DECODING)
    assert next(found) == "Fünf "
    release.set()
    assert list(found) == ["days."]


def test_a_stream_returns_its_generation(serve: Callable[..., Server]) -> None:
    end = 'data: {"choices": []}'  # some servers send the usage apart
    for reason, reply in (
        ("length", streams(piece("Fi"), piece("ve", "length"), end, "data: [DONE]")),
        ("stop", streams(piece("Fi"), piece("ve"), piece(None, "stop"))),
        ("length", says("Five", "length")),
    ):
        found = serve(reply).generator()[0].stream(ASK, DECODING)
        pieces = []
        while True:
            try:
                pieces.append(next(found))
            except StopIteration as ended:
                whole = ended.value
                break
        assert whole.text == "".join(pieces) == "Five"
        assert whole.finish_reason == reason


def test_a_stream_is_begun_again_but_not_continued(serve: Callable[..., Server]) -> None:
    server = serve(fails(503), streams(piece("Fi"), piece("ve", "stop"), "data: [DONE]"))
    generator, waits = server.generator()
    assert "".join(generator.stream(ASK, DECODING)) == "Five"
    assert len(waits) == 1

    generator, _ = serve(streams(piece("Fi"))).generator()
    found = generator.stream(ASK, DECODING)
    assert next(found) == "Fi"
    with pytest.raises(RemoteError, match="broke off in the middle"):
        next(found)


def test_lines_of_a_stream_end_at_cr_and_lf_alone(serve: Callable[..., Server]) -> None:
    text = "one\u2028two\u0085three"
    event = {"choices": [{"delta": {"content": text}, "finish_reason": "stop"}]}
    for end in ("\r\n\r\n", "\n\n", "\r\r"):
        line = f"data: {json.dumps(event, ensure_ascii=False)}{end}data: [DONE]{end}"
        server = serve(lambda handler, _, line=line: send(handler, 200, line, "text/event-stream"))
        assert list(server.generator()[0].stream(ASK, DECODING)) == [text]


def test_a_stream_of_nothing_but_pings_is_given_up(serve: Callable[..., Server]) -> None:
    def ping(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        handler.close_connection = True
        handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        try:
            for _ in range(500):
                handler.wfile.write(b": ping\n\n")
                time.sleep(0.02)
        except OSError:
            pass

    started = time.monotonic()
    with pytest.raises(RemoteError, match=r"broke off \(TimeoutError\)"):
        list(serve(ping).generator(timeout=0.3)[0].stream(ASK, DECODING))
    assert time.monotonic() - started < 4


def test_a_stream_that_nobody_reads_on_is_hung_up(
    serve: Callable[..., Server], caplog: pytest.LogCaptureFixture
) -> None:
    gone = threading.Event()

    def talk(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        handler.close_connection = True
        handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        try:
            for _ in range(500):
                handler.wfile.write(f"{piece('on ')}\n\n".encode())
                time.sleep(0.02)
        except OSError:
            gone.set()

    before = set(threading.enumerate())
    found = serve(talk).generator(timeout=15.0)[0].stream(ASK, DECODING)
    assert next(found) == "on "
    found.close()
    assert gone.wait(5)
    assert left(before) == []
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("data: {nonsense", "sent no chat completion"),
        ("data: [1, 2]", "sent no chat completion"),
        ('data: {"error": {"message": "out of memory"}}', "failed in the middle"),
    ],
)
def test_a_broken_stream_is_an_error(
    serve: Callable[..., Server], line: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    for before in ((), (piece("Fi"),)):
        generator, _ = serve(streams(*before, line)).generator()
        with pytest.raises(RemoteError, match=words):
            list(generator.stream(ASK, DECODING))
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_stream_that_is_refused_is_raised(serve: Callable[..., Server]) -> None:
    generator, _ = serve(fails(400, "too long")).generator()
    with pytest.raises(RemoteError, match="too long"):
        list(generator.stream(ASK, DECODING))


def test_a_server_without_streams_is_read_whole(serve: Callable[..., Server]) -> None:
    generator, _ = serve(says("Five days.")).generator()
    assert list(generator.stream(ASK, DECODING)) == ["Five days."]


@pytest.mark.parametrize("url", ["127.0.0.1:80/v1", "ftp://host/v1", "http://", "http://[::1"])
def test_a_url_that_is_none_is_a_config_error(url: str) -> None:
    with pytest.raises(ConfigError, match=r"generate\.url"):
        RemoteGenerator(url, "tiny")


@pytest.mark.parametrize("key", ["sk-schlüssel", "sk-1\nsk-2", "sk-\u200b1"])
def test_a_key_that_no_header_can_hold_is_a_config_error(key: str) -> None:
    with pytest.raises(ConfigError, match=r"generate\.api_key_env") as caught:
        RemoteGenerator("http://127.0.0.1:1/v1", "tiny", api_key=key)
    assert key not in str(caught.value)


def test_half_a_character_is_that_prompts_error(serve: Callable[..., Server]) -> None:
    generator, waits = serve(says("yes")).generator()
    broken: Prompt = [{"role": "user", "content": "a\ud800b"}]
    assert generator.count_tokens(broken) > 0
    found = generator.generate([ASK, broken, ASK], DECODING)
    assert [g.text for g in found] == ["yes", "", "yes"]
    assert "surrogate" in found[1].error
    with pytest.raises(RemoteError, match="surrogate"):
        list(generator.stream(broken, DECODING))
    assert waits == []


def test_neither_key_nor_text_is_shown_or_logged(
    serve: Callable[..., Server], caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(says("Five days."))
    server.url = server.url.replace("http://", "http://name:pass@") + "?token=abc"
    generator, _ = server.generator()
    with caplog.at_level(logging.DEBUG):
        generator.generate([ASK], DECODING)
    assert server.requests[0]["path"] == "/v1/chat/completions?token=abc"
    logged = " ".join(record.getMessage() for record in caplog.records)
    assert KEY not in logged + repr(generator) + generator.name + repr(vars(generator)["_endpoint"])
    assert "leave days" not in logged
    assert "Five days" not in logged
    assert "pass" not in generator.name
    assert "abc" not in generator.name


def test_an_endpoint_is_told_nothing_of_the_machine_and_its_variables(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "OPENAI_API_KEY": "sk-other", "OPENAI_ADMIN_KEY": "sk-admin", "OPENAI_ORG_ID": "org",
        "OPENAI_PROJECT_ID": "project", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1",
        "OPENAI_CUSTOM_HEADERS": "X-More: more\nAuthorization: Bearer sk-other",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    plain = {
        "host", "accept", "accept-encoding", "connection", "user-agent", "content-type",
        "content-length",
    }  # fmt: skip
    server = serve(says("yes"))
    server.generator()[0].generate([ASK], DECODING)
    server.generator(api_key="")[0].generate([ASK], DECODING)
    assert set(server.headers[0]) == plain | {"authorization"}
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    assert set(server.headers[1]) == plain
    assert "Linux" not in server.headers[0]["user-agent"]


def test_a_try_that_follows_another_prints_nothing(serve: Callable[..., Server]) -> None:
    script = f"""
from graft.core.generation import Decoding
from graft.generate.remote import RemoteGenerator
print(RemoteGenerator({serve(fails(500), says("yes")).url!r}, "tiny").generate(
    [{ASK!r}], Decoding())[0].text)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("yes\n", "")


def test_it_answers_where_a_loop_runs_already(serve: Callable[..., Server]) -> None:
    generator, _ = serve(says("yes")).generator()

    async def notebook() -> list[str]:
        return [g.text for g in generator.generate([ASK], DECODING)] + list(
            generator.stream(ASK, DECODING)
        )

    assert asyncio.run(notebook()) == ["yes", "yes"]


def test_tokens_are_estimated_rather_high() -> None:
    generator = RemoteGenerator("http://127.0.0.1:1/v1", "tiny")
    text = "The passages do not say how many days of leave carry over to the next year. " * 10
    assert generator.count_tokens([{"role": "user", "content": text}]) > len(text) / 4
    chinese = "休假天数" * 50
    assert generator.count_tokens([{"role": "user", "content": chinese}]) >= len(chinese)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "Too Many Requests", "code": "429"}},
        {"error": "Too Many Requests"},
        {"error": {"message": "slow down", "type": "rate_limit_error"}},
        {"object": "error", "message": "Too Many Requests", "code": 42901},
        {"detail": "Rate limit exceeded"},
        {"message": "Too Many Requests", "status": 429},
        {"choices": [{"error": {"message": "Too Many Requests", "code": 429}, "message": {}}]},
        [{"error": {"code": 429, "message": "Too Many Requests", "status": "RESOURCE_EXHAUSTED"}}],
    ],
)
def test_a_hidden_error_is_read_in_any_form(serve: Callable[..., Server], body: Any) -> None:
    hidden = lambda handler, _: send(handler, 200, json.dumps(body))  # noqa: E731
    generator, waits = serve(hidden, says("yes")).generator()
    assert generator.generate([ASK], DECODING)[0].text == "yes"
    assert len(waits) == 1
    with pytest.raises(RemoteError, match="status 429"):
        serve(hidden).generator(retries=0)[0].generate([ASK], DECODING)


def test_the_first_of_eight_replies_may_be_the_broken_one(serve: Callable[..., Server]) -> None:
    for broken in ("<html>", '{"choices": []}', '{"choices": [{"message": {}}]}', "[1]", '{"a":'):
        bad = lambda handler, _, broken=broken: send(handler, 200, broken)  # noqa: E731
        found = serve(bad, says("yes")).generator()[0].generate([ASK] * 8, DECODING)
        assert [g.text for g in found] == ["", *["yes"] * 7]
        assert "sent no chat completion" in found[0].error


def test_no_choices_are_the_same_error_whole_and_streamed(serve: Callable[..., Server]) -> None:
    said = []
    for reply in (
        lambda handler, _: send(handler, 200, '{"choices": []}'),
        streams('data: {"choices": []}', "data: [DONE]"),
    ):
        generator, _ = serve(reply).generator()
        with pytest.raises(RemoteError) as caught:
            list(generator.stream(ASK, DECODING))
        said.append(str(caught.value).removeprefix(generator._endpoint.shown))
    assert said[0] == said[1]


THOUGHTS: list[dict[str, Any]] = [
    {"content": "<think>Ten? No.</think>\nFive days."},
    {"content": "Ten? No.</think>Five days."},
    {"content": "Five days.", "reasoning_content": "Ten? No."},
    {"content": "Five days.", "reasoning": "Ten? No."},
    {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Ten? No."}]},
                 {"type": "text", "text": "Five days."}]},
    {"content": [{"type": "reasoning",
    "text": "Ten? No."}, {"type": "text", "text": "Five days."}]},
]  # fmt: skip


@pytest.mark.parametrize("message", THOUGHTS)
def test_a_thought_is_kept_apart(serve: Callable[..., Server], message: dict[str, Any]) -> None:
    whole = {"choices": [{"message": message, "finish_reason": "stop"}]}
    part = {"choices": [{"delta": message, "finish_reason": "stop"}]}
    for reply in (
        lambda handler, _: send(handler, 200, json.dumps(whole)),
        streams(f"data: {json.dumps(part)}", "data: [DONE]"),
    ):
        generator, _ = serve(reply).generator()
        stream = generator.stream(ASK, DECODING)
        pieces = []
        while True:
            try:
                pieces.append(next(stream))
            except StopIteration as ended:
                found = ended.value
                break
        assert (found.text, found.thought) == ("Five days.", "Ten? No.")
        assert "Five days." in "".join(pieces)


@pytest.mark.parametrize(
    "message",
    [
        {"content": "<think>Ten? Or"}, {"content": "\n", "reasoning_content": "Ten? Or"},
        {"reasoning": "Ten? Or"}, {"content": "<think>Ten</think>\n"},
        {"content": [{"type": "thinking", "thinking": "Ten? Or"}]},
    ],
)  # fmt: skip
def test_thought_without_an_answer_is_an_error(
    serve: Callable[..., Server], message: dict[str, Any]
) -> None:
    whole = {"choices": [{"message": message, "finish_reason": "length"}]}
    found = serve(
        says("one"), lambda handler, _: send(handler, 200, json.dumps(whole)), says("three")
    ).generator()[0].generate([ASK] * 3, DECODING)  # fmt: skip
    assert [g.text for g in found] == ["one", "", "three"]
    assert "generate.max_new_tokens" in found[1].error


@pytest.mark.parametrize(
    "content",
    [["Five ", "days."], [{"type": "output_text", "text": "Five days."}],
     [{"type": "text", "text": {"value": "Five days."}}], {"type": "text", "text": "Five days."},
     [{"type": "text", "text": "Five "}, {"type": "image_url"}, {"type": "text", "text": "days."}]],
)  # fmt: skip
def test_parts_of_any_form_are_joined(serve: Callable[..., Server], content: Any) -> None:
    assert serve(says(content)).generator()[0].generate([ASK], DECODING)[0].text == "Five days."


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (422, "application/json", '{"detail": [{"loc": ["body", "seed"], "msg": "not allowed"}]}'),
        (400, "application/json", '{"error": {"message": "Seed is not supported by this model"}}'),
        (400, "application/json", '{"message": "unexpected keyword argument \'seed\'"}'),
        (400, "application/json", '{"errors": [{"field": "seed", "reason": "unknown"}]}'),
        (400, "text/plain", "Unknown field: seed"),
        (422, "application/json", '{"error": {"message": "invalid", "details": {"seed": ["no"]}}}'),
        (400, "application/json", '[{"error": {"message": "Unknown name \\"seed\\""}}]'),
        (200, "application/json", '{"error": {"message": "seed: extra inputs", "code": 400}}'),
    ],
)  # fmt: skip
def test_a_refused_seed_is_found_wherever_it_is_named(
    serve: Callable[..., Server], status: int, kind: str, body: str
) -> None:
    refuses = lambda handler, _: send(handler, status, body, kind)  # noqa: E731
    asked: Prompt = [{"role": "user", "content": "When do I sow?"}]
    server = serve(refuses, says("yes"))
    assert server.generator()[0].generate([asked], DECODING)[0].text == "yes"
    assert "seed" not in server.requests[1]


def test_the_servers_words_are_shown_in_any_form(serve: Callable[..., Server]) -> None:
    for body, words in (
        ('{"detail": [{"loc": ["body", "stop"], "msg": "is too long"}]}', "body.stop: is too long"),
        ("the prompt is too long", "the prompt is too long"),
        ('{"message": "too long"}', "too long"),
    ):
        refuses = lambda handler, _, body=body: send(handler, 400, body)  # noqa: E731
        found = serve(refuses).generator()[0].generate([ASK], DECODING)[0]
        assert words in found.error
    broken = streams(piece("Fi"), 'data: {"error": {"message": "out of memory"}}')
    with pytest.raises(RemoteError, match="out of memory"):
        list(serve(broken).generator()[0].stream(ASK, DECODING))
