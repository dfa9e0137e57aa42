"""Tuning as a job: what each run is trained on, what it keeps of that, and whose it is."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from graft.core.context import Context, Event
from graft.core.errors import ModelError
from graft.core.example import Example, Gold
from graft.core.hashing import file_hash
from graft.core.recipe import Part
from graft.core.runs import Run, read_run
from graft.examples.searching import search_for
from graft.examples.store import ExampleSet
from graft.generate.prompts import CLOSED_BOOK, GROUNDED
from graft.jobs.ingest import ingest
from graft.loop import tuning
from graft.loop.material import Material, gather, retrieval
from graft.loop.parts import runs_of, with_run
from graft.loop.recipes import Asked
from graft.loop.tune_fusion import tune_fusion_part
from graft.loop.tuning import tune_part
from graft.models.adapter import ADAPTERS
from graft.tune.checkpoint import checkpoint_of
from graft.tune.mine import POSITIVES
from graft.tune.objectives import raft as raft_objective
from graft.wire import Wiring, causal, encoder, library, loaded_adapter, open_workspace
from tests.conftest import SUBJECTS
from tests.test_models_adapters import Bottleneck

pytestmark = pytest.mark.slow

CTX = Context()
CLOSED = Asked("closed-book")
SMALL = {
    "tune.generator.batch_size": "4",
    "tune.generator.max_tokens": "900",
    "tune.generator.patience": "9",
    "tune.retriever.epochs": "1",
    "tune.reranker.epochs": "1",
    "retrieve.stages.rerank.depth": "5",
}


@pytest.fixture
def workspace(tmp_path: Path, documents: Path, tiny_models: dict[str, str]) -> Wiring:
    made = open_workspace(tmp_path / "ws", {**tiny_models, **SMALL})
    ingest(made, [str(documents)], ctx=CTX)
    return made


def example(workspace: Wiring, number: int, **changes: Any) -> Example:
    """Return a question on the year of the numbered subject, its gold the answer's span."""
    document = library(workspace).document(f"{SUBJECTS[number]}.md")
    start = document.text.index(str(1800 + number))
    asked = Example(
        f"e{number}", f"In which year was the {SUBJECTS[number]} made?", (str(1800 + number),),
        (Gold(document.id, document.text_hash, start, start + 4),), group=document.id,
        split="train" if number < 13 else "dev",
    )  # fmt: skip
    return replace(asked, **changes)


def material_of(workspace: Wiring, *more: Example) -> Material:
    """Return thirteen questions to train on, five for dev, and more."""
    made = [example(workspace, number) for number in range(18)]
    return gather(workspace, ExampleSet((*made, *more), library(workspace).version), CTX)


def unanswerable(count: int) -> list[Example]:
    return [
        Example(f"u{i}", f"Who sold the {SUBJECTS[i]} to the king?", kind="unanswerable",
                group=f"u{i}", split="train" if i % 4 else "dev")
        for i in range(count)
    ]  # fmt: skip


def rows(run: Run) -> list[dict[str, Any]]:
    lines = (run.folder / "data.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_both_objectives_take_the_same_steps_over_the_same_answerable_examples(
    workspace: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One example that RAFT cannot show whole, though a question without passages would fit.
    long = example(workspace, 12, id="long", answers=("word " * 600,), question="Too long?")
    material = material_of(workspace, *unanswerable(12), long)
    half = {"tune.generator.distractors_only": "0.5"}
    workspace = open_workspace(workspace.layout.root, {**_flags(workspace), **half})

    def never(*args: Any, **options: Any) -> None:
        raise AssertionError("training without passages needs no retrieval")

    with monkeypatch.context() as patch:
        patch.setattr(raft_objective, "distractors", never)
        patch.setattr(tuning, "retrieval", never)
        closed = tune_part(workspace, "generator", material, asked=CLOSED, ctx=CTX)
    raft = tune_part(workspace, "generator", material, ctx=CTX)

    learned = {run.id: [r["example"] for r in rows(run) if r["split"] == "train"]
               for run in (raft, closed)}  # fmt: skip
    assert len(learned[raft.id]) == 13 + 7 and len(learned[closed.id]) == 13
    assert set(learned[closed.id]) == {id for id in learned[raft.id] if id.startswith("e")}
    assert raft.counts["steps"] == closed.counts["steps"] == math.ceil(20 / 4)
    assert raft.recipe.schedule.epochs == 1.0 < closed.recipe.schedule.epochs
    assert raft.counts["train: has no answer to learn"] == 9 - 7
    # told on its own: the other run was not there yet, and changes nothing
    again = tune_part(workspace, "generator", material, asked=CLOSED, ctx=CTX)
    assert again.recipe == closed.recipe and again.digest == closed.digest
    assert raft.counts["train: too long"] == closed.counts["train: too long"] == 1


def test_a_run_of_a_generator_keeps_what_it_needs_to_be_made_again(workspace: Wiring) -> None:
    material = material_of(workspace, *unanswerable(6))
    some = {"tune.generator.distractors_only": "0.2"}
    workspace = open_workspace(workspace.layout.root, {**_flags(workspace), **some})
    raft = tune_part(workspace, "generator", material, ctx=CTX)
    assert read_run(raft.folder) == raft
    assert raft.settings["prompt"] == GROUNDED.to_dict()
    assert raft.settings["tune"]["generator"]["batch_size"] == 4
    assert raft.settings["retrieve"] == material.settings.retrieve.model_dump(mode="json")
    assert raft.library_version == material.held.version
    assert raft.recipe.base_digest
    # the tiny model reads 512 tokens, and the settings would allow 900
    assert raft.recipe.schedule.max_tokens == 512
    assert raft.data_digest == file_hash(raft.folder / "data.jsonl")

    found = rows(raft)
    assert {row["split"] for row in found} == {"train", "dev"}
    asked = [e for e in material.dev if e.answerable]
    served = retrieval(workspace, material, material.settings, limit=3, ctx=CTX)
    brought = [[h.passage_id for h in s.hits] for s in served([search_for(e) for e in asked])]
    shown = {row["example"]: row["shown"] for row in found if row["split"] == "dev"}
    for example, ids in zip(asked, brought, strict=True):
        fitting = shown[example.id]
        assert fitting and fitting == ids[: len(fitting)], "dev is asked as serving asks"
    hidden = 0
    for row in found:
        if row["split"] == "dev":
            continue
        gold = [p.id for p in material.gold[row["example"]][:1]]
        assert row["positives"] == gold and row["digest"]
        assert 1 <= len(row["shown"]) <= 3
        others = set(row["shown"]) - set(gold)
        texts = [p.text for p in material.held.passages(sorted(others))]
        asked = next(e for e in (*material.train, *material.dev) if e.id == row["example"])
        assert not any(answer in text for answer in asked.answers for text in texts)
        hidden += bool(gold) and not set(gold) & set(row["shown"])
    # A fifth of as many as have an answer: unanswerable ones, and no others, see no evidence.
    taught = [row["example"] for row in found if row["split"] == "train"]
    assert hidden == 0 and len(taught) == 13 + round(0.2 * 13)
    assert len({row["digest"] for row in found}) == len(found)

    closed = tune_part(workspace, "generator", material, asked=CLOSED, ctx=CTX)
    assert closed.settings["prompt"] == CLOSED_BOOK.to_dict()
    assert all(row["positives"] and not row["shown"] for row in rows(closed))
    assert closed.data_digest != raft.data_digest

    passages = {id for row in found for id in (*row["positives"], *row["shown"])}
    told = workspace.ledger.documents_of_run(raft.id)
    assert set(told) == {p.document_id for p in material.held.passages(sorted(passages))}


def test_what_ranks_keeps_its_mined_negatives_and_what_it_started_from(workspace: Wiring) -> None:
    material = material_of(workspace)
    base = encoder(workspace, material.settings.encoder)
    for part in ("retriever", "reranker"):
        run = tune_part(workspace, part, material, ctx=CTX)
        assert read_run(run.folder) == run
        assert run.recipe.base_digest == base.digest
        assert run.settings["tune"]["retriever"]["epochs"] == 1.0
        assert run.library_version == material.held.version
        trained = [row for row in rows(run) if row["split"] == "train"]
        assert {row["example"] for row in trained} == {f"e{i}" for i in range(13)}
        for row in trained:
            gold = {p.id for p in material.gold[row["example"]]}
            assert len(row["positives"]) == 1 and set(row["positives"]) <= gold
            assert not set(row["shown"]) & gold
        assert any(row["shown"] for row in trained)
        assert any(name.startswith("mined: ") for name in run.counts)
        dev = {row["example"]: row for row in rows(run) if row["split"] == "dev"}
        assert set(dev) - {""} == {f"e{i}" for i in range(13, 18)}
        ranked = dev[""]["shown"] if "" in dev else dev["e13"]["shown"]
        assert ranked and len(set(ranked)) == len(ranked)
        again = tune_part(workspace, part, material, ctx=CTX)
        assert (again.data_digest, again.digest) == (run.data_digest, run.digest)


def test_a_given_reranker_is_named_by_its_own_digest(
    workspace: Wiring, tiny_models: dict[str, str]
) -> None:
    grown = tune_part(workspace, "reranker", material_of(workspace), ctx=CTX)
    flags = {**tiny_models, **SMALL, "tune.reranker.model": f"runs/{grown.id}"}
    again = open_workspace(workspace.layout.root, flags)
    tuned = tune_part(again, "reranker", material_of(again), ctx=CTX)
    assert tuned.recipe.base == f"runs/{grown.id}"
    assert tuned.recipe.base_digest not in ("", grown.recipe.base_digest)


def test_fusion_keeps_the_rankings_it_was_fitted_on(workspace: Wiring) -> None:
    material = material_of(workspace)
    run = tune_fusion_part(workspace, material, ctx=CTX)
    assert read_run(run.folder) == run and run.settings["tune"]
    assert run.recipe.base_digest == encoder(workspace, material.settings.encoder).digest
    found = rows(run)
    assert {(row["example"], row["stage"]) for row in found} == {
        (f"e{i}", leg) for i in range(18) for leg in ("dense", "bm25")
    }
    lexical = next(row for row in found if row["example"] == "e3" and row["stage"] == "bm25")
    assert lexical["split"] == "train"
    assert lexical["shown"][0] == lexical["positives"][0] == material.gold["e3"][0].id


@pytest.mark.parametrize("part", ["retriever", "reranker", "fusion"])
def test_documents_that_chose_the_weights_on_dev_are_behind_a_run(
    workspace: Wiring, part: Part
) -> None:
    run = tune_part(workspace, part, material_of(workspace), ctx=CTX)
    told = workspace.ledger.documents_of_run(run.id)
    assert {f"{SUBJECTS[i]}.md" for i in range(18)} <= set(told)


def test_whoever_may_see_a_dev_document_is_kept_with_the_run(
    tmp_path: Path, documents: Path, tiny_models: dict[str, str]
) -> None:
    made = open_workspace(tmp_path / "closed", {**tiny_models, **SMALL})
    own = tmp_path / "own"
    own.mkdir()
    (documents / f"{SUBJECTS[13]}.md").rename(own / f"{SUBJECTS[13]}.md")
    ingest(made, [str(documents)], ctx=CTX)
    ingest(made, [str(own)], access=("board",), ctx=CTX)
    run = tune_fusion_part(made, material_of(made), ctx=CTX)
    (row,) = [row for row in made.ledger.runs() if row["id"] == run.id]
    assert row["access"] == ["board"]


def many_gold(workspace: Wiring, count: int) -> Example:
    """Return a question that each of the first `count` documents answers."""
    held = library(workspace)
    gold = []
    for subject in SUBJECTS[:count]:
        document = held.document(f"{subject}.md")
        start = document.text.index("by a smith")
        gold.append(Gold(document.id, document.text_hash, start, start + 10))
    return Example("many", "Who made it?", ("zzz",), tuple(gold), group="many")


@pytest.mark.parametrize("count", [3, 9])
def test_every_gold_passage_is_known_and_some_are_trained_on(
    workspace: Wiring, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    material = material_of(workspace, many_gold(workspace, count))
    seen: list[Any] = []
    train = tuning.tune_retriever

    def keeping(base: Any, items: Any, *args: Any, **options: Any) -> Any:
        seen.extend(items["contrastive"])
        return train(base, items, *args, **options)

    monkeypatch.setattr(tuning, "tune_retriever", keeping)
    tune_part(workspace, "retriever", material, ctx=CTX)
    gold = {p.id for p in material.gold["many"]}
    mine = [triple for triple in seen if triple.example == "many"]
    assert len(gold) >= count and len(mine) == min(len(gold), POSITIVES)
    assert len({triple.positive.id for triple in mine}) == len(mine), "none is thrown away"
    for triple in mine:
        assert gold <= triple.gold, "else the others could be negatives of its batch"
        assert not gold & {p.id for p in triple.negatives}


def test_a_question_that_needs_two_passages_is_taught_from_both(workspace: Wiring) -> None:
    asked = many_gold(workspace, 2)
    material = material_of(workspace, replace(asked, answers=("a smith",)))
    run = tune_part(workspace, "generator", material, ctx=CTX)
    (row,) = [row for row in rows(run) if row["example"] == "many"]
    gold = {p.id for p in material.gold["many"]}
    assert len(gold) == 2 and set(row["positives"]) == gold
    assert gold <= set(row["shown"])


def test_an_interrupted_tuning_is_gone_on_with_and_its_checkpoint_goes(
    workspace: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stop(Exception):
        pass

    def stop(event: Event) -> None:
        if event.phase == "progress" and event.stage == "tune generator" and event.done == 2:
            raise Stop

    material = material_of(workspace)
    monkeypatch.setattr(tuning, "checkpoint_of", often)
    folder = workspace.layout.checkpoints
    with pytest.raises(Stop):
        tune_part(workspace, "generator", material, ctx=Context(events=stop))
    assert len(list(folder.iterdir())) == 1 and not workspace.ledger.runs()
    told: list[str] = []
    heard = Context(events=lambda event: told.append(event.message))
    run = tune_part(workspace, "generator", material, ctx=heard)
    assert any("gone on with, at step 2 of" in text for text in told)
    assert list(folder.iterdir()) == []
    assert tune_part(workspace, "generator", material, ctx=CTX).digest == run.digest


def often(*args: Any, now: float) -> Any:
    return replace(checkpoint_of(*args, now=now), every=0.0)


def test_a_run_says_its_role_what_it_changes_and_whose_documents_it_holds(
    workspace: Wiring,
) -> None:
    material = material_of(workspace)
    for part, role, key in (
        ("retriever", "contrastive", "encoder.model"),
        ("fusion", "weights", "retrieve.stages.fuse.run"),
        ("reranker", "pointwise", "retrieve.stages.rerank.model"),
        ("generator", "raft", "generate.adapter"),
    ):
        run = tune_part(workspace, part, material, ctx=CTX)
        assert run.role == role and run.changes[key] == f"runs/{run.id}"
        assert [artefact.part for artefact in run.artefacts] == [part]
        assert (run.artefact(part).probe is None) == (part == "fusion")
        used = with_run(material.settings, run)
        assert runs_of(used) == (run.id,)
    # what it was trained with answers as it did: all of it loads again
    again = open_workspace(workspace.layout.root, _flags(workspace))
    assert encoder(again, with_run(material.settings, read_run_of(again, "retriever")).encoder)


@pytest.mark.parametrize("adapter", ["full", "bottleneck"])
def test_a_generator_tuned_by_any_kind_is_served_by_it(workspace: Wiring, adapter: str) -> None:
    ADAPTERS.add(Bottleneck)
    try:
        material = material_of(workspace)
        run = tune_part(workspace, "generator", material, asked=Asked(adapter=adapter), ctx=CTX)
        assert run.recipe.adapter["name"] == adapter and run.after["loss"] < run.before["loss"]
        settings = with_run(material.settings, run)
        base = causal(workspace, settings.generate)
        name = loaded_adapter(workspace, settings.generate)
        ids = torch.tensor([base.ids([{"role": "user", "content": "Who?"}])])
        with torch.no_grad():
            with base.using(name):
                tuned = base.model(input_ids=ids).logits
            with base.using(""):
                assert not torch.equal(base.model(input_ids=ids).logits, tuned)
        probe = run.artefact("generator").probe
        assert probe is not None and probe.moved > 0
    finally:
        ADAPTERS.drop("bottleneck")


def test_a_model_whose_probe_tells_nothing_is_compared_by_its_files(workspace: Wiring) -> None:
    material = material_of(workspace)
    run = tune_part(workspace, "retriever", material, ctx=CTX)
    weights = run.weights / "model.safetensors"
    about = run.folder / "run.json"
    value = json.loads(about.read_text())
    value["artefacts"][0]["probe"]["moved"] = 0.0
    about.write_text(json.dumps(value))
    settings = with_run(material.settings, run)
    again = open_workspace(workspace.layout.root, _flags(workspace))
    assert encoder(again, settings.encoder)
    held = load_file(weights)
    name = max(held, key=lambda name: held[name].numel())
    held[name].flatten()[0] += 1e-6
    save_file(held, weights, metadata={"format": "pt"})
    again = open_workspace(workspace.layout.root, _flags(workspace))
    with pytest.raises(ModelError, match="are not those that were trained"):
        encoder(again, settings.encoder)


def read_run_of(workspace: Wiring, part: str) -> Run:
    id = [row["id"] for row in workspace.ledger.runs() if row["part"] == part][-1]
    return read_run(workspace.layout.runs / id)


def _flags(workspace: Wiring) -> dict[str, str]:
    config = workspace.config
    return {
        **SMALL, "encoder.model": config.encoder.model, "generate.model": config.generate.model,
        "generate.max_new_tokens": "8", "segment.tokenizer": "words", "segment.max_tokens": "60",
    }  # fmt: skip
