"""RemoteGenerator: any OpenAI-compatible endpoint behind the Generator protocol."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from collections.abc import Generator as Yields
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

import httpx

from graft.core.errors import RemoteError
from graft.core.generation import Decoding, Generation, Prompt
from graft.core.hashing import value_hash
from graft.generate.endpoint import Call, Endpoint, Line, Refused, is_stream

BYTES_A_TOKEN = 3
"""English has about four bytes a token, Chinese three: the estimate is rather too long."""


@dataclass
class RemoteGenerator:
    """Sends prompts to `url`/chat/completions, a few at a time, trying again where that may help.

    `url` is the part before /chat/completions, such as http://127.0.0.1:11434/v1. `timeout` is in
    seconds: for a reply as a whole, and for each piece of one that is streamed. `api_key` is the
    key itself; neither it nor any text is logged or shown. A temperature or seed that the model
    does not take is left out. Tokens are estimated from bytes, since the tokenizer is not here.
    """

    url: str
    model: str
    api_key: str = field(default="", repr=False)
    timeout: float = 60.0
    retries: int = 3
    context_tokens: int = 2048
    parallel: int = 4
    sleep: Callable[[float], object] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._endpoint = Endpoint(
            _operation(self.url),
            self.api_key.strip(), self.timeout, self.retries, self.sleep,
        )  # fmt: skip

    @property
    def name(self) -> str:
        return f"{self.model} at {self._endpoint.shown}"

    @property
    def digest(self) -> str:
        """The hash of endpoint and model name: what is behind them may change unseen."""
        return value_hash(["remote", self._endpoint.shown, self.model])

    @property
    def replayable(self) -> bool:
        return False

    def count_tokens(self, prompt: Prompt) -> int:
        """Return an estimate, rather too high than too low."""
        size = sum(len(turn["content"].encode(errors="surrogatepass")) for turn in prompt)
        return -(-size // BYTES_A_TOKEN) + 4 * len(prompt) + 3

    def generate(self, prompts: Sequence[Prompt], decoding: Decoding) -> list[Generation]:
        """Return one generation for each prompt; one that is refused gets an `error`.

        Raises RemoteError when the endpoint is down, refuses the key, or fails again and again.
        """
        call = Call()
        todo: SimpleQueue[tuple[int, Prompt]] = SimpleQueue()
        for numbered in enumerate(prompts):
            todo.put(numbered)
        pool = ThreadPoolExecutor(self.parallel)
        try:
            workers = [
                pool.submit(self._work, call, todo, decoding)
                for _ in range(min(self.parallel, len(prompts)))
            ]
            made: dict[int, Generation] = {}
            for worker in as_completed(workers):
                made |= worker.result()
            return [made[number] for number in range(len(prompts))]
        finally:
            # Nothing more is asked or waited for once one has raised, or the user has had enough.
            call.give_up()
            pool.shutdown(wait=False, cancel_futures=True)

    def stream(self, prompt: Prompt, decoding: Decoding) -> Yields[str, None, Generation]:
        """Yield the text in pieces as it comes, and return the whole Generation.

        Tries again only before the first of them. Raises RemoteError when the endpoint is down,
        refuses, or breaks off.
        """
        body = self._body(prompt, decoding) | {"stream": True}
        with self._endpoint.line(Call()) as line:
            try:
                response = self._endpoint.post(line, body, stream=True)
            except Refused as error:
                raise RemoteError(str(error)) from error
            try:
                if is_stream(response):
                    return (yield from self._pieces(response))
                whole = self._generation(response)
                if whole.error:
                    raise RemoteError(whole.error)
                yield whole.text
                return whole
            except httpx.HTTPError as error:
                raise RemoteError(self._broken(f"broke off ({type(error).__name__})")) from error
            finally:
                response.close()

    def _work(
        self, call: Call, todo: SimpleQueue[tuple[int, Prompt]], decoding: Decoding
    ) -> dict[int, Generation]:
        """Ask for one prompt after the other until none is left; return what was made of which."""
        made: dict[int, Generation] = {}
        with self._endpoint.line(call) as line:
            while not call.stopped.is_set():
                try:
                    number, prompt = todo.get_nowait()
                except Empty:
                    break
                made[number] = self._complete(line, prompt, decoding)
        return made

    def _complete(self, line: Line, prompt: Prompt, decoding: Decoding) -> Generation:
        try:
            return self._generation(self._endpoint.post(line, self._body(prompt, decoding)))
        except Refused as error:
            return Generation("", "error", error=str(error))

    def _body(self, prompt: Prompt, decoding: Decoding) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model, "messages": list(prompt), "seed": decoding.seed,
            "max_tokens": decoding.max_new_tokens, "temperature": decoding.temperature,
        }  # fmt: skip
        return body | ({"stop": list(decoding.stop)} if decoding.stop else {})

    def _generation(self, response: httpx.Response) -> Generation:
        try:
            reply = response.json()
            choice = reply["choices"][0]
            text = choice["message"]["content"] or ""
            usage = reply.get("usage") or {}
            reason = choice.get("finish_reason")
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise RemoteError(
                f"{self._endpoint.shown} sent no chat completion ({type(error).__name__}): check "
                "that generate.url is an OpenAI-compatible endpoint, mostly ending in /v1"
            ) from error
        read, written = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
        if reason == "content_filter":
            return Generation("", "error", read, written, error=self._withheld())
        return Generation(text, "length" if reason == "length" else "stop", read, written)

    def _pieces(self, response: httpx.Response) -> Yields[str, None, Generation]:
        text, reason = "", None
        for line in response.iter_lines():
            if not line.startswith("data:"):
                continue
            data = line[len("data:") :].strip()
            if data == "[DONE]":
                break
            try:
                event = json.loads(data)
                if "error" in event:
                    raise RemoteError(self._broken("failed"))
                for choice in event.get("choices", [])[:1]:
                    reason = choice.get("finish_reason") or reason
                    if reason == "content_filter":
                        raise RemoteError(self._withheld())
                    piece = (choice.get("delta") or {}).get("content")
                    if piece:
                        text += piece
                        yield piece
            except (ValueError, AttributeError, TypeError) as error:
                raise RemoteError(
                    f"{self._endpoint.shown} streamed no chat completion: check generate.url"
                ) from error
        else:
            if reason is None:
                raise RemoteError(self._broken("broke off"))
        return Generation(text, "length" if reason == "length" else "stop")

    def _withheld(self) -> str:
        return f"{self._endpoint.shown} withheld the answer: its filter found fault with it"

    def _broken(self, what: str) -> str:
        return f"{self._endpoint.shown} {what} in the middle of an answer: ask again"


def _operation(url: str) -> str:
    # Some endpoints want a query, such as ?api-version=..., behind the path.
    base, mark, query = url.partition("?")
    return f"{base.rstrip('/')}/chat/completions{mark}{query}"
