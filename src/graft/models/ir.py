"""Ir: a transformer as OpenVINO runs it, with its tokenizer: texts in, numbers out, no torch.

A folder of one holds model.xml and model.bin, tokenizer.json, and about.json, which says what
loading the torch module would have told. `graft.models.export` writes them.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from threading import Lock, RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from graft.core.errors import MissingExtra, ModelError
from graft.models.batching import batches

MODEL, TOKENIZER, ABOUT = "model.xml", "tokenizer.json", "about.json"

AT_ONCE = 1024
"""Texts that are tokenised while those before them are computed."""

Texts = Sequence[str] | Sequence[tuple[str, str]]
Rows = NDArray[np.float32]


class Refused(ModelError):
    """What OpenVINO does not take, or computes otherwise: trying again would say the same."""


def openvino() -> Any:
    """Return the openvino package, its telemetry left out. Raises MissingExtra without it.

    It reports each import to its makers, unless their package for that cannot be imported.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino as found
    except ImportError as error:
        raise MissingExtra(
            "openvino", "engine = openvino", "pip install graft-rag[fast]"
        ) from error
    return found


def core() -> Any:
    """Return OpenVINO's runtime, one for as long as the process lives.

    It gives the thread that first uses it a stack for signals, and frees that with itself, from
    whichever thread: where one had gone, the next Ctrl-C was a segmentation fault.
    """
    with _MAKING:  # a cache alone lets two threads make one each
        return _core()


_MAKING = Lock()


@cache
def _core() -> Any:
    return openvino().Core()


def computes_bfloat16() -> bool:
    """Return whether OpenVINO computes in bfloat16 on this processor, as those with AMX do."""
    able = core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "BF16" in able


def cores() -> int:
    """Return how many processors this process may use; OMP_NUM_THREADS counts, as for torch."""
    if (stated := os.environ.get("OMP_NUM_THREADS", "")).isdigit():
        return max(int(stated), 1)
    known = getattr(os, "sched_getaffinity", None)
    return len(known(0)) if known else os.cpu_count() or 1


@dataclass(frozen=True)
class Ir:
    """A model of one output, `(n, width) float32`, that reads texts or pairs of them.

    `folder` is where it is. Threads may ask at once: they take turns.
    """

    folder: Path
    threads: int = 0
    lock: RLock = field(default_factory=RLock, repr=False, compare=False)

    @property
    def whole(self) -> bool:
        """Whether all of its files are there, as long as they were when they were written."""
        try:
            sizes = self.about["sizes"].items()
            return all((self.folder / name).stat().st_size == size for name, size in sizes)
        except (OSError, ValueError, KeyError):
            return False

    @cached_property
    def about(self) -> dict[str, Any]:
        """What was written beside it: `dtype`, `width`, `limit`, `digest`, `inputs`, `pad`."""
        found: dict[str, Any] = json.loads((self.folder / ABOUT).read_text(encoding="utf-8"))
        return found

    @property
    def dtype(self) -> str:
        """The numbers that it computes in: float32 or bfloat16."""
        return str(self.about.get("dtype", "float32"))

    @property
    def limit(self) -> int:
        """How many tokens it reads, special ones included: longer texts are cut."""
        return int(self.about["limit"])

    def lengths(self, texts: Texts) -> list[int]:
        """Return how many tokens each takes, special tokens included, uncut."""
        return [len(each.ids) for each in self._whole.encode_batch(list(texts))]

    def run(self, texts: Texts, budget: int, *, limit: int = 0) -> Rows:
        """Return the model's numbers for each text, in batches of `budget` tokens with padding.

        Batches hold texts of like length; as many as there are cores are computed side by side,
        and the next texts are tokenised meanwhile.
        """
        found = np.zeros((len(texts), self.about["width"]), dtype=np.float32)
        with self.lock:
            queue = self._queue
            failed: list[str] = []

            def take(request: Any, rows: list[int]) -> None:
                # A callback that raises would take the process down.
                try:
                    found[rows] = request.get_output_tensor().data
                except Exception as error:
                    failed.append(f"{type(error).__name__}: {error}")

            queue.set_callback(take)
            try:
                for rows, inputs in self._inputs(texts, budget, limit=limit):
                    queue.start_async(inputs, rows)
            finally:  # a text that cannot be read leaves none under way for whoever comes next
                queue.wait_all()
        if failed:
            raise ModelError(f"{self.folder} cannot be computed ({failed[0]}): set engine to torch")
        return found

    def _inputs(
        self, texts: Texts, budget: int, *, limit: int = 0
    ) -> Iterator[tuple[list[int], dict[str, NDArray[np.int64]]]]:
        """Yield batches of `budget` tokens: positions in `texts`, and what the model reads."""
        cut = self._cut(limit) if limit else self._usual
        for start in range(0, len(texts), AT_ONCE):
            read = cut.encode_batch(list(texts[start : start + AT_ONCE]))
            for chosen in batches([len(each.ids) for each in read], budget):
                some = [read[i] for i in chosen]
                shape = (len(some), len(some[0].ids))  # the longest comes first
                columns = {name: np.zeros(shape, dtype=np.int64) for name in self.about["inputs"]}
                if "input_ids" in columns:
                    columns["input_ids"][:] = self.about["pad"]
                for row, each in enumerate(some):
                    told = {
                        "input_ids": each.ids, "attention_mask": each.attention_mask,
                        "token_type_ids": each.type_ids,
                    }  # fmt: skip
                    for name, column in columns.items():
                        column[row, : len(each.ids)] = told[name]
                yield [start + i for i in chosen], columns

    @property
    def settings(self) -> dict[str, Any]:
        """How OpenVINO is to run it."""
        threads = self.threads or cores()
        return {
            "INFERENCE_NUM_THREADS": threads,
            # One batch a core: two cores on one batch wait for each other.
            "NUM_STREAMS": threads,
            # Said, since auto would be bfloat16 wherever the processor has it.
            "INFERENCE_PRECISION_HINT": "bf16" if self.dtype == "bfloat16" else "f32",
        }

    @cached_property
    def _whole(self) -> Tokenizer:
        return Tokenizer.from_file(str(self.folder / TOKENIZER))

    @cached_property
    def _usual(self) -> Tokenizer:
        return self._cut(self.limit)

    def _cut(self, limit: int) -> Tokenizer:
        # One of its own: what is cut by a tokenizer is cut for whoever asks it meanwhile.
        made = Tokenizer.from_str(self._whole.to_str())
        made.enable_truncation(limit)
        return made

    @cached_property
    def _queue(self) -> Any:
        settings = self.settings
        return openvino().AsyncInferQueue(self.compiled(settings), settings["NUM_STREAMS"])

    def compiled(self, settings: Mapping[str, Any]) -> Any:
        """Return it as OpenVINO runs it by these settings. Raises ModelError if it cannot be."""
        try:
            return core().compile_model(str(self.folder / MODEL), "CPU", dict(settings))
        except RuntimeError as error:
            told = str(error).strip().splitlines()[-1]
            raise ModelError(
                f"{self.folder} cannot be read ({told}): delete it, and start again"
            ) from error
