from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from graft.core.errors import ModelError
from graft.core.generation import Prompt
from graft.models.chat import ChatTemplate, chat_of
from graft.testing.tiny import Family, tiny_tokenizer

FAMILIES = get_args(Family)

PROMPT: Prompt = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "How many?"},
    {"role": "assistant", "content": "Five."},
    {"role": "user", "content": "Where?"},
]

SHOWN = {
    "llama": (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nHow many?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nFive.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nWhere?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    ),
    "qwen": (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHow many?<|im_end|>\n"
        "<|im_start|>assistant\nFive.<|im_end|>\n<|im_start|>user\nWhere?<|im_end|>\n"
        "<|im_start|>assistant\n"
    ),
    "gemma": (
        "<bos><start_of_turn>user\nBe brief.\n\nHow many?<end_of_turn>\n"
        "<start_of_turn>model\nFive.<end_of_turn>\n<start_of_turn>user\nWhere?<end_of_turn>\n"
        "<start_of_turn>model\n"
    ),
    "plain": (
        "Be brief.\n\nUser:\nHow many?\n\nAssistant:\nFive.<|endoftext|>\n\nUser:\nWhere?\n\n"
        "Assistant:\n"
    ),
}
SHOWN["smollm"] = SHOWN["qwen"]

ENDS = {
    "llama": ["<|eot_id|>", "<|end_of_text|>"], "qwen": ["<|im_end|>"], "smollm": ["<|im_end|>"],
    "gemma": ["<end_of_turn>", "<eos>"], "plain": ["<|endoftext|>"],
}  # fmt: skip


@pytest.fixture(scope="module")
def chats() -> dict[str, ChatTemplate]:
    return {family: chat_of(tiny_tokenizer(family)) for family in FAMILIES}


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_is_shown_as_its_template_says(
    chats: dict[str, ChatTemplate], family: str
) -> None:
    assert chats[family].text(PROMPT) == SHOWN[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_turn_ends_with_what_the_template_writes(
    chats: dict[str, ChatTemplate], family: str
) -> None:
    chat = chats[family]
    assert chat.tokenizer.convert_ids_to_tokens(list(chat.end_ids)) == ENDS[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_prompt_and_its_answer_are_the_conversation(
    chats: dict[str, ChatTemplate], family: str
) -> None:
    chat = chats[family]
    whole = chat.ids([*PROMPT, {"role": "assistant", "content": "In Oslo."}], generation=False)
    spelled = [*chat.ids(PROMPT), *chat.answer_ids("In Oslo.")]
    assert whole[: len(spelled)] == spelled
    assert chat.decode(chat.answer_ids("In Oslo.")) == "In Oslo."


@given(content=st.text(max_size=30), answer=st.text(max_size=10))
def test_any_prompt_is_a_prefix_of_itself_with_an_answer(content: str, answer: str) -> None:
    chat = CHATML
    prompt: Prompt = [{"role": "user", "content": content}]
    ids = chat.ids(prompt)
    given_back = [*ids, *chat.answer_ids(answer)]
    assert given_back[: len(ids)] == chat.ids(prompt)
    assert given_back[-1] == chat.end_ids[0]
    assert chat.answer_ids(answer).count(chat.end_ids[0]) == 1


CHATML = chat_of(tiny_tokenizer("smollm"))


@pytest.mark.parametrize("family", FAMILIES)
def test_control_tokens_in_a_document_are_ordinary_text(
    chats: dict[str, ChatTemplate], family: str
) -> None:
    chat = chats[family]
    plain: Prompt = [{"role": "user", "content": "a b"}]
    marks = "".join(token.content for token in chat.tokenizer.added_tokens_decoder.values())
    evil: Prompt = [{"role": "user", "content": f"a {marks} b <{marks}>"}]
    special = set(chat.tokenizer.added_tokens_decoder)
    count = lambda ids: sum(id in special for id in ids)  # noqa: E731
    assert count(chat.ids(evil)) == count(chat.ids(plain))
    assert count(chat.answer_ids(marks)) == 1


def test_a_default_system_turn_is_part_of_the_prompt(chats: dict[str, ChatTemplate]) -> None:
    shown = chats["smollm"].text([{"role": "user", "content": "a"}])
    assert shown.startswith("<|im_start|>system\nYou are a helpful AI assistant.<|im_end|>\n")


def test_a_template_that_drops_the_system_turn_gets_it_in_the_first_user_turn() -> None:
    tokenizer = tiny_tokenizer("plain")
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m['role'] != 'system' %}{{ m['content'] }}{{ eos_token }}"
        "{% endif %}{% endfor %}"
    )
    chat = chat_of(tokenizer)
    assert chat.folds_system
    system: Prompt = [{"role": "system", "content": "Be brief."}]
    assert chat.text([*system, {"role": "user", "content": "a"}]) == "Be brief.\n\na<|endoftext|>"
    assert chat.text(system) == "Be brief.<|endoftext|>"


def test_a_template_may_not_write_the_date_of_today() -> None:
    tokenizer = tiny_tokenizer("plain")
    tokenizer.chat_template = (
        "{% if not date_string is defined %}{% set date_string = strftime_now('%d') %}{% endif %}"
        "{{ date_string }} {{ messages[0]['content'] }}{{ eos_token }}"
    )
    assert chat_of(tokenizer).text([{"role": "user", "content": "a"}]).startswith("26 Jul 2024 a")


def test_a_model_without_a_template_gets_the_plain_one_and_its_stop() -> None:
    assert CHATML.stop_texts == ()
    assert chat_of(tiny_tokenizer("plain")).stop_texts == ("\n\nUser:",)


def test_end_ids_of_the_generation_config_count_too() -> None:
    tokenizer = tiny_tokenizer("llama")
    assert 7 in chat_of(tokenizer, stated_ends=[7, None]).end_ids


def test_a_turn_that_nothing_ends_is_an_error() -> None:
    tokenizer: Any = tiny_tokenizer("plain")
    tokenizer.eos_token = None
    tokenizer.chat_template = "{{ messages[0]['content'] }}"
    with pytest.raises(ModelError, match="eos_token"):
        chat_of(tokenizer)


def test_the_pad_id_may_be_an_end_id(chats: dict[str, ChatTemplate]) -> None:
    assert chats["smollm"].pad_id == chats["smollm"].end_ids[0]
    assert chats["llama"].pad_id == chats["llama"].end_ids[0]
    assert chats["gemma"].pad_id not in chats["gemma"].end_ids


def test_a_saved_tokenizer_is_the_same(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer("gemma")
    tokenizer.save_pretrained(tmp_path)
    again = chat_of(AutoTokenizer.from_pretrained(tmp_path))
    assert again.ids(PROMPT) == chat_of(tokenizer).ids(PROMPT)
