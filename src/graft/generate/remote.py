"""RemoteGenerator: any OpenAI-compatible endpoint behind the Generator protocol."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, cast

import anyio
import httpx2
from anyio.from_thread import start_blocking_portal

from graft.core.errors import RemoteError
from graft.core.generation import Decoding, FinishReason, Generation, Prompt, Streamed
from graft.core.hashing import value_hash
from graft.generate.endpoint import Call, Endpoint, Refused, events_of, is_stream
from graft.generate.faults import error_in
from graft.generate.thought import Shown, set_aside

BYTES_A_TOKEN = 3
"""English has about four bytes a token, Chinese three: the estimate is rather too long."""

_THOUGHTS = ("think", "reason", "redacted")
_THOUGHT_KEYS = ("reasoning_content", "reasoning", "thinking", "thought", "thoughts")
"""Where servers put a model's thought, as the type of a part and as a field of the message."""


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

    def __post_init__(self) -> None:
        self._endpoint = Endpoint(
            _operation(self.url), self.api_key.strip(), self.timeout, self.retries
        )

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
        # A loop in a thread of its own: the caller's may run one already, as notebooks do.
        with start_blocking_portal() as portal:
            return portal.call(self._all, prompts, decoding)

    def stream(self, prompt: Prompt, decoding: Decoding) -> Streamed:
        """Yield the text in pieces as it comes, and return the whole Generation.

        Tries again only before the first of them. Raises RemoteError when the endpoint is down,
        refuses, or breaks off.
        """
        with start_blocking_portal() as portal:
            made = self._streamed(prompt, decoding)
            try:
                while isinstance(piece := cast(str | Generation, portal.call(anext, made)), str):
                    yield piece
                return piece
            finally:
                portal.call(made.aclose)

    async def _all(self, prompts: Sequence[Prompt], decoding: Decoding) -> list[Generation]:
        call, made, turns = (
            Call(len(prompts)),
            dict[int, Generation](),
            anyio.Semaphore(self.parallel),
        )

        async def one(number: int, prompt: Prompt) -> None:
            async with turns:
                try:
                    reply = await self._endpoint.post(client, call, self._body(prompt, decoding))
                    made[number] = self._generation(reply, call)
                except Refused as error:
                    made[number] = Generation("", "error", error=str(error))
                except RemoteError as error:
                    # Nothing more is asked or waited for.
                    call.error = call.error or error
                    group.cancel_scope.cancel()

        async with self._endpoint.client() as client, anyio.create_task_group() as group:
            for number, prompt in enumerate(prompts):
                group.start_soon(one, number, prompt)
        if call.error:
            raise call.error
        return [made[number] for number in range(len(prompts))]

    async def _streamed(
        self, prompt: Prompt, decoding: Decoding
    ) -> AsyncGenerator[str | Generation, None]:
        """Yield the pieces of an answer, and at last the whole of it."""
        call, body = Call(), self._body(prompt, decoding) | {"stream": True}
        async with self._endpoint.client() as client:
            try:
                reply = await self._endpoint.post(client, call, body)
            except Refused as error:
                raise RemoteError(str(error)) from error
            if is_stream(reply):
                async with aclosing(reply), aclosing(events_of(reply)) as events:
                    async for piece in self._pieces(events):
                        yield piece
                return
            whole = self._generation(reply, call)
            if whole.error:
                raise RemoteError(whole.error)
            yield whole.text
            yield whole

    def _body(self, prompt: Prompt, decoding: Decoding) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model, "messages": list(prompt), "seed": decoding.seed,
            "max_tokens": decoding.max_new_tokens, "temperature": decoding.temperature,
        }  # fmt: skip
        return body | ({"stop": list(decoding.stop)} if decoding.stop else {})

    def _generation(self, response: httpx2.Response, call: Call) -> Generation:
        try:
            reply = response.json()
            choices = reply["choices"]
            if not choices:
                raise IndexError
            message, reason = choices[0]["message"], choices[0].get("finish_reason")
            said, thought = _text(message.get("content")), _thought(message)
            if "content" not in message and not thought:
                raise KeyError("content")
            usage = reply.get("usage") or {}
            read, written = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            cause = "empty" if isinstance(error, IndexError) else type(error).__name__
            raise call.failure(self._no_completion(cause), tried=False) from error
        call.answered, call.failures = True, 0
        return self._made(said, thought, reason, read, written)

    def _made(
        self, said: str, thought: str, reason: str | None, read: int = 0, written: int = 0
    ) -> Generation:
        """Return a generation, of which what the text says before its answer is thought."""
        told = set_aside(said)
        thought = "\n".join(filter(None, (thought.strip(), told.thought)))
        fault = self._fault(told.answer, reason, ended=told.ended)
        text = "" if fault else told.answer
        end: FinishReason = "error" if fault else "length" if reason == "length" else "stop"
        return Generation(text, end, read, written, error=fault, thought=thought)

    async def _pieces(
        self, events: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[str | Generation, None]:
        text, thought, reason, began, shown = "", "", None, False, Shown()
        try:
            while data := await self._endpoint.soon(events):
                if data == b"[DONE]":
                    reason = reason or "stop"
                    break
                event = json.loads(data)
                if error := error_in(event):
                    raise RemoteError(self._broken("failed", self._endpoint.words(error)))
                for choice in (event.get("choices") or [])[:1]:
                    began = True
                    reason = choice.get("finish_reason") or reason
                    # Some servers send the whole message, last or alone.
                    delta = choice.get("delta") or ({} if text else choice.get("message")) or {}
                    thought += _thought(delta)
                    piece = _text(delta.get("content"))
                    text += piece
                    if piece := shown.add(piece) if piece else "":
                        yield piece
        except (httpx2.HTTPError, TimeoutError) as error:
            raise RemoteError(self._broken(f"broke off ({type(error).__name__})")) from error
        except (ValueError, AttributeError, TypeError) as error:
            raise RemoteError(self._no_completion(type(error).__name__)) from error
        if not began:
            raise RemoteError(self._no_completion("empty"))
        if reason is None:
            raise RemoteError(self._broken("broke off"))
        whole = self._made(text, thought, reason)
        if whole.error:
            raise RemoteError(whole.error)
        yield whole

    def _fault(self, text: str, reason: str | None, *, ended: bool) -> str:
        """Return what is wrong with an answer that came whole, or nothing."""
        if reason == "content_filter":
            return f"{self._endpoint.shown} withheld the answer: its filter found fault with it"
        if not ended or (reason == "length" and not text.strip()):
            return (
                f"{self.model} spent all its tokens on thought and wrote no answer: raise "
                "generate.max_new_tokens"
            )
        return ""

    def _no_completion(self, cause: str) -> str:
        return (
            f"{self._endpoint.shown} sent no chat completion ({cause}): check that generate.url is "
            "an OpenAI-compatible endpoint, mostly ending in /v1"
        )

    def _broken(self, what: str, words: str = "") -> str:
        return f"{self._endpoint.shown} {what} in the middle of an answer{words}: ask again"


def _operation(url: str) -> str:
    # Some endpoints want a query, such as ?api-version=..., behind the path.
    base, mark, query = url.partition("?")
    return f"{base.rstrip('/')}/chat/completions{mark}{query}"


def _text(content: object) -> str:
    """Return the text of a message, which may come as a list of parts; thought is none of it."""
    if isinstance(content, list):
        return "".join(map(_text, content))
    if isinstance(content, dict):
        if str(content.get("type") or "").startswith(_THOUGHTS):
            return ""
        return _text(content.get("text") or content.get("value"))
    return str(content or "")


def _thought(message: dict[str, Any]) -> str:
    """Return what a message holds of thought apart from its text."""
    found = next((message[key] for key in _THOUGHT_KEYS if message.get(key)), "")
    if found:
        return _text(found)
    parts = message.get("content")
    thoughts = [
        part.get(str(part.get("type"))) or part.get("text")
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and str(part.get("type") or "").startswith(_THOUGHTS)
    ]
    return "".join(map(_text, thoughts))
