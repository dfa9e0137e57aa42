"""Export: an encoder or a reranker of torch written once as OpenVINO reads it, and compared."""

from __future__ import annotations

import json
import secrets
import shutil
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from graft.core.errors import ModelError
from graft.core.files import drop_stale, flush
from graft.models.encoder import SentenceEncoder
from graft.models.ir import ABOUT, MODEL, TOKENIZER, Ir, Rows, Texts, openvino
from graft.models.loading import first_line, quiet
from graft.models.reranker import CrossEncoderReranker

OFF = 1e-3
"""How far a number may be off: rounding of another order of sums makes 1e-6 of a vector, a mask
that is lost .1 and more."""

SENTENCES = (
    "",
    "Who?",
    "  The BRIDGE at Arden\twas finished in 1931. ",
    "Größe, naïve café, 東京都, Москва, 🚲 e\u0301",
    "A permit costs twelve pounds and is valid for one year. " * 9,
    "Unused leave carries over to the next year, and is lost when it is not taken. " * 60,
    "one two three",
    "What does heapq.merge(*iterables) return?",
)
"""What both read: nothing, one word, signs of many kinds, and more than any model reads."""

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def export_encoder(encoder: SentenceEncoder, target: Path) -> Path:
    """Write an encoder as an Ir in the folder `target`, and return it.

    Its vectors are compared with torch's on texts of very different lengths in one batch: a
    folder appears only where they are equal, whole or not at all. Raises ModelError where it
    cannot be written or they are not.
    """
    about = {
        "kind": "encoder", "digest": encoder.digest, "width": encoder.dimensions,
        "limit": encoder.max_tokens, "query_prefix": encoder.query_prefix,
        "passage_prefix": encoder.passage_prefix,
    }  # fmt: skip
    if any(not getattr(part, "include_prompt", True) for part in encoder.module):
        raise ModelError(f"{encoder.name} leaves its prefix out of the mean, as no Ir does")
    output = _Output(encoder.module, "sentence_embedding", unit=encoder.to_unit_length)
    return _export(encoder, output, SENTENCES, encoder.encode, about, target)


def export_reranker(reranker: CrossEncoderReranker, target: Path) -> Path:
    """Write a reranker as an Ir in the folder `target`, as `export_encoder` does an encoder."""
    about = {
        "kind": "reranker", "digest": reranker.digest, "width": 1, "limit": reranker.max_tokens,
    }  # fmt: skip
    pairs = [(a, b) for a in SENTENCES[1:4] for b in SENTENCES]
    output = _Output(reranker.module, "scores")
    return _export(
        reranker, output, pairs, lambda asked: reranker.score(asked)[:, None], about, target
    )


class _Output(torch.nn.Module):
    """One output of a sentence-transformers model, in the order of INPUTS."""

    def __init__(self, module: Any, output: str, *, unit: bool = False) -> None:
        super().__init__()
        self.module, self.output, self.unit = module, output, unit

    def forward(
        self, input_ids: Any, attention_mask: Any, token_type_ids: Any | None = None
    ) -> torch.Tensor:
        given = dict(zip(INPUTS, (input_ids, attention_mask, token_type_ids), strict=True))
        found = self.module({name: value for name, value in given.items() if value is not None})
        value: torch.Tensor = found[self.output]
        if self.unit:
            return torch.nn.functional.normalize(value, dim=1)
        return value.reshape(-1, 1) if value.ndim == 1 else value


def _export(
    model: Any, output: _Output, texts: Texts, theirs: Callable[[Any], Rows],
    about: Mapping[str, Any], target: Path,
) -> Path:  # fmt: skip
    ov = openvino()
    target.parent.mkdir(parents=True, exist_ok=True)
    drop_stale(target.parent.iterdir(), now=time.time())
    building = target.with_name(f".building-{secrets.token_hex(8)}")
    building.mkdir()
    try:
        with model.lock, torch.inference_mode(), quiet(warnings=False), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.module.eval()
            features = model.module.preprocess(list(texts[1:3]))
            given = {name: features[name] for name in INPUTS if name in features}
            other = [n for n, v in features.items() if torch.is_tensor(v) and n not in INPUTS]
            if other:
                raise ModelError(f"{model.name} reads {', '.join(other)} too, as no Ir does")
            made = ov.convert_model(output, example_input=given)
            ov.save_model(made, str(building / MODEL), compress_to_fp16=False)
            tokenizer = model.module.tokenizer
            backend = type(tokenizer.backend_tokenizer).from_str(
                tokenizer.backend_tokenizer.to_str()
            )
        backend.no_padding()
        backend.no_truncation()
        backend.save(str(building / TOKENIZER))
        said = {**about, "inputs": list(given), "pad": int(tokenizer.pad_token_id or 0)}
        (building / ABOUT).write_text(json.dumps(said, indent=1), encoding="utf-8")
        _compare(Ir(building, said["limit"]), texts, theirs(texts), model.name)
        flush([building, *building.iterdir()])
        claim(building, target)
    except ModelError:
        raise
    except Exception as error:  # whatever the tracer or the converter cannot follow
        raise ModelError(
            f"{model.name} cannot be written for OpenVINO ({first_line(error)})"
        ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return target


def claim(building: Path, target: Path) -> None:
    """Put a finished folder where it belongs, unless another process was first."""
    try:
        building.rename(target)
    except OSError:
        if not target.exists():
            raise


def _compare(ir: Ir, texts: Sequence[Any], theirs: Any, name: str) -> None:
    mixed = ir.run(texts, 1 << 20)
    alone = np.concatenate([ir.run([text], 1 << 20) for text in texts])
    scale = max(float(np.abs(theirs).max()), 1e-9)
    off = max(float(np.abs(found - theirs).max()) / scale for found in (mixed, alone))
    if not off <= OFF:
        raise ModelError(
            f"{name} gives other numbers by OpenVINO (off by {off:.2g} of the largest)"
        )
