"""Export: an encoder or a reranker of torch written once as OpenVINO reads it, and compared."""

from __future__ import annotations

import json
import secrets
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from graft.core.files import flush
from graft.core.space import Dtype
from graft.models.encoder import SentenceEncoder
from graft.models.fast import BUILDING
from graft.models.ir import ABOUT, MODEL, TOKENIZER, Ir, Refused, Rows, Texts, openvino
from graft.models.loading import first_line, quiet
from graft.models.reranker import CrossEncoderReranker
from graft.models.starter import claim

OFF: Mapping[Dtype, float] = {"float32": 1e-3, "bfloat16": 3e-2}
"""How far a number may be off, of the largest: another order of sums makes 1e-6 in float32, and
bfloat16 is off by 6e-3 from float32 with the starter encoder; a mask that is lost makes .1 and
more."""

SENTENCES = (
    "",
    "Who?",
    "  The BRIDGE at Arden\twas finished in 1931. ",
    "Größe, naïve café, 東京都, Москва, 🚲 e\u0301",
    "A permit costs twelve pounds and is valid for one year. " * 9,
    "one two three",
    "What does heapq.merge(*iterables) return?",
)
"""What both read: nothing, one word, signs of many kinds, and beside them more than is read."""

INPUTS = ("input_ids", "attention_mask", "token_type_ids")

Told = tuple[Texts, Rows]
"""Texts as an Ir is to read them, and what torch says of them."""


def export_encoder(encoder: SentenceEncoder, target: Path, *, dtype: Dtype = "float32") -> Path:
    """Write an encoder as an Ir in the folder `target`, and return it.

    Its vectors of queries and of passages are compared with torch's on texts of very different
    lengths in one batch: a folder appears only where they are equal, whole or not at all. Raises
    Refused where it cannot be written or they are not.
    """
    encoder = replace(encoder, dtype=dtype)
    about = {
        "kind": "encoder", "digest": encoder.digest, "dtype": dtype,
        "width": encoder.dimensions,
        "limit": encoder.max_tokens, "query_prefix": encoder.query_prefix,
        "passage_prefix": encoder.passage_prefix,
    }  # fmt: skip
    if any(not getattr(part, "include_prompt", True) for part in encoder.module):
        raise Refused(f"{encoder.name} leaves its prefix out of the mean, as no Ir does")
    texts = _texts(encoder.max_tokens)
    told: list[Told] = [
        ([encoder.query_prefix + text for text in texts], encoder.encode_queries(texts)),
        ([encoder.passage_prefix + text for text in texts], encoder.encode_passages(texts)),
    ]
    output = _Output(encoder.module, "sentence_embedding", unit=encoder.to_unit_length)
    return _export(encoder, output, told, about, target)


def export_reranker(
    reranker: CrossEncoderReranker, target: Path, *, dtype: Dtype = "float32"
) -> Path:
    """Write a reranker as an Ir in the folder `target`, as `export_encoder` does an encoder."""
    reranker = replace(reranker, dtype=dtype)
    about = {
        "kind": "reranker", "digest": reranker.digest, "dtype": dtype, "width": 1,
        "limit": reranker.max_tokens,
    }  # fmt: skip
    texts = _texts(reranker.max_tokens)
    pairs = [(question, text) for question in texts[1:4] for text in texts]
    told = [(pairs, reranker.score(pairs)[:, None])]
    return _export(reranker, _Output(reranker.module, "scores"), told, about, target)


def _texts(limit: int) -> list[str]:
    """Return what is compared, with one text that is longer than a model reads."""
    long = "Unused leave carries over to the next year, and is lost when it is not taken. "
    return [*SENTENCES, long * (limit // 12 + 2)]


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
    model: Any, output: _Output, told: Sequence[Told], about: Mapping[str, Any], target: Path
) -> Path:
    with appearing(target) as building:
        features = model.module.preprocess(list(told[0][0][1:3]))
        given = {name: features[name] for name in INPUTS if name in features}
        if other := [n for n, v in features.items() if torch.is_tensor(v) and n not in given]:
            raise Refused(f"{model.name} reads {', '.join(other)} too, as no Ir does")
        _convert(model, output, given, building)
        tokenizer = model.module.tokenizer
        save_tokenizer(tokenizer, building, model.name)
        tell(building, {**about, "inputs": list(given), "pad": int(tokenizer.pad_token_id or 0)})
        for texts, theirs in told:
            _compare(Ir(building), texts, theirs, model)
    return target


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """Yield a folder beside `target` that takes its place where the block ends without an error.

    Whole or not at all.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    building = target.with_name(f"{BUILDING}{secrets.token_hex(8)}")
    building.mkdir()
    try:
        yield building
        flush([building, *building.iterdir()])
        if not Ir(target).whole:
            shutil.rmtree(target, ignore_errors=True)
        claim(building, target)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def save_tokenizer(tokenizer: Any, folder: Path, name: str) -> None:
    """Write transformers' tokenizer as tokenizer.json. Raises Refused where it is none."""
    if (backend := getattr(tokenizer, "backend_tokenizer", None)) is None:
        raise Refused(f"{name} has a tokenizer that is no tokenizer.json")
    copy = type(backend).from_str(backend.to_str())
    copy.no_padding()
    copy.no_truncation()
    copy.save(str(folder / TOKENIZER))


def tell(folder: Path, about: Mapping[str, Any]) -> None:
    """Write about.json, with the sizes of what is in the folder."""
    sizes = {path.name: path.stat().st_size for path in folder.iterdir() if path.name != ABOUT}
    text = json.dumps({**about, "sizes": sizes}, indent=1)
    (folder / ABOUT).write_text(text, encoding="utf-8")


def _convert(model: Any, output: _Output, given: Mapping[str, Any], folder: Path) -> None:
    with model.lock:
        model.module.eval()
        made = converted(output, dict(given), model.name)
        saved(made, folder)


def saved(model: Any, folder: Path) -> None:
    """Write OpenVINO's model into a folder. Raises OSError where the disk refuses it."""
    try:
        openvino().save_model(model, str(folder / MODEL), compress_to_fp16=False)
    except RuntimeError as error:  # so it calls a full disk
        raise OSError(f"{folder} cannot be written ({first_line(error)})") from error


def converted(module: torch.nn.Module, example: Mapping[str, Any], name: str) -> Any:
    """Return a module as OpenVINO's. Raises Refused for one that cannot be followed."""
    with torch.inference_mode(), quiet(warnings=False), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return openvino().convert_model(module, example_input=dict(example))
        except (OSError, MemoryError):
            raise
        except Exception as error:  # whatever the tracer or the converter cannot follow
            raise Refused(f"{name} cannot be written for OpenVINO ({first_line(error)})") from error


def _compare(ir: Ir, texts: Texts, theirs: Rows, model: Any) -> None:
    alone = np.concatenate([ir.run([text], 1 << 20) for text in texts])  # type: ignore[arg-type]
    both = np.stack([ir.run(texts, 1 << 20), alone]) - theirs
    off = float(np.abs(both).max()) / max(float(np.abs(theirs).max()), 1e-9)
    if not off <= OFF[model.dtype]:  # no number included
        raise Refused(
            f"{model.name} gives other numbers by OpenVINO (off by {off:.2g} of the largest)"
        )
