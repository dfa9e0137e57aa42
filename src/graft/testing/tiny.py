"""Tiny random models of real families, built in code: for tests that need torch and no download."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    BertConfig,
    BertModel,
    GemmaConfig,
    GemmaForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from graft.models.loading import quiet

Family = Literal["llama", "qwen", "gemma", "smollm", "plain"]

TEXTS = (
    "Unused leave of up to five days carries over to the next year.",
    "Leave days that are not taken by March are lost.",
    "How many leave days carry over? Five days carry over.",
    "The passages do not say.",
    "Answer the question from the passages. Give the answer first, in few words.",
    "Question: where is the office? The office is in Oslo, near the harbour.",
    "You are a helpful assistant. Write one question about this text.",
)

_CHATML = (
    "{% for message in messages %}"
    "{% if loop.first and messages[0]['role'] != 'system' %}"
    "<|im_start|>system\nDEFAULT<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

TEMPLATES: Mapping[str, str] = {
    "smollm": _CHATML.replace("DEFAULT", "You are a helpful AI assistant."),
    "qwen": _CHATML.replace("DEFAULT", "You are Qwen."),
    "llama": (
        "{{ bos_token }}{% for message in messages %}"
        "<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
        "{{ message['content'] | trim }}<|eot_id|>{% endfor %}"
        "{% if add_generation_prompt %}"
        "<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
    ),
    "gemma": (
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
        "{{ raise_exception('System role not supported') }}{% endif %}"
        "{% for message in messages %}"
        "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('Conversation roles must alternate') }}{% endif %}"
        "<start_of_turn>{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
        "{{ message['content'] | trim }}<end_of_turn>\n{% endfor %}"
        "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
    ),
}
"""Chat templates in the form of each family; "plain" has none."""

_SPECIAL: Mapping[str, tuple[str, ...]] = {
    "smollm": ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    "qwen": ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    "llama": (
        "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|start_header_id|>",
        "<|end_header_id|>",
    ),
    "gemma": ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"),
    "plain": ("<|endoftext|>",),
}  # fmt: skip

_ROLES: Mapping[str, Mapping[str, str]] = {
    "smollm": {"bos": "<|im_start|>", "eos": "<|im_end|>", "pad": "<|im_end|>"},
    "qwen": {"eos": "<|im_end|>", "pad": "<|endoftext|>"},
    "llama": {"bos": "<|begin_of_text|>", "eos": "<|end_of_text|>"},
    "gemma": {"bos": "<bos>", "eos": "<eos>", "pad": "<pad>"},
    "plain": {"eos": "<|endoftext|>"},
}
"""As in the real ones: SmolLM2's pad is its end token, and Llama's has no pad."""


def tiny_causal(folder: str | Path, family: Family = "llama", *, seed: int = 0) -> Path:
    """Save a random causal model of a family with its tokenizer and template; return the folder.

    About 30,000 weights in float32; the same seed gives the same weights.
    """
    target = Path(folder)
    tokenizer = tiny_tokenizer(family)
    roles = _ROLES[family].items()
    ids = {f"{role}_token_id": tokenizer.convert_tokens_to_ids(token) for role, token in roles}
    shape: dict[str, Any] = {
        "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 512, "initializer_range": 0.3,
        "bos_token_id": None, "eos_token_id": None, "pad_token_id": None, **ids,
    }  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any
        if family == "gemma":
            model = GemmaForCausalLM(GemmaConfig(**shape, head_dim=8))
        elif family == "qwen":
            model = Qwen2ForCausalLM(Qwen2Config(**shape))
        else:
            model = LlamaForCausalLM(LlamaConfig(**shape, tie_word_embeddings=family == "smollm"))
    with quiet():
        model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    return target


def tiny_encoder(folder: str | Path, *, seed: int = 0, max_tokens: int = 64) -> Path:
    """Save a random sentence encoder (BERT, mean pooling, unit length); return the folder.

    Vectors have 32 dimensions; the same seed gives the same weights.
    """
    target = Path(folder)
    tokenizer = _word_pieces(max_tokens)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=max_tokens,
        initializer_range=0.3,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body = BertModel(config)
    with tempfile.TemporaryDirectory() as body_folder, quiet():
        body.save_pretrained(body_folder)
        tokenizer.save_pretrained(body_folder)
        transformer = Transformer(body_folder, max_seq_length=max_tokens)
        pooling = Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")
        model = SentenceTransformer(modules=[transformer, pooling, Normalize()], device="cpu")
        model.save(str(target), create_model_card=False)
    return target


def tiny_tokenizer(family: Family) -> PreTrainedTokenizerFast:
    """Return a byte-level BPE tokenizer of about 320 tokens with a family's chat template."""
    special = list(_SPECIAL[family])
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + len(special) + 60,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in special],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=512,
        **{f"{role}_token": token for role, token in _ROLES[family].items()},
    )
    fast.chat_template = TEMPLATES.get(family)
    return fast


def _word_pieces(max_tokens: int) -> PreTrainedTokenizerFast:
    # The vocabulary is written down: the trainer of word pieces numbers them by chance.
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,?:"
    words = sorted(set(re.findall(r"[a-z]{2,}", " ".join(TEXTS).lower())))
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*special, *letters, *(f"##{letter}" for letter in letters), *words]
    vocabulary = {piece: id for id, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    ids = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ids
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_tokens,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )
