"""ChatTokenizer: a tokenizer.json with a chat template, without transformers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn

from jinja2.exceptions import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer


@dataclass(frozen=True)
class ChatTokenizer:
    """What a ChatTemplate asks of transformers' tokenizer, with the same answers.

    `tokens` are the special tokens that the template may name, as `bos_token`.
    """

    inner: Tokenizer = field(repr=False)
    chat_template: str
    tokens: Mapping[str, str]
    pad_token_id: int | None

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        """Return the ids of a text, with no special tokens added."""
        return {"input_ids": self.inner.encode(text, add_special_tokens=False).ids}

    def decode(self, ids: Sequence[int], **_: Any) -> str:
        """Return the text of ids, without special tokens."""
        return self.inner.decode(list(ids), skip_special_tokens=True)

    def apply_chat_template(
        self, turns: Sequence[Mapping[str, str]], *, tokenize: bool = False, **variables: Any
    ) -> str:
        """Return messages as the template writes them. Raises what jinja2 does."""
        given = {**self.tokens, **variables}
        return str(self._template.render(messages=turns, tools=None, documents=None, **given))

    @cached_property
    def _template(self) -> Any:
        # A template comes with a model: it is code of others.
        made = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
        )
        made.filters["tojson"] = _tojson
        made.globals["raise_exception"] = _raise
        return made.from_string(self.chat_template)


def _tojson(value: Any, ensure_ascii: bool = False, **form: Any) -> str:
    # jinja2's own writes < and > for a page of HTML.
    return json.dumps(value, ensure_ascii=ensure_ascii, **form)


def _raise(message: str) -> NoReturn:
    raise TemplateError(message)
