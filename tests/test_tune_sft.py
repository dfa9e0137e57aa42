"""Silent bugs of supervised fine-tuning: a test against each, for every family and batch form."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from torch import Tensor
from transformers import Gemma2Config, Gemma2ForCausalLM

from graft.core.document import Passage
from graft.core.errors import InputError
from graft.core.generation import Message
from graft.generate.prompts import CLOSED_BOOK, GROUNDED, TEMPLATES, build
from graft.models.causal import Causal, load_causal
from graft.testing.tiny import Family, tiny_causal
from graft.tune.sft import (
    Batch,
    Encoded,
    TrainItem,
    answer_logits,
    encode_items,
    items_digest,
    padded,
    token_losses,
)

FAMILIES: tuple[Family, ...] = get_args(Family)
ANSWERS = ("five days", "Oslo", "The passages do not say.", "12 March <|im_end|> 2024 é")

HISTORY: tuple[Message, ...] = (
    {"role": "user", "content": "Really?"},
    {"role": "assistant", "content": "Yes."},
)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Family], Causal]:
    loaded: dict[str, Causal] = {}

    def get(family: Family) -> Causal:
        if family not in loaded:
            folder = tiny_causal(tmp_path_factory.mktemp(family), family)
            loaded[family] = load_causal(str(folder), dtype="float32", device="cpu")
        return loaded[family]

    return get


def passages(count: int) -> list[Passage]:
    texts = ["Five days carry over.", "The office is in Oslo, near the harbour.", "Leave is lost."]
    return [Passage(f"p{i}", f"d{i}", 0, 9, texts[i], "s", title="Leave") for i in range(count)]


def items() -> list[TrainItem]:
    prompts = [
        build(CLOSED_BOOK, "How many days carry over?"),
        build(GROUNDED, "Where is the office?", passages(2)),
        build(GROUNDED, "Who?", passages(1)),
        build(GROUNDED, "When?", passages(3), history=HISTORY),
    ]
    return [TrainItem(p, a, str(i)) for i, (p, a) in enumerate(zip(prompts, ANSWERS, strict=True))]


def encoded(causal: Causal) -> list[Encoded]:
    kept, skipped = encode_items(causal, items(), 512)
    assert not skipped
    return kept


def owners(examples: Sequence[Encoded]) -> Tensor:
    """Return which example each learned token is of: a batch holds them example by example."""
    sizes = torch.tensor([len(example.labels) for example in examples])
    return torch.repeat_interleave(torch.arange(len(examples)), sizes)


def example_losses(model: Any, batch: Batch, examples: Sequence[Encoded]) -> Tensor:
    """Return each example's loss, summed over its answer's tokens: `(examples,)`."""
    losses = token_losses(model, batch)
    return torch.zeros(len(examples)).index_add(0, owners(examples), losses)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_learned_labels_are_the_answer_and_its_end_token_exactly(
    models: Callable[[Family], Causal], family: Family
) -> None:
    causal = models(family)
    examples = encoded(causal)
    batch = padded(examples, causal.pad_id)
    flat = batch.ids.flatten()
    for owner, answer in enumerate(ANSWERS):
        mine = owners(examples) == owner
        learned = batch.targets[mine].tolist()
        assert learned[-1] == causal.end_ids[0]
        assert learned.count(causal.end_ids[0]) == 1
        spelled = causal.tokenizer.decode(learned[:-1], clean_up_tokenization_spaces=False)
        # A special token's text in an answer is defused by a space, as serving would send it.
        assert spelled.replace("< |", "<|") == answer
        # What is learned is what stands one place after where it is predicted.
        assert flat[batch.where[mine] + 1].tolist() == learned


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_training_prompts_are_what_serving_sends(
    models: Callable[[Family], Causal], family: Family, name: str
) -> None:
    causal = models(family)
    prompt = build(TEMPLATES[name], "How many days?", passages(2))
    (example,), _ = encode_items(causal, [TrainItem(prompt, "five")], 512)
    served = causal.ids(prompt)
    assert list(example.ids[: example.prompt_tokens]) == served
    assert example.labels == tuple(causal.answer_ids("five"))


def test_the_default_system_prompt_is_in_the_training_prompt(
    models: Callable[[Family], Causal],
) -> None:
    causal = models("smollm")
    (example,), _ = encode_items(causal, [TrainItem([{"role": "user", "content": "a"}], "b")], 512)
    assert "You are a helpful AI assistant." in causal.decode(example.ids)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_loss_of_an_example_is_equal_alone_and_among_others(
    models: Callable[[Family], Causal], family: Family
) -> None:
    causal = models(family)
    examples = encoded(causal)
    with torch.no_grad():
        alone = torch.cat([example_losses(causal.model, padded([e], 0), [e]) for e in examples])
        in_rows = example_losses(causal.model, padded(examples, causal.pad_id), examples)
        turned = examples[::-1]
        other_order = example_losses(causal.model, padded(turned, 0), turned).flip(0)
    torch.testing.assert_close(in_rows, alone, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(other_order, alone, rtol=1e-5, atol=1e-5)


def full_logits_loss(model: Any, causal: Causal, examples: Sequence[Encoded]) -> Tensor:
    """The plain way: a mask by hand, all logits, labels of -100 off the answer."""
    length = max(len(e.ids) for e in examples)
    ids = torch.full((len(examples), length), causal.pad_id)
    mask = torch.zeros_like(ids)
    labels = torch.full_like(ids, -100)
    for row, e in enumerate(examples):
        ids[row, : len(e.ids)] = torch.tensor(e.ids)
        mask[row, : len(e.ids)] = 1
        labels[row, e.prompt_tokens : len(e.ids)] = torch.tensor(e.labels)
    return model(input_ids=ids, attention_mask=mask, labels=labels, use_cache=False).loss


@pytest.mark.parametrize("family", FAMILIES)
def test_answer_logits_alone_give_the_loss_of_all_logits(
    models: Callable[[Family], Causal], family: Family
) -> None:
    causal = models(family)
    examples = encoded(causal)
    with torch.no_grad():
        ours = token_losses(causal.model, padded(examples, causal.pad_id)).mean()
        plain = full_logits_loss(causal.model, causal, examples)
    torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-6)


def test_a_family_that_caps_its_logits_is_trained_on_capped_ones(
    models: Callable[[Family], Causal],
) -> None:
    causal = models("gemma")
    torch.manual_seed(0)
    shape = Gemma2Config(
        vocab_size=len(causal.tokenizer), hidden_size=32, intermediate_size=64, head_dim=8,
        num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        initializer_range=0.5, final_logit_softcapping=3.0, sliding_window=64,
    )  # fmt: skip
    model = Gemma2ForCausalLM(shape).eval()
    examples = encoded(causal)
    batch = padded(examples, causal.pad_id)
    with torch.no_grad():
        logits = answer_logits(model, batch)
        torch.testing.assert_close(
            token_losses(model, batch).mean(), full_logits_loss(model, causal, examples)
        )
    assert logits.shape == (len(batch.targets), shape.vocab_size)
    assert 2.0 < float(logits.abs().max()) <= 3.0


def test_what_a_prompt_is_labelled_with_changes_nothing(
    models: Callable[[Family], Causal],
) -> None:
    """The loss is that of the answer's places, by hand; the prompt's have no say in it."""
    causal = models("smollm")
    example = encoded(causal)[1]
    assert causal.end_ids[0] in example.ids[: example.prompt_tokens], "a mask by id would hide it"
    ids = torch.tensor([example.ids])
    with torch.no_grad():
        all_losses = torch.nn.functional.cross_entropy(
            causal.model(input_ids=ids).logits[0, :-1], ids[0, 1:], reduction="none"
        )
        ours = token_losses(causal.model, padded([example], causal.pad_id))
    answer = all_losses[example.prompt_tokens - 1 :]
    torch.testing.assert_close(ours, answer, rtol=1e-5, atol=1e-5)
    # the same ids, with the border elsewhere: the prompt's last label would change the loss
    moved = replace(example, prompt_tokens=example.prompt_tokens - 1)
    with torch.no_grad():
        more = token_losses(causal.model, padded([moved], causal.pad_id))
    assert len(more) == len(ours) + 1 and float(more[0]) == pytest.approx(
        float(all_losses[example.prompt_tokens - 2]), rel=1e-4
    )


def test_the_end_token_is_learned_though_it_is_the_pad(models: Callable[[Family], Causal]) -> None:
    causal = models("smollm")
    assert causal.pad_id == causal.end_ids[0]
    batch = padded(encoded(causal), causal.pad_id)
    assert int((batch.targets == causal.pad_id).sum()) == len(ANSWERS)
    weight = causal.model.get_output_embeddings().weight.requires_grad_(True)
    loss = token_losses(causal.model, batch).sum()
    (grad,) = torch.autograd.grad(loss, weight)
    assert float(grad[causal.end_ids[0]].abs().sum()) > 0


def test_the_loss_equals_a_case_computed_by_hand() -> None:
    class Uneven(torch.nn.Module):
        """Logits over 3 ids that are the hidden state itself: (0, log 2, log 5) everywhere."""

        def __init__(self) -> None:
            super().__init__()
            self.head = torch.nn.Identity()

        def get_output_embeddings(self) -> torch.nn.Module:
            return self.head

        def forward(self, input_ids: Tensor, use_cache: bool) -> Any:
            row = torch.tensor([0.0, math.log(2), math.log(5)])
            hidden = row.expand(*input_ids.shape, 3)
            return type("Out", (), {"logits": self.head(hidden)})()

    examples = [Encoded((0, 0, 1, 2), 2), Encoded((0, 2), 1)]
    batch = padded(examples, 0)
    losses = token_losses(Uneven(), batch)
    # p = (1, 2, 5) / 8: id 1 costs log 4, id 2 log 1.6.
    expected = [math.log(4), math.log(1.6), math.log(1.6)]
    assert losses.tolist() == pytest.approx(expected)
    assert example_losses(Uneven(), batch, examples).tolist() == pytest.approx(
        [math.log(4) + math.log(1.6), math.log(1.6)]
    )


def test_what_does_not_fit_or_has_no_answer_is_left_out_and_counted(
    models: Callable[[Family], Causal],
) -> None:
    causal = models("llama")
    long = TrainItem(build(CLOSED_BOOK, "word " * 400), "yes")
    kept, skipped = encode_items(causal, [*items(), long, TrainItem(long.prompt, "  ")], 200)
    assert skipped == {"too long": 2, "no answer": 1}
    assert len(kept) == 3 and all(example.labels for example in kept)
    assert all(len(example.ids) <= 200 for example in kept)
    silent, _ = encode_items(causal, [TrainItem(items()[0].prompt, None)], 200)
    assert silent[0].labels == causal.chat.end_ids[:1], "the end alone is learned"
    kept, skipped = encode_items(causal, [long], 100_000)
    assert not kept, "the model's own limit of 512 holds too"


def test_a_model_without_an_output_layer_is_refused(models: Callable[[Family], Causal]) -> None:
    causal = models("llama")
    batch = padded(encoded(causal), causal.pad_id)
    body = type("Body", (torch.nn.Module,), {"get_output_embeddings": lambda self: None})()
    with pytest.raises(InputError, match="no output layer"):
        answer_logits(body, batch)


def test_the_hook_is_gone_afterwards(models: Callable[[Family], Causal]) -> None:
    causal = models("llama")
    batch = padded(encoded(causal), causal.pad_id)
    token_losses(causal.model, batch)
    with torch.no_grad():
        logits = causal.model(input_ids=batch.ids).logits
    assert logits.shape[:2] == batch.ids.shape


def test_the_digest_follows_prompts_answers_and_order() -> None:
    one, two, *_ = items()
    assert items_digest([one, two]) == items_digest(items()[:2])
    assert items_digest([one, two]) != items_digest([two, one])
    assert items_digest([one]) != items_digest([replace(one, answer="six")])


@pytest.mark.real
def test_golden_ids_of_the_starter() -> None:
    causal = load_causal("starter", device="cpu")
    asked = [{"role": "user", "content": "Where is the office?"}]
    told = [{"role": "system", "content": "Answer in a word."}, *asked]
    (plain, system), _ = encode_items(causal, [TrainItem(p, "Oslo") for p in (asked, told)], 512)
    # <|im_start|> is 1 and <|im_end|>, which is also the pad, is 2. A prompt without a system
    # turn gets the template's own: "You are a helpful AI assistant named SmolLM, trained by ...".
    turn = (1, 4093, 198, 9576, 314, 260, 4608, 47, 2, 198, 1, 520, 9531, 198)
    answer = (11062, 5365, 2)
    assert system.ids == (1, 9690, 198, 21350, 281, 253, 2229, 30, 2, 198, *turn, *answer)
    assert plain.ids[:8] == (1, 9690, 198, 2683, 359, 253, 5356, 5646)
    assert plain.ids[-len(turn + answer) :] == turn + answer
    assert system.labels == plain.labels == answer
