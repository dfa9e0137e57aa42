"""FastCausal: a causal model as OpenVINO runs it, with the adapter that it was written with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from graft.core.errors import ModelError
from graft.models.chat import ChatTemplate
from graft.models.chat_tokenizer import ChatTokenizer
from graft.models.ir import TOKENIZER, Ir, cores, openvino
from graft.models.session import Start, padded, shared_start


@dataclass(frozen=True)
class FastCausal:
    """A LanguageModel by OpenVINO; in float32 what may follow a text is what torch says.

    `adapter` is the name of the one that is in its weights ("" for none): no other can be used.
    """

    ir: Ir
    name: str
    adapter: str = ""
    lock: RLock = field(default_factory=RLock, repr=False, compare=False)
    virtual_tokens: int = 0

    @property
    def digest(self) -> str:
        """The digest of the torch module whose numbers these are, and of their format if other."""
        return str(self.ir.about["digest"])

    @property
    def context_tokens(self) -> int:
        return self.ir.limit

    @property
    def vocabulary(self) -> int:
        return int(self.ir.about["width"])

    @cached_property
    def chat(self) -> ChatTemplate:
        said = self.ir.about["chat"]
        inner = Tokenizer.from_file(str(self.ir.folder / TOKENIZER))
        special = re.compile(said["special"]) if said["special"] else None
        return ChatTemplate(
            ChatTokenizer(inner, said["template"], said["tokens"], said["pad"]),
            tuple(said["end_ids"]), tuple(said["stop_texts"]), special, said["folds_system"],
        )  # fmt: skip

    @contextmanager
    def using(self, name: str | None) -> Iterator[None]:
        """Be alone with the model within the block. Raises ModelError for another adapter."""
        if name not in (None, self.adapter):
            raise ModelError(
                f"{self.name} by OpenVINO has {self.adapter or 'no adapter'} in its weights, and "
                f"{name or 'no adapter'} was asked for: set generate.engine to torch"
            )
        with self.lock:
            yield

    def begin(self, prompts: Sequence[Sequence[int]], *, keep: int = 1) -> Start | None:
        """Read what prompts have in common; None for too little."""
        if not (shared := shared_start(prompts, keep)):
            return None
        session = IrSession(self._compiled.create_infer_request(), keep)
        first = np.array([prompts[0][:shared]])
        session.run(first, np.ones_like(first), [0])
        return Start(shared, [state.state.data.copy() for state in session.request.query_state()])

    def read(
        self, prompts: Sequence[Sequence[int]], start: Start | None = None, *, keep: int = 1
    ) -> IrSession:
        """Read prompts, for the decoding loop to continue them; each session has its own cache."""
        session = IrSession(self._compiled.create_infer_request(), keep)
        if start:
            states = session.request.query_state()
            for state, kept in zip(states, start.kept, strict=True):
                state.state = openvino().Tensor(kept)
        ids, mask = padded(prompts, self.chat.pad_id, shared=start.tokens if start else 0)
        rows = [0] * len(prompts) if start else range(len(prompts))
        session.run(np.array(ids), np.array(mask), rows)
        return session

    @cached_property
    def _compiled(self) -> Any:
        settings = {
            "INFERENCE_NUM_THREADS": cores(),
            "NUM_STREAMS": 1,
            # What a machine may round is not to hang on the machine.
            "INFERENCE_PRECISION_HINT": "f32",
            "KV_CACHE_PRECISION": "f32",
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0,
        }
        return self.ir.compiled(settings)


@dataclass
class IrSession:
    """A batch in an infer request, which holds its keys and values.

    `mask` is `(rows, length) int64` with zeros on the padding. What is told are the last `keep`
    positions of what was read last.
    """

    request: Any
    keep: int
    mask: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))

    def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64], rows: Sequence[int]) -> None:
        """Read ids `(n, new)`, the first `rows[i]` of the rows before going on in row i."""
        width, self.mask = ids.shape[1], mask
        places = np.maximum(mask.cumsum(axis=1) - 1, 0)[:, -width:]
        given = {
            "input_ids": ids, "attention_mask": mask, "position_ids": places,
            "logits_to_keep": np.arange(max(width - self.keep, 0), width),
            "beam_idx": np.array(rows, dtype=np.int32),
        }  # fmt: skip
        self.request.infer(given, share_inputs=True)

    @property
    def _logits(self) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self.request.get_output_tensor(0).data
        return found

    def choose(
        self, temperature: float, draws: Sequence[float], never: Sequence[int] = ()
    ) -> list[int]:
        logits = self._logits[:, -1]
        if never:
            logits = logits.copy()
            logits[:, list(never)] = -np.inf
        if temperature == 0:
            return [int(token) for token in logits.argmax(axis=-1)]
        weights = _softmax(logits / temperature).cumsum(axis=-1, dtype=np.float64)
        found = [
            np.searchsorted(row, draw * row[-1], side="right")
            for row, draw in zip(weights, draws, strict=True)
        ]
        return [min(int(token), logits.shape[-1] - 1) for token in found]

    def told(self, tokens: Sequence[Sequence[int]]) -> list[float]:
        found = zip(self._logits[:, -1], tokens, strict=True)
        return [float(_log_sum(row[list(ids)]) - _log_sum(row)) for row, ids in found]

    def step(self, tokens: Sequence[int], kept: Sequence[int]) -> None:
        self.keep = 1
        seen = np.ones((len(kept), 1), dtype=np.int64)
        mask = np.concatenate([self.mask[list(kept)], seen], axis=1)
        self.run(np.array(tokens)[:, None], mask, kept)

    def log_probs(self) -> NDArray[np.float32]:
        raised = self._logits - self._logits.max(axis=-1, keepdims=True)
        found: NDArray[np.float32] = raised - np.log(np.exp(raised).sum(axis=-1, keepdims=True))
        return found


def _log_sum(logits: NDArray[np.float32]) -> float:
    most = float(logits.max())
    return most + float(np.log(np.exp(logits.astype(np.float64) - most).sum()))


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    found: NDArray[np.float32] = raised / raised.sum(axis=-1, keepdims=True)
    return found
