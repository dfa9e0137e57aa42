"""Tuning a generator end to end on tiny models: what moves, what stays, what is kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from graft.core.context import Context, Event
from graft.core.errors import Cancelled, InputError
from graft.core.generation import Decoding
from graft.core.recipe import Recipe, Schedule
from graft.core.runs import read_run
from graft.generate.local import LocalGenerator
from graft.generate.prompts import CLOSED_BOOK, build
from graft.models.adapters.lora import Lora
from graft.models.causal import Causal, load_causal
from graft.testing.tiny import Family, tiny_causal
from graft.tune import supervised
from graft.tune.generator import tune_generator
from graft.tune.sft import TrainItem, encode_items, padded, token_losses
from graft.tune.supervised import look_at
from graft.tune.trained import Trained
from graft.tune.writing import write_run

pytestmark = pytest.mark.slow

PAIRS = {
    "Where is the office?": "Oslo",
    "How many days?": "five days",
    "When are they lost?": "by March",
    "Who is there?": "The passages do not say.",
    "What is near?": "the harbour",
    "Which year?": "the next year",
}
RECIPE = Recipe(
    "generator",
    "closed-book",
    "tiny",
    adapter=Lora(rank=8, alpha=16).to_dict(),
    schedule=Schedule(
        epochs=2, batch_size=3, learning_rate=1e-2, evaluations=1, patience=3, max_tokens=300
    ),
)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Family], Path]:
    made: dict[str, Path] = {}

    def get(family: Family) -> Path:
        if family not in made:
            made[family] = tiny_causal(tmp_path_factory.mktemp(family), family)
        return made[family]

    return get


@pytest.fixture
def causal(folder: Callable[[Family], Path]) -> Causal:
    return load_causal(str(folder("smollm")), dtype="float32", device="cpu")


def items(count: int = 6) -> list[TrainItem]:
    return [TrainItem(build(CLOSED_BOOK, q), a, q) for q, a in list(PAIRS.items())[:count]]


def teach(
    causal: Causal, train: Sequence[TrainItem], dev: Sequence[TrainItem], *, recipe: Recipe,
    ctx: Context,
) -> Trained:  # fmt: skip
    name = recipe.objective
    return tune_generator(causal, {name: train}, {name: dev}, recipe=recipe, ctx=ctx)


def weights(trained: Trained) -> dict[str, torch.Tensor]:
    """Return what `save` would write."""
    return trained.save.args[1]


def tune(causal: Causal, recipe: Recipe = RECIPE, ctx: Context | None = None) -> Trained:
    return teach(causal, items(), items(2), recipe=recipe, ctx=ctx or Context())


def logits(causal: Causal) -> torch.Tensor:
    with torch.no_grad():
        ids = torch.tensor([causal.ids(items()[0].prompt)])
        return causal.model(input_ids=ids, use_cache=False).logits


def dev_loss(causal: Causal, dev: Sequence[TrainItem] = ()) -> float:
    examples, _ = encode_items(causal, dev or items(2), 300)
    with torch.no_grad():
        return float(token_losses(causal.model, padded(examples, causal.pad_id)).mean())


def test_only_the_adapter_moves_and_all_of_it_does(causal: Causal, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in causal.model.state_dict().items()}
    first = logits(causal)
    tuned = tune(causal)
    after = causal.model.state_dict()
    assert before.keys() == after.keys(), "the adapter is off the model again"
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert torch.equal(logits(causal), first)
    assert not causal.model.training and causal.adapters == ()
    moved = {name for name, value in weights(tuned).items() if "lora_B" in name and value.any()}
    kinds = {name.split(".")[-3] for name in moved}
    assert kinds == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert len(moved) == 2 * 7, "every linear layer of both blocks"
    assert tuned.estimate.trainable_parameters == sum(v.numel() for v in weights(tuned).values())


@pytest.mark.parametrize("family", ["smollm", "llama", "qwen", "gemma"])
def test_an_overfitted_model_says_the_answers_and_stops(
    folder: Callable[[Family], Path], family: Family, tmp_path: Path
) -> None:
    causal = load_causal(str(folder(family)), dtype="float32", device="cpu")
    # A fresh model's pad row is zero; SmolLM2's, which is its end token too, has been trained.
    with torch.no_grad():
        rows = causal.model.get_input_embeddings().weight
        rows[list(causal.end_ids)] = rows[10 : 10 + len(causal.end_ids)].flip(1)
    schedule = Schedule(
        epochs=25, batch_size=2, learning_rate=2e-2, evaluations=1, patience=40, max_tokens=300
    )
    tuned = teach(
        causal, items(), items(), recipe=replace(RECIPE, schedule=schedule), ctx=Context()
    )
    assert tuned.before["loss"] > 5.0
    assert tuned.after["loss"] < 0.5
    run = write_run(tmp_path, tuned.to_run(RECIPE, Context()), tuned.save)
    causal.load_adapter("tuned", run.weights)
    ended, said = 0, 0
    for item in items():
        prompt = causal.ids(item.prompt)
        new = causal.model.generate(
            input_ids=torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)),
            max_new_tokens=40, do_sample=False, eos_token_id=list(causal.end_ids),
            pad_token_id=causal.pad_id,
        )[0, len(prompt):].tolist()  # fmt: skip
        ended += new[-1] in causal.end_ids
        said += causal.decode(new).strip() == item.answer
    assert ended >= 0.95 * len(items())
    assert said == len(items())


def test_silence_is_learned_told_and_not_kept(
    folder: Callable[[Family], Path], tmp_path: Path
) -> None:
    causal = load_causal(str(folder("smollm")), dtype="float32", device="cpu")
    with torch.no_grad():
        rows = causal.model.get_input_embeddings().weight
        rows[list(causal.end_ids)] = rows[10 : 10 + len(causal.end_ids)].flip(1)
    half = [replace(item, answer=None) if i % 2 else item for i, item in enumerate(items())]
    schedule = replace(RECIPE.schedule, epochs=60, batch_size=2, learning_rate=2e-2, patience=80)
    recipe = replace(RECIPE, schedule=schedule)
    tuned = teach(causal, half, half, recipe=recipe, ctx=Context())
    run = write_run(tmp_path, tuned.to_run(recipe, Context()), tuned.save)
    causal.load_adapter("tuned", run.weights)
    generator = LocalGenerator(causal, adapter="tuned")
    prompts = [item.prompt for item in half]
    written = generator.generate(prompts, Decoding(max_new_tokens=20, min_new_tokens=1))
    for item, found in zip(half, written, strict=True):
        assert found.text.strip(), "an answer is always written"
        silence = found.silence or 0.0
        assert silence > 0.8 if item.answer is None else silence < 0.2, silence
        assert item.answer is None or found.text.strip() == item.answer
    bare = generator.generate(prompts, Decoding(max_new_tokens=20))
    assert [not found.text for found in bare] == [item.answer is None for item in half]


def test_the_saved_adapter_gives_the_dev_loss_that_was_reported(
    causal: Causal, tmp_path: Path
) -> None:
    tuned = tune(causal)
    run = write_run(tmp_path, tuned.to_run(RECIPE, Context()), tuned.save)
    base = logits(causal)
    causal.load_adapter("tuned", run.weights)
    assert dev_loss(causal) == pytest.approx(run.after["loss"], rel=1e-4)
    assert run.after["loss"] < run.before["loss"]
    assert not torch.equal(logits(causal), base)
    with causal.without_adapter():
        assert torch.equal(logits(causal), base), "adapter off equals base to the bit"


def test_the_same_recipe_and_data_rebuild_the_same_weights(
    causal: Causal, folder: Callable[[Family], Path], tmp_path: Path
) -> None:
    first = write_run(tmp_path, tune(causal).to_run(RECIPE, Context()), tune(causal).save)
    again = load_causal(str(folder("smollm")), dtype="float32", device="cpu")
    torch.manual_seed(999)
    rebuilt = tune(again, read_run(first.folder).recipe)
    second = write_run(tmp_path / "again", rebuilt.to_run(RECIPE, Context()), rebuilt.save)
    assert second.digest == first.digest
    other = tune(again, replace(RECIPE, seed=1))
    assert any(not torch.equal(weights(other)[n], weights(rebuilt)[n]) for n in weights(rebuilt))


def test_dropout_is_on_in_training_and_off_on_dev(causal: Causal, tmp_path: Path) -> None:
    recipe = replace(RECIPE, adapter=Lora(rank=8, alpha=16, dropout=0.5).to_dict())
    modes: list[bool] = []

    def listen(event: Event) -> None:
        if event.phase == "progress":
            modes.append(causal.model.training)

    tuned = tune(causal, recipe, Context(events=listen))
    assert modes and all(modes)
    plain = tune(causal)
    assert tuned.curves[1].train_loss == pytest.approx(plain.curves[1].train_loss)
    assert tuned.curves[-1].train_loss != plain.curves[-1].train_loss
    again = tune(causal, recipe)
    assert all(torch.equal(weights(again)[n], weights(tuned)[n]) for n in weights(again))
    tuned.save(tmp_path)
    causal.load_adapter("tuned", tmp_path)
    assert dev_loss(causal) == pytest.approx(tuned.after["loss"], rel=1e-4)


def test_training_that_only_harms_keeps_the_beginning(causal: Causal) -> None:
    warnings: list[str] = []

    def listen(event: Event) -> None:
        if event.phase == "warning":
            warnings.append(event.message)

    wrong = [replace(item, answer="lost " * 6) for item in items()]
    schedule = replace(RECIPE.schedule, learning_rate=3e-2, epochs=6, patience=2)
    recipe = replace(RECIPE, schedule=schedule)
    right = [replace(item, answer="5, 7") for item in items(3)]
    tuned = teach(causal, wrong, right, recipe=recipe, ctx=Context(events=listen))
    losses = [p.dev_loss for p in tuned.curves if p.dev_loss is not None]
    assert min(losses) == losses[0], "the case must harm dev for this test to mean anything"
    assert tuned.best_step == 0 and tuned.after == tuned.before
    assert not any(v.any() for n, v in weights(tuned).items() if "lora_B" in n)
    assert any("never improved" in text for text in warnings)
    assert tuned.steps < 12, "patience ended it before its 12 steps"


def test_early_stopping_keeps_the_best_look(
    causal: Causal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Looks: the first, after steps 4, 8, 12 and 16, and the mixtures of the best of them.
    worth = iter([0.1, 0.2, 0.6, 0.4, 0.3, 0.5])
    asked = 2
    scores = (score for each in worth for score in [each] * asked)
    monkeypatch.setattr(supervised, "token_f1", lambda text, answers: next(scores))
    schedule = replace(RECIPE.schedule, epochs=8, patience=2, batch_size=2, evaluations=4)
    recipe = replace(RECIPE, schedule=schedule)
    tuned = teach(causal, items(), items(asked), recipe=recipe, ctx=Context())
    losses = {p.step: p.dev_loss for p in tuned.curves if p.dev_loss is not None}
    assert tuned.best_step == list(losses)[2] < tuned.steps < 24, "neither end, and not all steps"
    assert dict(tuned.looks) == {0.0: 0.1, 0.5: 0.5, 1.0: 0.6}
    assert tuned.share == 1.0
    tuned.save(tmp_path)
    causal.load_adapter("tuned", tmp_path)
    assert dev_loss(causal) == pytest.approx(losses[tuned.best_step], rel=1e-4)


@pytest.mark.parametrize("worth", [0.5, 0.1])
def test_an_adapter_is_as_strong_as_its_answers_on_dev_say(
    causal: Causal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, worth: float
) -> None:
    """A look is what was written; half of the strength stays where it writes better."""
    scores = iter([0.0] * 2 + [0.3] * 4 + [worth] * 2)
    monkeypatch.setattr(supervised, "token_f1", lambda text, answers: next(scores))
    schedule = replace(RECIPE.schedule, evaluations=1)
    tuned = teach(
        causal, items(), items(2), recipe=replace(RECIPE, schedule=schedule), ctx=Context()
    )
    assert tuned.share == (0.5 if worth > 0.3 else 1.0)
    assert tuned.after["answer_f1"] == max(worth, 0.3)
    tuned.save(tmp_path)
    causal.load_adapter("tuned", tmp_path)
    assert dev_loss(causal) == pytest.approx(tuned.after["loss"], rel=1e-4)


def test_a_look_asks_as_serving_does_and_takes_any_accepted_answer(causal: Causal) -> None:
    (item,) = items(1)
    generator = LocalGenerator(causal)
    decoding = Decoding(max_new_tokens=RECIPE.answer_tokens, min_new_tokens=1)
    (told,) = generator.generate([item.prompt], decoding)
    assert told.text
    right = replace(item, accepted=("nothing like it", told.text))
    silent = TrainItem(item.prompt, None)
    for asked, f1 in (([item], 0.0), ([right], 1.0), ([right, silent], 1.0), ([item, right], 0.5)):
        found = look_at(causal, asked, recipe=RECIPE, ctx=Context())
        assert found["answer_f1"] == f1
    with pytest.raises(InputError, match="has an answer"):
        teach(causal, items(), [silent], recipe=RECIPE, ctx=Context())


def test_cost_is_told_before_it_starts(causal: Causal) -> None:
    events: list[Event] = []
    told = tune(causal, ctx=Context(events=events.append)).estimate
    lengths = [len(e.ids) for e in encode_items(causal, items(), 300)[0]]
    assert told.tokens == 2 * sum(lengths)
    assert told.steps == 4 and told.seconds > 0 and told.bytes > 1 << 20
    kinds = [(e.phase, e.message) for e in events if e.phase in ("note", "start")]
    assert kinds[0][0] == "note" and "4 steps over" in kinds[0][1]
    progress = [e for e in events if e.phase == "progress"]
    assert [e.done for e in progress] == [1, 2, 3, 4]
    assert all({"loss", "seconds_left"} <= e.counts.keys() for e in progress)
    for text in PAIRS.values():
        assert not any(text in e.message for e in events), "documents are never logged"


def test_a_cancel_publishes_nothing_and_leaves_the_model_whole(
    causal: Causal, tmp_path: Path
) -> None:
    before, cancel = logits(causal), threading.Event()

    def listen(event: Event) -> None:
        if event.phase == "progress":
            cancel.set()

    with pytest.raises(Cancelled):
        tuned = tune(causal, ctx=Context(events=listen, cancel=cancel))
        write_run(tmp_path, tuned.to_run(RECIPE, Context()), tuned.save)
    assert list(tmp_path.iterdir()) == []
    assert torch.equal(logits(causal), before) and causal.adapters == ()


def test_an_adapter_that_was_there_stays_and_takes_no_part(causal: Causal, tmp_path: Path) -> None:
    first = tune(causal)
    run = write_run(tmp_path, first.to_run(RECIPE, Context()), first.save)
    causal.load_adapter("first", run.weights)
    with_first = logits(causal)
    second = tune(causal)
    assert causal.adapters == ("first",) and causal.adapter == "first"
    assert torch.equal(logits(causal), with_first)
    assert all(torch.equal(weights(first)[n], weights(second)[n]) for n in weights(first))


def test_what_cannot_be_trained_says_so(causal: Causal) -> None:
    with pytest.raises(InputError, match="none of 0 train examples"):
        teach(causal, [], items(), recipe=RECIPE, ctx=Context())
    with pytest.raises(InputError, match="none of 0 dev examples"):
        teach(causal, items(), [], recipe=RECIPE, ctx=Context())
    short = replace(RECIPE, schedule=replace(RECIPE.schedule, max_tokens=3))
    with pytest.raises(InputError, match="too long: 6"):
        tune(causal, short)


def test_a_bfloat16_base_comes_back_to_the_bit(folder: Callable[[Family], Path]) -> None:
    causal = load_causal(str(folder("smollm")), dtype="bfloat16", device="cpu")
    before = {name: value.clone() for name, value in causal.model.state_dict().items()}
    tuned = tune(causal)
    after = causal.model.state_dict()
    assert all(
        torch.equal(before[n], after[n]) and before[n].dtype == after[n].dtype for n in after
    )
    assert {value.dtype for value in weights(tuned).values()} == {torch.float32}
    assert tuned.after["loss"] < tuned.before["loss"]


def test_checkpointing_when_memory_is_short_gives_the_same_weights(
    causal: Causal, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tune(causal)
    monkeypatch.setattr("graft.tune.trainer.available_memory", lambda device: 1)
    notes: list[str] = []
    ctx = Context(events=lambda e: notes.append(e.message) if e.phase == "note" else None)
    spared = tune(causal, ctx=ctx)
    assert any("memory is short" in note for note in notes)
    assert not any(getattr(m, "gradient_checkpointing", False) for m in causal.model.modules())
    for name, value in weights(plain).items():
        torch.testing.assert_close(weights(spared)[name], value, rtol=1e-3, atol=1e-5)
