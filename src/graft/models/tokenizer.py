"""Tokenizers that count and locate tokens for segmentation, without loading torch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import tokenizers
from huggingface_hub import try_to_load_from_cache

from graft.core.config import STARTER
from graft.core.errors import ModelError
from graft.core.protocols import Tokenizer
from graft.models.starter import starter_encoder

WORDS = "words"
"""The name of the tokenizer that needs no model: words and single signs."""

FILE = "tokenizer.json"
_WORD = re.compile(r"\w+|[^\w\s]")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class WordTokenizer:
    """Counts words and single signs: `\\w+` or one character that is neither word nor space.

    >>> WordTokenizer().offsets("It's 5%")
    [(0, 2), (2, 3), (3, 4), (5, 6), (6, 7)]
    """

    name: str = WORDS

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Return each token's `(start, end)` in code points."""
        return [match.span() for match in _WORD.finditer(text)]


@dataclass(frozen=True)
class FileTokenizer:
    """Counts as a model does, from its tokenizer.json; nothing is cut and nothing is added."""

    name: str
    inner: tokenizers.Tokenizer

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Return each token's `(start, end)` in code points, without special tokens."""
        # a lone surrogate has no UTF-8 form; a sign of the same width keeps every offset
        plain = text if text.isascii() else _SURROGATE.sub("?", text)
        return list(self.inner.encode(plain, add_special_tokens=False).offsets)


def load_tokenizer(name: str) -> Tokenizer:
    """Return the tokenizer called "starter" or "words", or a folder's or hub name's.

    A folder holds a tokenizer.json; a hub name must be in the local cache, since nothing is
    fetched here. Raises MissingExtra without the starter package, ModelError for what cannot be
    found or read.

    >>> load_tokenizer("words").offsets("two words")
    [(0, 3), (4, 9)]
    """
    if name == WORDS:
        return WordTokenizer()
    path = starter_encoder() / FILE if name == STARTER else _tokenizer_file(name)
    try:
        inner = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the package raises bare Exception for every fault
        raise ModelError(
            f"{path} cannot be read as a tokenizer ({error}): save the tokenizer anew"
        ) from error
    inner.no_truncation()
    inner.no_padding()
    return FileTokenizer(name, inner)


def _tokenizer_file(name: str) -> Path:
    folder = Path(name).expanduser()
    if folder.is_dir():
        path = folder / FILE
        if not path.is_file():
            raise ModelError(
                f"the folder {folder} holds no {FILE}: save a fast tokenizer there, "
                f'or set segment.tokenizer to "{WORDS}"'
            )
        return path
    try:
        cached = try_to_load_from_cache(name, FILE)
    except ValueError:  # not a name a hub could have
        cached = None
    if not isinstance(cached, str):
        raise ModelError(
            f"the tokenizer {name!r} is no folder and not in the local model cache: give a folder "
            f'with a {FILE}, "{STARTER}" or "{WORDS}"'
        )
    return Path(cached)
