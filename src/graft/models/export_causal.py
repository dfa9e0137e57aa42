"""Export of a causal model: written once as OpenVINO reads it, with its cache, and compared.

The module is traced with its keys and values as inputs and outputs, which then become states of
the graph: the form of optimum's and openvino-genai's models, whose `beam_idx` says which row of
the states each row goes on from.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from graft.core.generation import Prompt
from graft.core.hashing import value_hash
from graft.models.causal import Causal
from graft.models.export import OFF, SENTENCES, appearing, converted, save_tokenizer, saved, tell
from graft.models.fast_causal import FastCausal
from graft.models.ir import Ir, Refused, openvino
from graft.models.loading import first_line
from graft.models.reply_probe import PROMPTS
from graft.models.session import LanguageModel

INPUTS = ("input_ids", "attention_mask", "position_ids", "logits_to_keep")

HALF_OFF = 2.0**-25
"""How far 16 bits may be off the weights that they stand for. Of bfloat16's own weights they hold
all of 7.6e-6 and more as they are; what is off in smaller ones is nothing beside the others."""

FEW = 1024
"""A constant of fewer numbers is left as it is."""

THIN = 32
"""A matrix of fewer rows or columns is left as it is by int8: an adapter's products are such."""

INT8_OFF = 0.25
"""How far int8 may be off torch (mean divergence, nats): what is not applied is off by 1 and more;
which answers are worse is for an evaluation to say."""

KEEP = 3
"""Last positions of a prompt that are compared."""

TURNS: Prompt = [
    {"role": "system", "content": "Answer in few words."}, {"role": "user", "content": "Who?"},
    {"role": "assistant", "content": "Two brothers, <|im_end|> they say."},
    {"role": "user", "content": "When did they build it? " * 30},
]  # fmt: skip

Rows = NDArray[np.float32]


def export_causal(causal: Causal, target: Path, *, int8: bool = False) -> Path:
    """Write a causal model, with the adapter in use, as an Ir in the folder `target`; return it.

    Weights that 16 bits hold as they are take 16 bits; with `int8`, matrices take 8, and the
    digest says so. What may follow prompts of very different lengths is compared with torch's, in
    one batch that goes on and shrinks, and alone: a folder appears only where it is equal. Raises
    Refused where the model cannot be written or it is not.
    """
    with causal.using(None), appearing(target) as building:
        if causal.virtual_tokens:
            raise Refused(f"{causal.name} has an adapter of virtual tokens, as no Ir does")
        model = _stateful(causal)
        save_tokenizer(causal.tokenizer, building, causal.name)
        about = {
            "kind": "causal", "digest": causal.digest, "width": causal.vocabulary,
            "limit": causal.context_tokens, "chat": _chat(causal),
        }  # fmt: skip
        if not int8:
            _in_half(model)
        off = _written(model, causal, about, building)
        if not off <= OFF["float32"]:  # no number included
            raise Refused(
                f"{causal.name} gives other numbers by OpenVINO (off by {off:.2g} of the largest)"
            )
        if int8:
            _in_bytes(model)
            _in_half(model)
            about["digest"] = value_hash([causal.digest, "int8"])
            off = _written(model, causal, about, building, by=_divergence)
            if not off <= INT8_OFF:
                raise Refused(f"{causal.name} is another model in int8 (off by {off:.2g} nats)")
    return target


class _Traced(torch.nn.Module):
    """A transformers model whose keys and values go in and out."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: Any, attention_mask: Any, position_ids: Any, logits_to_keep: Any, past: Any
    ) -> tuple[torch.Tensor, ...]:
        cache: Any = DynamicCache(config=self.model.config)
        for layer, (keys, values) in zip(cache.layers, past, strict=True):
            layer.keys, layer.values, layer.is_initialized = keys, values, True
            layer.dtype, layer.device = keys.dtype, keys.device
        out = self.model(
            input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids,
            logits_to_keep=logits_to_keep, past_key_values=cache, use_cache=True,
        )  # fmt: skip
        halves = [half for layer in cache.layers for half in (layer.keys, layer.values)]
        return (out.logits, *halves)


def _stateful(causal: Causal) -> Any:
    """Return a model as OpenVINO's, its keys and values as states."""
    shapes = _cache_shapes(causal)
    rows, before, new = 2, 3, 2  # all above 1, which a tracer takes for good
    past = [
        tuple(torch.zeros(rows, heads, before, size) for heads, size in layer) for layer in shapes
    ]
    example = {
        "input_ids": torch.ones(rows, new, dtype=torch.long),
        "attention_mask": torch.ones(rows, before + new, dtype=torch.long),
        "position_ids": torch.tensor([[before, before + 1]] * rows),
        "logits_to_keep": torch.tensor([1]), "past": past,
    }  # fmt: skip
    model = converted(_Traced(causal.model), example, causal.name)
    try:
        _with_states(model, [half for layer in shapes for half in layer])
    except RuntimeError as error:
        raise Refused(
            f"{causal.name} cannot be written for OpenVINO ({first_line(error)})"
        ) from error
    return model


def _cache_shapes(causal: Causal) -> list[list[tuple[int, int]]]:
    """Return the heads and their size of keys and of values, a layer; raise Refused for others."""
    lacking = set(INPUTS) - inspect.signature(causal.model.forward).parameters.keys()
    layers = DynamicCache(config=causal.model.config).layers
    if lacking or not all(type(layer) is DynamicLayer for layer in layers):
        kind = f"takes no {min(lacking)}" if lacking else "keeps no keys and values of all it read"
        raise Refused(f"{causal.name} {kind}, as every Ir does")
    cache: Any = causal.read([[causal.pad_id]]).cache
    halves = [(layer.keys, layer.values) for layer in cache.layers]
    return [[(half.shape[1], half.shape[3]) for half in both] for both in halves]


def _with_states(model: Any, shapes: Sequence[tuple[int, int]]) -> None:
    ov, ops = openvino(), openvino().opset13
    from openvino._offline_transformations import apply_make_stateful_transformation

    for port, name in zip(model.inputs, INPUTS, strict=False):
        port.get_tensor().set_names({name})
        rank = 1 if name == "logits_to_keep" else 2
        port.get_node().set_partial_shape(ov.PartialShape([-1] * rank))
    states = {}
    for i, (heads, size) in enumerate(shapes):
        port, out = model.inputs[len(INPUTS) + i], model.outputs[1 + i]
        port.get_tensor().set_names({f"past.{i}"})
        out.get_tensor().set_names({f"present.{i}"})
        port.get_node().set_partial_shape(ov.PartialShape([-1, heads, -1, size]))
        states[f"past.{i}"] = f"present.{i}"
    beam = ops.parameter(ov.PartialShape([-1]), ov.Type.i32, name="beam_idx")
    beam.output(0).get_tensor().add_names({"beam_idx"})
    model.add_parameters([beam])
    for name in states:
        port = model.input(name)
        users = port.get_target_inputs()
        chosen = ops.gather(port, beam, ops.constant(0))
        for user in users:
            user.replace_source_output(chosen.output(0))
    model.validate_nodes_and_infer_types()
    apply_make_stateful_transformation(model, states)
    # A state begins without positions, in as many rows as are read first.
    shape = ops.shape_of(model.input("input_ids"), output_type="i64")
    rows = ops.gather(shape, ops.constant([0]), ops.constant(0))
    for op in model.get_ops():
        if op.get_type_name() == "ReadValue":
            _, heads, _, size = (each.min_length for each in op.get_output_partial_shape(0))
            rest = ops.constant(np.array([heads, 0, size], dtype=np.int64))
            empty = ops.broadcast(ops.constant(np.float32(0)), ops.concat([rows, rest], axis=0))
            op.set_arguments([empty])
    model.validate_nodes_and_infer_types()


def _constants(model: Any) -> Iterator[Any]:
    f32 = openvino().Type.f32
    for op in model.get_ordered_ops():
        if op.get_type_name() == "Constant" and op.get_element_type() == f32:
            yield op


def _instead(old: Any, new: Any) -> None:
    for user in old.output(0).get_target_inputs():
        user.replace_source_output(new.output(0))


def _in_half(model: Any) -> None:
    """Have the weights that 16 bits hold as they are in 16 bits, and all others as they were.

    A step reads every weight once, so that it takes little more than half of the time.
    """
    ops = openvino().opset13
    from openvino._offline_transformations import compress_model_transformation

    # It takes all constants there are. What is none for the moment it leaves alone.
    spared = []
    for constant in _constants(model):
        weights = constant.data
        with np.errstate(over="ignore"):
            off = np.abs(weights.astype(np.float16).astype(np.float32) - weights)
        if weights.size < FEW or not float(off.max()) <= HALF_OFF:
            stand_in = ops.parameter(list(weights.shape), openvino().Type.f32)
            _instead(constant, stand_in)
            spared.append((stand_in, constant))
    model.add_parameters([stand_in for stand_in, _ in spared])
    compress_model_transformation(model)
    for stand_in, constant in spared:
        _instead(stand_in, constant)
        model.remove_parameter(stand_in)


def _in_bytes(model: Any) -> None:
    """Have matrices in 8 bits, symmetric, with a scale a row: arXiv:2208.07339 without outliers."""
    ops = openvino().opset13
    for constant in list(_constants(model)):
        weights = constant.data
        if weights.ndim == 2 and min(weights.shape) >= THIN:
            most = np.abs(weights).max(axis=1, keepdims=True)
            scale = np.where(most > 0, most / 127, 1).astype(np.float32)
            rounded = ops.constant(np.round(weights / scale).astype(np.int8))
            _instead(constant, ops.multiply(ops.convert(rounded, "f32"), ops.constant(scale)))
    model.validate_nodes_and_infer_types()


def _chat(causal: Causal) -> dict[str, Any]:
    chat, tokenizer = causal.chat, causal.tokenizer
    return {
        "template": tokenizer.get_chat_template(), "tokens": tokenizer.special_tokens_map,
        "pad": tokenizer.pad_token_id, "end_ids": chat.end_ids, "stop_texts": chat.stop_texts,
        "special": chat.special.pattern if chat.special else "", "folds_system": chat.folds_system,
    }  # fmt: skip


def _relative(ours: Rows, theirs: Rows) -> float:
    return float(np.abs(ours - theirs).max()) / float(np.abs(theirs).max())


def _divergence(ours: Rows, theirs: Rows) -> float:
    return float((np.exp(theirs) * (theirs - ours)).sum(axis=-1).mean())


def _written(
    model: Any, causal: Causal, about: Mapping[str, Any], folder: Path,
    *, by: Callable[[Rows, Rows], float] = _relative,
) -> float:  # fmt: skip
    """Write a model into a folder, and return how far it is off torch at most."""
    saved(model, folder)
    tell(folder, about)
    ours = FastCausal(Ir(folder), causal.name)
    short: list[Prompt] = [[{"role": "user", "content": text}] for text in SENTENCES]
    prompts = [*PROMPTS, *short, TURNS]
    rows = [causal.ids(prompt) for prompt in prompts]
    try:
        same = [ours.chat.ids(prompt) for prompt in prompts] == rows
    except Exception as error:  # of a template: jinja2's, and any of Python's own
        raise Refused(
            f"{causal.name} has a template that needs transformers ({first_line(error)})"
        ) from error
    for text in (*SENTENCES, causal.chat.text(TURNS)):
        ids = causal.encode(text)
        same &= ours.chat.encode(text) == ids and ours.chat.decode(ids) == causal.decode(ids)
    if not same:
        raise Refused(f"{causal.name} has a tokenizer or a template that needs transformers")
    fit = [row for row in rows if KEEP <= len(row) < causal.context_tokens - KEEP]
    return max(by(a, b) for a, b in zip(_told(ours, fit), _told(causal, fit), strict=True))


def _told(model: LanguageModel, rows: Sequence[Sequence[int]]) -> Iterator[Rows]:
    """Yield what may follow rows in a batch, after a token more, of every second one, and alone."""
    session = model.read(rows, keep=KEEP)
    yield session.log_probs()
    for every in (1, 2):
        kept = list(range(0, len(rows), every))
        session.step([rows[i][-2] for i in kept], kept)
        yield session.log_probs()
    for row in rows:
        yield model.read([row], keep=KEEP).log_probs()
