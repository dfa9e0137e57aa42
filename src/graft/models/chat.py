"""Chat: how messages become ids, in one place for training and serving."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from graft.core.errors import ModelError
from graft.core.generation import Message, Prompt

PLAIN_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] }}\n\n"
    "{% elif message['role'] == 'user' %}User:\n{{ message['content'] }}\n\n"
    "{% else %}Assistant:\n{{ message['content'] }}{{ eos_token }}\n\n{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}Assistant:\n{% endif %}"
)
"""The chat template of models that have none of their own."""

PLAIN_STOPS = ("\n\nUser:",)
"""A model that was never taught to end a turn goes on with the next."""

VARIABLES = {"date_string": "26 Jul 2024", "enable_thinking": False}
"""Llama 3 templates write today's date unless told one, and then tomorrow's prompt is not the one
that was trained on; Qwen 3 templates leave room for thinking unless told not to."""

_PROBE = "zqxj"


@dataclass(frozen=True)
class ChatTemplate:
    """A tokenizer with its chat template; made by `chat_of`.

    `end_ids` are the ids that end an assistant's turn; training appends the first of them.
    `stop_texts` end a turn where the template has no such id. `special` finds the texts that the
    tokenizer would take for control tokens. A family without a system role has `folds_system`:
    the system's text then stands at the start of the first user turn.
    """

    tokenizer: Any
    end_ids: tuple[int, ...] = ()
    stop_texts: tuple[str, ...] = ()
    special: re.Pattern[str] | None = field(default=None, repr=False)
    folds_system: bool = False

    @property
    def pad_id(self) -> int:
        """What fills short rows. It may be an end id, so masks go by position, never by id."""
        pad = self.tokenizer.pad_token_id
        return int(self.end_ids[0] if pad is None else pad)

    def text(self, prompt: Prompt, generation: bool = True) -> str:
        """Return the prompt as the template writes it; with `generation`, up to the answer."""
        turns: Prompt = [
            {"role": turn["role"], "content": self._plain(turn["content"])} for turn in prompt
        ]
        return _render(self.tokenizer, _folded(turns) if self.folds_system else turns, generation)

    def ids(self, prompt: Prompt, generation: bool = True) -> list[int]:
        """Return the prompt's ids; with `generation`, up to where the answer starts.

        Training and serving both call this: what was trained on is what is sent.
        """
        return self.encode(self.text(prompt, generation))

    def answer_ids(self, text: str) -> list[int]:
        """Return the ids of an answer and the id that ends its turn, as training appends them."""
        return [*self.encode(self._plain(text)), *self.end_ids[:1]]

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, with no special tokens added."""
        return list(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids, without special tokens."""
        return str(
            self.tokenizer.decode(
                list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )

    def _plain(self, content: str) -> str:
        # A document that holds <|im_end|> must not end the turn: a space makes it ordinary text.
        if self.special is None:
            return content
        return self.special.sub(lambda found: f"{found[0][0]} {found[0][1:]}", content)


def chat_of(tokenizer: Any, *, stated_ends: Sequence[int | None] = ()) -> ChatTemplate:
    """Return a tokenizer's chat, having tried its template out; one without gets the plain one.

    `stated_ends` are the end ids of the model's generation config. Raises ModelError when nothing
    ends a turn.
    """
    stops: tuple[str, ...] = ()
    if not tokenizer.chat_template:
        tokenizer.chat_template = PLAIN_TEMPLATE
        stops = PLAIN_STOPS
    added = {id: token for id, token in tokenizer.added_tokens_decoder.items() if token.special}
    texts = {token.content for token in added.values()} | set(tokenizer.all_special_tokens)
    # The longest first, so that of two that start alike the whole one is found.
    found = sorted((text for text in texts if len(text) > 1), key=lambda text: (-len(text), text))
    special = re.compile("|".join(map(re.escape, found))) if found else None
    turns: Prompt = [{"role": "user", "content": "a"}, {"role": "assistant", "content": _PROBE}]
    after = _render(tokenizer, turns, False).rpartition(_PROBE)[2]
    written = [id for id in ChatTemplate(tokenizer).encode(after) if id in added][:1]
    listed = [*written, tokenizer.eos_token_id, *stated_ends]
    ends = tuple(dict.fromkeys(int(id) for id in listed if id is not None))
    if not ends:
        raise ModelError("nothing ends a turn in this model's template: set its eos_token")
    return ChatTemplate(tokenizer, ends, stops, special, _folds_system(tokenizer))


def _render(tokenizer: Any, turns: Prompt, generation: bool) -> str:
    return str(
        tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=generation, **VARIABLES
        )
    )


def _folds_system(tokenizer: Any) -> bool:
    """Return whether the template has no system role: it raises, or drops the text."""
    turns: Prompt = [{"role": "system", "content": _PROBE}, {"role": "user", "content": "a"}]
    try:
        return _PROBE not in _render(tokenizer, turns, True)
    except Exception:  # jinja2's errors differ between templates: raise_exception, undefined, type
        return True


def _folded(turns: Prompt) -> Prompt:
    if not turns or turns[0]["role"] != "system":
        return turns
    system, *rest = turns
    if not rest:
        return [{"role": "user", "content": system["content"]}]
    first: Message = {
        "role": rest[0]["role"],
        "content": f"{system['content']}\n\n{rest[0]['content']}",
    }
    return [first, *rest[1:]]
