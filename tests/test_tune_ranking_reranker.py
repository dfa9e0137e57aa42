"""Reranker tuning: it learns from the first stage's misses, and says when it beat nothing."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder

from graft.core.context import Context, Event
from graft.core.document import Document, Passage
from graft.core.errors import Cancelled, InputError
from graft.core.example import Example, Gold
from graft.core.recipe import Recipe, Schedule
from graft.core.runs import read_run
from graft.core.search import Hit, Search
from graft.examples.gold import Judged
from graft.models.loading import quiet
from graft.testing.fakes import MemoryStore
from graft.testing.tiny import tiny_encoder
from graft.tune.accumulate import accumulate
from graft.tune.lists import Lists, dev_lists, first_stage_scores, score_lists
from graft.tune.mine import Triple
from graft.tune.objectives.pointwise import POINTWISE, logits, pairs_of
from graft.tune.ranking import reranker_trainee, tune_reranker
from graft.tune.trained import Trained
from graft.tune.writing import write_run

WORDS = ("leave", "days", "office", "harbour", "march", "year", "oslo", "question")
SCHEDULE = Schedule(
    epochs=12, batch_size=16, learning_rate=3e-3, warmup=0.1, evaluations=1, patience=9
)
RECIPE = Recipe(
    "reranker", "pointwise", "tiny", adapter={"name": "full"}, schedule=SCHEDULE, seed=3
)


def passage(word: str, number: int, mark: str) -> Passage:
    text = f"{mark} the {word} {number}."
    return Passage(f"{word}{number}{mark}", f"d-{word}{number}{mark}", 0, len(text), text, "s")


def triple(word: str, number: int) -> Triple:
    """What answers says "answer"; what the first stage takes for an answer says "passages"."""
    misses = tuple(passage(word, n, "passages") for n in range(2))
    return Triple(f"{word}{number}", f"how many {word}?", passage(word, number, "answer"), misses)


TRIPLES = [triple(word, number) for word in WORDS for number in range(3)]


def lists() -> Lists:
    """Return dev lists where the first stage puts the gold passage last."""
    questions = {f"q{word}": f"how many {word}?" for word in WORDS[:6]}
    candidates = {
        f"q{word}": (
            *(passage(word, n, "passages") for n in range(7, 10)),
            passage(word, 6, "answer"),
        )
        for word in WORDS[:6]
    }
    gold = {id: frozenset({shown[-1].id}) for id, shown in candidates.items()}
    return Lists(questions, candidates, gold, judged(gold))


def judged(gold: Mapping[str, frozenset[str]]) -> dict[str, Judged]:
    return {id: Judged("passage", dict.fromkeys(ids, 1)) for id, ids in gold.items()}


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> CrossEncoder:
    torch.set_num_threads(1)
    folder = tiny_encoder(tmp_path_factory.mktemp("encoder"))
    with quiet(), torch.random.fork_rng():
        torch.manual_seed(0)
        return CrossEncoder(str(folder), num_labels=1, device="cpu").eval()


def tune(
    start: CrossEncoder, triples: list[Triple], shown: Lists, *, recipe: Recipe, ctx: Context
) -> Trained:
    name = recipe.objective
    return tune_reranker(start, {name: triples}, {name: shown}, recipe=recipe, ctx=ctx)


def weights(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def test_it_learns_what_the_first_stage_got_wrong_and_reloads_the_same(
    start: CrossEncoder, tmp_path: Path
) -> None:
    events: list[Event] = []
    before = weights(start)
    ctx = Context(events=events.append)
    tuned = tune(start, TRIPLES, lists(), recipe=RECIPE, ctx=ctx)
    assert tuned.before["MRR@10"] == pytest.approx(0.25)
    assert tuned.after["MRR@10"] > 0.9 and tuned.gained
    assert all(torch.equal(before[n], v) for n, v in start.state_dict().items())

    run = write_run(tmp_path, tuned.to_run(RECIPE, ctx), tuned.save)
    assert read_run(run.folder) == run
    assert run.after["nDCG@10"] > run.before["nDCG@10"]
    assert run.counts["pairs"] == len(pairs_of(TRIPLES)) and run.estimate.seconds > 0
    again = CrossEncoder(str(run.weights), device="cpu")
    assert again.max_seq_length == start.max_seq_length
    assert score_lists(lists(), logits(again, lists().pairs))["MRR@10"] == tuned.after["MRR@10"]
    moved = [n for n, v in again.state_dict().items() if not torch.equal(v, before[n])]
    assert any("classifier" in n for n in moved) and any("layer.0" in n for n in moved)

    notes = [event.message for event in events if event.phase == "note"]
    assert "GiB" in notes[0] and "nDCG@10 on dev" in notes[-1]
    progress = [event for event in events if event.phase == "progress"]
    assert progress[-1].counts["loss"] < 0.7 * progress[0].counts["loss"]
    assert progress[0].counts["seconds_left"] > 0


def test_the_same_seed_gives_the_same_weights(start: CrossEncoder, tmp_path: Path) -> None:
    recipe = replace(RECIPE, schedule=replace(SCHEDULE, epochs=0.5))
    state = torch.get_rng_state()
    for name in ("a", "b"):
        tuned = tune(start, TRIPLES, lists(), recipe=recipe, ctx=Context())
        (tmp_path / name).mkdir()
        tuned.save(tmp_path / name)
    a, b = ((tmp_path / n / "model.safetensors").read_bytes() for n in ("a", "b"))
    assert a == b
    assert torch.equal(state, torch.get_rng_state()), "torch's own generator is left as it was"


def test_what_does_not_beat_the_first_stage_is_no_gain(start: CrossEncoder) -> None:
    good = lists()
    turned = {id: tuple(reversed(shown)) for id, shown in good.candidates.items()}
    schedule = replace(SCHEDULE, epochs=0.5, learning_rate=1e-9)
    tuned = tune(
        start, TRIPLES, replace(good, candidates=turned),
        recipe=replace(RECIPE, schedule=schedule), ctx=Context(),
    )  # fmt: skip
    assert tuned.before["MRR@10"] == 1.0
    assert not tuned.gained and tuned.after["nDCG@10"] <= 1.0


def test_the_loss_equals_a_hand_computed_case() -> None:
    bad, good = (Passage(id, id, 0, 1, id, "s") for id in ("bad", "good"))
    gold = {"q": frozenset({"good"})}
    two = Lists({"q": "?"}, {"q": (bad, good)}, gold, judged(gold))
    got = score_lists(two, np.asarray([0.5, -2.0], dtype=np.float32))
    wrong = -math.log(1 - 1 / (1 + math.exp(-0.5))), -math.log(1 / (1 + math.exp(2.0)))
    assert got["loss"] == pytest.approx(sum(wrong) / 2, rel=1e-6)
    assert got["MRR@10"] == 0.5
    assert score_lists(two, np.asarray([-2.0, 9.0], dtype=np.float32))["MRR@10"] == 1.0


def test_training_sees_the_same_loss_as_dev(start: CrossEncoder) -> None:
    """In evaluation mode and at the start, the loss of all pairs is that of `score_lists`."""
    shown = lists()
    triples = [
        Triple(id, shown.questions[id], passages[-1], passages[:-1])
        for id, passages in shown.candidates.items()
    ]
    count = len(pairs_of(triples))
    assert count == len(shown.pairs)
    with reranker_trainee(start, RECIPE) as trainee:
        session = POINTWISE.session(trainee.model, triples, shown, RECIPE)
        trainee.module.eval()
        whole = float(session.loss(range(count)).detach()) / count
        assert whole == pytest.approx(session.look(Context())["loss"], rel=1e-5)
        assert trainee.module.training, "a look leaves the module in training mode"
        trainee.module.eval()
        alone = sum(float(session.loss([i]).detach()) for i in range(count))
    assert alone / count == pytest.approx(whole, rel=1e-5)


def test_accumulation_changes_no_gradient(start: CrossEncoder) -> None:
    found = []
    for parts in (1, 4):
        recipe = replace(RECIPE, schedule=replace(SCHEDULE, accumulation=parts))
        with reranker_trainee(start, recipe) as trainee:
            session = POINTWISE.session(trainee.model, TRIPLES, lists(), recipe)
            trainee.module.eval()
            step = session.epoch(random.Random(0))[0]
            assert len(step) >= parts
            accumulate(step, session.loss, Context())
            parameters = trainee.attached.parameters.values()
            found.append([p.grad for p in parameters if p.grad is not None])
    assert found[0]
    for one, four in zip(*found, strict=True):
        assert torch.allclose(one, four, atol=1e-6)


def test_mixed_lengths_score_as_single_pairs_do(start: CrossEncoder) -> None:
    pairs = [("who?", "Oslo"), ("how many leave days?", "five days " * 30), ("?", "a b c")]
    together = logits(start, pairs)
    alone = np.concatenate([logits(start, [pair]) for pair in pairs])
    assert np.allclose(together, alone, atol=1e-4)
    assert np.ptp(together) > 1e-3


def test_pairs_come_once_and_an_answer_is_no_miss() -> None:
    pairs = pairs_of(TRIPLES)
    assert len(pairs) == len(WORDS) * (3 + 2)
    good = passage("leave", 0, "answer")
    twice = [Triple("a", "?", good), Triple("b", "?", passage("leave", 1, "answer"), (good,))]
    assert [pair.relevant for pair in pairs_of(twice)] == [True, True]


def test_dev_lists_keep_the_first_stages_order_and_all_gold() -> None:
    documents = [Document("a", "frog pond frog"), Document("b", "frog"), Document("c", "ship")]
    store = MemoryStore(documents)
    by_id = {p.document_id: p for p in store.passages(list(store._by_id))}

    def retrieve(searches: list[Search]) -> list[Search]:
        hits = tuple(Hit(by_id[d].id, d, 1.0) for d in ("b", "a"))
        return [replace(s, hits=hits if s.query == "frog" else ()) for s in searches]

    examples = [Example("q", "frog", gold=(Gold("a"),)), Example("r", "none", gold=(Gold("c"),))]
    positives = {"q": [by_id["a"]], "r": [by_id["c"]]}
    wanted = {"q": Judged("document", {"a": 1}), "r": Judged("document", {"c": 1})}
    found = dev_lists(examples, positives, wanted, retrieve, store)
    assert [p.document_id for p in found.candidates["q"]] == ["b", "a"]
    turns = [replace(examples[0], messages=({"role": "user", "content": "ships"},))]
    asked: list[Search] = []
    dev_lists(turns, positives, wanted, lambda s: asked.extend(s) or retrieve(s), store)
    assert asked[0].history == turns[0].messages, "a conversation is searched for with its turns"

    def follow(searches: list[Search]) -> list[Search]:
        return [replace(s, standalone=f"ships {s.query}") for s in retrieve(searches)]

    read = dev_lists(turns, positives, wanted, follow, store)
    assert read.pairs[0][0] == "ships frog", "as the reranker reads it when it serves"
    assert found.labels == [False, True]
    scores = first_stage_scores(found)
    assert scores["MRR@10"] == pytest.approx((0.5 + 0) / 2), "a missed gold passage scores 0"
    with pytest.raises(InputError, match="finds none of 1"):
        dev_lists(examples[1:], positives, wanted, retrieve, store)
    with pytest.raises(InputError, match="finds none of 0"):
        dev_lists(examples, {}, {}, retrieve, store)


def test_what_cannot_be_trained_on_says_so(start: CrossEncoder) -> None:
    alone = [replace(t, negatives=()) for t in TRIPLES]
    for triples, recipe, message in (
        (TRIPLES, replace(RECIPE, objective="contrastive"), "'contrastive' trains a retriever"),
        (TRIPLES, replace(RECIPE, adapter={"name": "lora"}), "adapter to full"),
        (alone, RECIPE, "passages that do not"),
    ):
        with pytest.raises(InputError, match=message):
            tune(start, triples, lists(), recipe=recipe, ctx=Context())


def test_a_cancel_leaves_the_start_as_it_was(start: CrossEncoder) -> None:
    before = weights(start)
    ctx = Context(events=lambda event: ctx.cancel.set() if event.phase == "progress" else None)
    with pytest.raises(Cancelled):
        tune(start, TRIPLES, lists(), recipe=RECIPE, ctx=ctx)
    assert all(torch.equal(before[n], v) for n, v in start.state_dict().items())
