"""Retriever tuning: it learns what it is shown, keeps what it knew, and reloads as it was."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from graft.core.context import Context, Event
from graft.core.document import Passage
from graft.core.errors import Cancelled, InputError
from graft.core.recipe import Recipe, Schedule
from graft.core.runs import read_run
from graft.examples.gold import Judged
from graft.models.adapters.full import Full
from graft.models.adapters.lora import Lora
from graft.models.encoder import SentenceEncoder, load_encoder
from graft.testing.tiny import tiny_encoder
from graft.tune.mine import Triple, passage_keys
from graft.tune.pool import Pool
from graft.tune.ranking import tune_retriever
from graft.tune.writing import write_run

TOPICS, KEYS = "abc", "klmnopqrstuvwx"

SCHEDULE = Schedule(
    epochs=6, batch_size=42, learning_rate=3e-3, evaluations=1, patience=9, max_tokens=64
)
RECIPE = Recipe(
    "retriever", "contrastive", "tiny", adapter={"name": "full"}, schedule=SCHEDULE, seed=1
)


def question(topic: str, key: str) -> str:
    return " ".join([topic] * 6 + [key])


def passage(topic: str, key: str) -> Passage:
    """Return a passage that is mostly about its topic: one word tells it from its neighbours."""
    text = " ".join([key] + [topic] * 6 + ["."])
    return Passage(topic + key, f"d-{topic}{key}", 0, len(text), text, "s")


def triple(topic: str, key: str, *negatives: Passage) -> Triple:
    positive = passage(topic, key)
    return Triple(topic + key, question(topic, key), positive, negatives, passage_keys(positive))


TRIPLES = [triple(topic, key) for topic in TOPICS for key in KEYS] * 4
"""Four steps an epoch: what has the same gold cannot stand in one batch."""


def pool() -> Pool:
    shown = {triple.positive.id: triple.positive for triple in TRIPLES}
    gold = {triple.example: frozenset({triple.positive.id}) for triple in TRIPLES}
    judged = {id: Judged("passage", dict.fromkeys(ids, 1)) for id, ids in gold.items()}
    return Pool({triple.example: triple.question for triple in TRIPLES}, shown, gold, judged)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def encoder(folder: Path) -> SentenceEncoder:
    return load_encoder(str(folder))


def weights(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def tune(
    encoder: SentenceEncoder, recipe: Recipe = RECIPE, triples=TRIPLES, ctx: Context | None = None
):
    items, dev = ({recipe.objective: given} for given in (triples, pool()))
    return tune_retriever(encoder, items, dev, recipe=recipe, ctx=ctx or Context())


def test_it_learns_at_scale_20_and_not_at_scale_1(encoder: SentenceEncoder) -> None:
    """At scale 1 the softmax over cosines is nearly flat: no neighbour counts more than a stranger.

    Dropout is off, so that neither fails for its noise.
    """
    calm = replace(encoder, module=without_dropout(encoder))
    right, wrong = tune(calm), tune(calm, replace(RECIPE, scale=1.0))
    assert right.before == wrong.before
    assert right.after["nDCG@10"] > 0.95
    assert wrong.after["nDCG@10"] < 0.75
    assert right.curves[-1].train_loss < 0.5


def without_dropout(encoder: SentenceEncoder) -> SentenceTransformer:
    module = copy.deepcopy(encoder.module)
    for part in module.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    return module


@pytest.mark.parametrize("adapter", [None, Lora(rank=8, alpha=16)])
def test_what_is_saved_reloads_the_same(folder: Path, tmp_path: Path, adapter: Lora | None) -> None:
    prefixed = load_encoder(str(folder), query_prefix="question: ", passage_prefix="answer: ")
    before = weights(prefixed.module)
    rate, epochs = (3e-3, 3) if adapter is None else (2e-2, 3)
    schedule = replace(SCHEDULE, learning_rate=rate, epochs=epochs)
    recipe = replace(RECIPE, adapter=(adapter or Full()).to_dict(), schedule=schedule)
    ctx = Context()
    tuned = tune(prefixed, recipe, ctx=ctx)
    assert tuned.gained and tuned.after["nDCG@10"] > tuned.before["nDCG@10"] + 0.03
    assert all(torch.equal(before[n], v) for n, v in prefixed.module.state_dict().items())

    run = write_run(tmp_path, tuned.to_run(recipe, ctx), tuned.save)
    assert read_run(run.folder) == run
    again = load_encoder(str(run.weights))
    assert (again.query_prefix, again.passage_prefix) == ("question: ", "answer: ")
    assert again.digest == replace(prefixed, module=tuned.save.args[0]).digest
    assert not any(prefixed.module.prompts.values()), "the base keeps its own"
    assert load_encoder(str(run.weights), query_prefix="ask: ").query_prefix == "ask: "
    assert [type(m) for m in again.module] == [type(m) for m in prefixed.module]
    for name in ("modules.json", "1_Pooling/config.json"):
        assert json.loads((run.weights / name).read_text()) == json.loads(
            (folder / name).read_text()
        )
    assert again.max_tokens == prefixed.max_tokens
    assert again.digest != prefixed.digest
    assert not list(run.weights.rglob("adapter_*")), "LoRA is merged into plain weights"
    assert again.module.state_dict().keys() == before.keys()

    texts = [question("a", "k"), "the harbour is here " * 8, "oslo"]
    in_memory = replace_module(prefixed, tuned)
    assert np.allclose(in_memory(texts), again.encode_queries(texts), atol=1e-6)
    alone = np.concatenate([again.encode_passages([text]) for text in texts])
    assert np.allclose(again.encode_passages(texts), alone, atol=1e-4)
    assert np.allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-5)


def replace_module(encoder: SentenceEncoder, tuned):
    """Return what encodes queries by the weights in memory."""
    module = tuned.save.args[0]
    prefix = encoder.query_prefix
    return lambda texts: module.encode([prefix + text for text in texts], normalize_embeddings=True)


def test_only_what_is_meant_to_move_moves(encoder: SentenceEncoder) -> None:
    before = weights(encoder.module)
    some = Lora(rank=4, alpha=8, targets=("query", "value"))
    schedule = replace(SCHEDULE, epochs=1, learning_rate=2e-2)
    for adapter, parts in (
        (some, ("query.weight", "value.weight")),
        (None, ("layer.0", "embeddings")),
    ):
        tuned = tune(
            encoder, replace(RECIPE, adapter=(adapter or Full()).to_dict(), schedule=schedule)
        )
        moved = [
            n for n, v in tuned.save.args[0].state_dict().items() if not torch.equal(v, before[n])
        ]
        assert tuned.gained and moved
        assert all(any(part in name for name in moved) for part in parts)
        if adapter is not None:
            assert all(name.endswith(parts) for name in moved)
            assert len(moved) == 4
            assert tuned.estimate.trainable_parameters == 4 * (32 * 4 + 4 * 32)


def test_no_gain_leaves_the_base_to_the_bit(encoder: SentenceEncoder) -> None:
    before = weights(encoder.module)
    one_step = replace(SCHEDULE, epochs=0.1, learning_rate=1e-12)
    notes: list[Event] = []
    tuned = tune(encoder, replace(RECIPE, schedule=one_step), ctx=Context(events=notes.append))
    assert not tuned.gained and tuned.before == tuned.after
    assert all(torch.equal(before[n], v) for n, v in tuned.save.args[0].state_dict().items())
    assert "nothing is gained" in notes[-1].message


def test_the_cost_is_told_before_and_progress_with_loss_and_time_left(
    encoder: SentenceEncoder,
) -> None:
    events: list[Event] = []
    short = replace(RECIPE, schedule=replace(SCHEDULE, epochs=0.5))
    state = torch.get_rng_state()
    tuned = tune(encoder, short, ctx=Context(events=events.append))
    kinds = [event.phase for event in events]
    assert kinds[0] == "note" and "parameters" in events[0].message
    progress = [event for event in events if event.phase == "progress"]
    assert len(progress) == tuned.steps == tuned.estimate.steps
    assert progress[0].counts["seconds_left"] > 0 and progress[0].counts["loss"] > 0
    assert tuned.estimate.bytes > 0 and tuned.peak_memory["host"] > 0
    assert tuned.curves[0].dev_loss is not None and tuned.curves[0].train_loss is None
    assert torch.equal(state, torch.get_rng_state()), "torch's own generator is left as it was"


def test_the_same_seed_gives_the_same_weights(encoder: SentenceEncoder) -> None:
    short = replace(RECIPE, schedule=replace(SCHEDULE, epochs=0.5))
    a, b = (weights(tune(encoder, short).save.args[0]) for _ in range(2))
    assert all(torch.equal(a[name], b[name]) for name in a)
    other = weights(tune(encoder, replace(short, seed=2)).save.args[0])
    assert any(not torch.equal(a[name], other[name]) for name in a)


def test_mined_negatives_are_trained_on(encoder: SentenceEncoder) -> None:
    """Alone in its batch, a question has nothing but its mined negatives to be told from."""
    positive, negative = passage("a", "k"), passage("a", "l")
    one = Triple("q", "a k?", positive, (negative,), passage_keys(positive))
    other = Triple("r", "a k", positive, (negative,), passage_keys(positive))
    schedule = replace(SCHEDULE, epochs=8, batch_size=2)
    tuned = tune(encoder, replace(RECIPE, schedule=schedule), [one, other])
    module = tuned.save.args[0]
    points = [point.train_loss for point in tuned.curves if point.train_loss is not None]
    assert points[-1] < points[0]
    assert module is not encoder.module


def test_what_cannot_be_trained_on_says_so(encoder: SentenceEncoder) -> None:
    same = [replace(TRIPLES[0], example=str(i)) for i in range(3)]
    for triples, recipe, message in (
        (TRIPLES, replace(RECIPE, objective="pointwise"), "'pointwise' trains a reranker"),
        (TRIPLES, replace(RECIPE, schedule=replace(SCHEDULE, accumulation=2)), "set 1"),
        (TRIPLES[:1], RECIPE, "got 1"),
        (same, RECIPE, "the same gold"),
    ):
        with pytest.raises(InputError, match=message):
            tune(encoder, recipe, triples)


def test_a_cancel_leaves_the_encoder_as_it_was(encoder: SentenceEncoder) -> None:
    before = weights(encoder.module)
    ctx = Context(events=lambda event: ctx.cancel.set() if event.phase == "progress" else None)
    with pytest.raises(Cancelled):
        tune(encoder, ctx=ctx)
    assert all(torch.equal(before[n], v) for n, v in encoder.module.state_dict().items())
