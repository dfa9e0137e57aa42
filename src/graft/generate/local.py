"""LocalGenerator: a causal model behind the Generator protocol, in batches or as a stream."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graft.core.generation import Decoding, Generation, Prompt, Streamed
from graft.core.hashing import value_hash
from graft.generate.decode import Row, decode
from graft.models.batching import batches
from graft.models.session import LanguageModel, Start

SCORE_BYTES = 256 * 2**20
"""Most memory for the logits of one batch of `score`."""


@dataclass
class LocalGenerator:
    """Continues prompts with a causal model: greedy at temperature 0, seeded sampling above.

    `batch_tokens` are the prompt tokens read at once, padding included. `context_tokens` bounds
    prompt and answer together; a smaller limit of the model wins. `adapter` is the one to use
    ("" for the base model, None for the one in use), so that several generators share a base.
    In float32 a prompt's greedy text is the same alone and in any batch; in bfloat16 rounding
    differs with the batch, and so may the text.
    """

    causal: LanguageModel
    batch_tokens: int = 8192
    context_tokens: int = 2048
    adapter: str | None = None

    def __post_init__(self) -> None:
        self.context_tokens = min(self.context_tokens, self.causal.context_tokens)

    @property
    def name(self) -> str:
        return self.causal.name

    @property
    def digest(self) -> str:
        with self.causal.using(self.adapter):
            return self.causal.digest

    @property
    def replayable(self) -> bool:
        return True

    def count_tokens(self, prompt: Prompt) -> int:
        return len(self.causal.chat.ids(prompt))

    @property
    def _room(self) -> int:
        """The tokens of a prompt and its answer, beside the adapter's virtual ones."""
        with self.causal.using(self.adapter):
            return self.context_tokens - self.causal.virtual_tokens

    def generate(self, prompts: Sequence[Prompt], decoding: Decoding) -> list[Generation]:
        """Return one generation for each prompt; one that is too long gets an `error`.

        `finish_reason` is "stop" when the model or a stop text ended it, and "length" at
        `max_new_tokens` or the end of the context. The stop text is not part of the text.
        """
        rows = self._rows(prompts, decoding)
        fit = [row for row in rows if row.limit > 0]
        with self.causal.using(self.adapter):
            start = self.causal.begin([row.ids for row in fit]) if fit else None
            for batch in self._batches([row.ids for row in fit], start):
                for _ in decode(self.causal, [fit[i] for i in batch], decoding, start):
                    pass
        return [self._generation(row) for row in rows]

    def stream(self, prompt: Prompt, decoding: Decoding) -> Streamed:
        """Yield the text in pieces, each of whole characters; together they are `generate`'s.

        It returns the whole Generation. A prompt that is too long yields nothing.
        """
        row = self._rows([prompt], decoding)[0]
        if row.limit <= 0:
            return self._generation(row)
        held = (
            max((len(stop) for stop in (*decoding.stop, *self.causal.chat.stop_texts)), default=1)
            - 1
        )
        steps = decode(self.causal, [row], decoding)
        with self.causal.using(self.adapter):
            # What "the one in use" is must not change between two steps.
            adapter = self.causal.adapter
        sent = 0
        while row.reason is None:
            # The model is held for the step alone, not while the reader of the stream works.
            with self.causal.using(adapter):
                next(steps)
            ready = len(row.text)
            if row.reason is None:
                ready = min(len(row.text.rstrip("\ufffd")), len(row.text) - held)
            if ready > sent:
                yield row.text[sent:ready]
                sent = ready
        return self._generation(row)

    def score(self, prompts: Sequence[Prompt], texts: Sequence[str]) -> list[float]:
        """Return the mean log-probability a token (nats) of each text after its prompt.

        Logits are computed at the texts' positions alone. An empty text scores 0, and a pair that
        does not fit the context minus infinity.
        """
        heads = [self.causal.chat.ids(prompt) for prompt in prompts]
        tails = [self.causal.chat.encode(text) for text in texts]
        scores, room = [0.0 if not tail else float("-inf") for tail in tails], self._room
        fit = [
            i
            for i, (head, tail) in enumerate(zip(heads, tails, strict=True))
            if tail and len(head) + len(tail) <= room
        ]
        if not fit:
            return scores
        keep = max(len(tails[i]) for i in fit) + 1
        pairs = [[*heads[i], *tails[i]] for i in fit]
        with self.causal.using(self.adapter):
            start = self.causal.begin(pairs, keep=keep)

            most = max(1, SCORE_BYTES // (self.causal.vocabulary * 4 * keep))
            for batch in self._batches(pairs, start, rows=most):
                read = self.causal.read([pairs[i] for i in batch], start, keep=keep)
                for i, told in zip(batch, read.log_probs(), strict=True):
                    tail = tails[fit[i]]
                    # Position i predicts token i + 1; the row ends with the text's last token.
                    scores[fit[i]] = float(np.mean(told[np.arange(-len(tail) - 1, -1), tail]))
        return scores

    def _batches(
        self, prompts: Sequence[Sequence[int]], start: Start | None, *, rows: int = 0
    ) -> list[list[int]]:
        """Return which prompts are computed together, `rows` of them at most (0: any number)."""
        shared = start.tokens if start else 0
        lengths = [len(ids) - shared for ids in prompts]
        # What is shared is not read again, but held by every row.
        held = 2 * self.batch_tokens // (shared + max(lengths, default=0) or 1)
        most = min(n for n in (rows, max(held, 1)) if n)
        return batches(lengths, self.batch_tokens, rows=most)

    def _rows(self, prompts: Sequence[Prompt], decoding: Decoding) -> list[Row]:
        rows, seen, room = [], Counter[tuple[int, ...]](), self._room
        for prompt in prompts:
            ids = tuple(self.causal.chat.ids(prompt))
            limit = min(decoding.max_new_tokens, room - len(ids))
            # The same prompt twice draws two texts; beside which others it stands does not matter.
            source = random.Random(value_hash([decoding.seed, ids, seen[ids]]))
            rows.append(Row(ids, limit, source))
            seen[ids] += 1
        return rows

    def _generation(self, row: Row) -> Generation:
        if row.reason is None:
            error = (
                f"the prompt has {len(row.ids)} tokens and the context holds "
                f"{self._room}: show fewer passages or raise generate.context_tokens"
            )
            return Generation("", "error", len(row.ids), 0, tuple(row.ids), error)
        return Generation(
            row.text, row.reason, len(row.ids), len(row.new), tuple(row.ids),
            log_probs=tuple(row.log_probs), silence=row.silence,
        )  # fmt: skip
